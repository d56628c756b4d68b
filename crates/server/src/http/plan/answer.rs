//! A plan as the native wire has it.

use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;

use crate::http::plan_text::PlanText;
use crate::http::problem::Problem;
use crate::http::residual::WireResidual;
use peppol_authz_database::{RowColumns, RowDialect, RowParameter, RowSql};
use peppol_authz_engine::{Residual, RowPlan};

/// A condition on the rows of a service's own table.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RowPlan)]
pub(in crate::http) struct PlanAnswer<'a> {
    /// `always`, `never` or `conditional`.
    kind: &'static str,
    /// The condition as a tree of operators `op`.
    #[schema(value_type = Object)]
    condition: Json,
    sql: WireSql,
    /// The obligations of a caller that acts on any of the rows. Absent where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    obligations: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<PlanExplanation<'a>>,
    policy_revision: &'a str,
    tenancy_revision: &'a str,
    /// How long the plan may be used from now on; `0s` if it is for one use, at once.
    // The last member, and empty: a `PlanText` writes it.
    max_age: &'static str,
}

/// The same in SQL.
#[derive(Serialize, ToSchema)]
#[schema(as = RowSql)]
struct WireSql {
    dialect: &'static str,
    /// A part of a `WHERE`. It is true of the rows that the condition holds of, and false or NULL
    /// of all others, so that nothing may be written around it but `AND` and `OR`.
    #[serde(rename = "where")]
    condition: String,
    /// Its parameters, in the order of their numbers.
    #[schema(value_type = Vec<Object>)]
    parameters: Vec<Json>,
}

/// The part of the policies that depends on the row.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PlanExplanation<'a> {
    /// True if some policy permits it, whatever the row is.
    permitted: bool,
    /// Policies that deny it, whatever the row is.
    denied_by: Vec<&'a str>,
    policies: Vec<WireResidual<'a>>,
}

impl<'a> PlanAnswer<'a> {
    fn new(plan: &'a RowPlan, columns: &RowColumns, dialect: RowDialect) -> Result<Self, Problem> {
        let sql = RowSql::of(&plan.condition, &plan.of, columns, dialect);
        let (parameters, most) = (sql.parameters.len(), dialect.most_parameters());
        if parameters > most {
            let text =
                format!("the condition has {parameters} parameters, where {most} are the most");
            return Err(Problem::PlanTooWide(text));
        }
        let parameters = sql.parameters.iter().map(|parameter| match parameter {
            RowParameter::Text(text) => Json::from(&**text),
            RowParameter::Long(number) => Json::from(*number),
        });
        Ok(Self {
            kind: plan.kind(),
            condition: plan.condition.to_json(),
            sql: WireSql {
                dialect: dialect.name(),
                parameters: parameters.collect(),
                condition: sql.condition,
            },
            obligations: plan.obligations.iter().map(|it| &**it).collect(),
            explanation: plan.residual.as_ref().map(PlanExplanation::new),
            policy_revision: &plan.policy_revision,
            tenancy_revision: &plan.tenancy_revision,
            max_age: "",
        })
    }
}

/// The text of a plan.
///
/// # Errors
/// A condition with more parameters than the database takes.
pub(super) fn plan_text(
    plan: &RowPlan,
    columns: &RowColumns,
    dialect: RowDialect,
) -> Result<PlanText, Problem> {
    let text = serde_json::to_string(&PlanAnswer::new(plan, columns, dialect)?);
    let text = text.map_err(|error| Problem::Internal(error.to_string()))?;
    PlanText::new(&text, plan.until)
        .ok_or_else(|| Problem::Internal("a plan has no end".to_owned()))
}

impl<'a> PlanExplanation<'a> {
    fn new(residual: &'a Residual) -> Self {
        Self {
            permitted: residual.permitted,
            denied_by: residual.denied_by.iter().map(|id| &**id).collect(),
            policies: WireResidual::all(residual),
        }
    }
}

/// A plan as `POST /v1/plan` answers it, for the command line.
///
/// # Errors
/// A condition with more parameters than the database takes.
pub fn plan_json(
    plan: &RowPlan,
    columns: &RowColumns,
    dialect: RowDialect,
) -> Result<Json, String> {
    let text = plan_text(plan, columns, dialect).map_err(|problem| problem.detail())?;
    serde_json::from_str(&text.now()).map_err(|error| error.to_string())
}
