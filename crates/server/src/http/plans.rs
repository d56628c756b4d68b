//! How plans are written.

use std::borrow::Cow;
use std::collections::HashSet;
use std::time::Duration;

use cedar_policy::EntityTypeName;
use serde_json::Value as Json;

use crate::config::{LimitsSettings, PlanDialect, PlanSettings};
use peppol_authz_database::{RowColumns, RowDialect};
use peppol_authz_engine::RowPlanOptions;
use peppol_authz_engine::schema::{Misfit, Schema};

/// How plans are made and written where a request does not say.
#[derive(Clone, Debug)]
pub struct Plans {
    dialect: RowDialect,
    options: RowPlanOptions,
    /// The names of tables and columns, by type, as the settings have them and as they were read.
    names: Json,
    columns: RowColumns,
}

impl Plans {
    /// By the settings, without names of tables and columns.
    #[must_use]
    pub fn new(settings: &PlanSettings, limits: &LimitsSettings) -> Self {
        Self {
            dialect: match settings.dialect {
                PlanDialect::Postgresql => RowDialect::Postgres,
                PlanDialect::Sqlite => RowDialect::Sqlite,
            },
            options: RowPlanOptions {
                ids: limits.plan_ids,
                candidates: limits.candidates,
                tables: HashSet::new(),
                binds: true,
                max_age: settings.max_age,
                explain: false,
            },
            names: Json::Object(serde_json::Map::new()),
            columns: RowColumns::default(),
        }
    }

    /// The same with names of tables and columns, as the file has them that the settings name.
    ///
    /// # Errors
    /// Names that do not fit the schema.
    pub fn with_columns(self, names: Json, schema: &Schema) -> Result<Self, Misfit> {
        let columns = RowColumns::read(&names, schema, None)?;
        Ok(Self {
            names,
            columns,
            ..self
        })
    }

    /// Checks that the names fit another schema too. What they mean is the same under each.
    ///
    /// # Errors
    /// One that does not.
    pub fn check(&self, schema: &Schema) -> Result<(), Misfit> {
        RowColumns::read(&self.names, schema, None).map(drop)
    }

    /// How old what a plan knows may become, at most.
    pub(super) fn max_age(&self) -> Duration {
        self.options.max_age
    }

    /// How a plan is made for a caller who fulfils its obligations and has these tables.
    #[must_use]
    pub fn options(&self, columns: &RowColumns) -> RowPlanOptions {
        RowPlanOptions {
            tables: columns.tables().collect(),
            ..self.options.clone()
        }
    }

    /// The dialect that a request names.
    ///
    /// # Errors
    /// A name of none.
    pub fn dialect(&self, named: Option<&Json>) -> Result<RowDialect, Misfit> {
        match named {
            None | Some(Json::Null) => Ok(self.dialect),
            Some(Json::String(name)) => RowDialect::named(name)
                .ok_or_else(|| Misfit::new("`postgresql` or `sqlite` is wanted").within("dialect")),
            Some(_) => Err(Misfit::new("a string is wanted").within("dialect")),
        }
    }

    /// The names of tables and columns, of which those of a request win.
    ///
    /// # Errors
    /// Names that do not fit the schema.
    pub fn columns(
        &self,
        own: Option<&Json>,
        schema: &Schema,
        of: &EntityTypeName,
    ) -> Result<Cow<'_, RowColumns>, Misfit> {
        match own {
            None | Some(Json::Null) => Ok(Cow::Borrowed(&self.columns)),
            Some(own) => {
                let own = RowColumns::read(own, schema, Some(of));
                let own = own.map_err(|misfit| misfit.within("columns"))?;
                Ok(Cow::Owned(self.columns.clone().below(own)))
            }
        }
    }
}
