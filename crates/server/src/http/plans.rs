//! How plans are written.

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
    /// The names of tables and columns, by type.
    columns: Json,
}

impl Plans {
    /// By the settings, with the names of tables and columns in the file that they name.
    #[must_use]
    pub fn new(settings: &PlanSettings, limits: &LimitsSettings, columns: Json) -> Self {
        Self {
            dialect: match settings.dialect {
                PlanDialect::Postgresql => RowDialect::Postgres,
                PlanDialect::Sqlite => RowDialect::Sqlite,
            },
            options: RowPlanOptions {
                ids: limits.plan_ids,
                candidates: limits.candidates,
                max_age: settings.max_age,
                ..RowPlanOptions::default()
            },
            columns,
        }
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
    ) -> Result<RowColumns, Misfit> {
        let usual = RowColumns::read(&self.columns, schema, None);
        let usual = usual.map_err(|misfit| misfit.within("plan.columns"))?;
        match own {
            None | Some(Json::Null) => Ok(usual),
            Some(own) => {
                let own = RowColumns::read(own, schema, Some(of));
                Ok(usual.below(own.map_err(|misfit| misfit.within("columns"))?))
            }
        }
    }
}
