//! `plan`: shows the condition by which a service's own database finds what the policies allow.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value as Json, json};

use super::args::PlanArgs;
use super::asking::{action, ask, prepare};
use super::exit::{Ended, Exit};
use super::input::{context, question_in};
use super::output::{AnyError, failed, misused, say};
use super::search::say_residual;
use peppol_authz_database::RowColumns;
use peppol_authz_engine::policy::Bundle;
use peppol_authz_engine::schema::instant_text;
use peppol_authz_engine::{Engine, Residual, RowPlan, RowPlanOptions, RowPlanRequest};
use peppol_authz_server::config::{Config, PlanSettings};
use peppol_authz_server::http::{Plans, plan_json};

/// The names and the dialect in which a plan is written.
struct PlanNames {
    plans: Plans,
    /// Of the settings.
    names: Json,
    /// Of the request.
    columns: Option<Json>,
    dialect: Option<Json>,
}

pub(super) fn run(args: &PlanArgs) -> Ended {
    let (config, bundle) = prepare(&args.source, &args.policy)?;
    let mut request = request(args, &bundle, config.limits.json_depth)?;
    let written = written(args, &config, &mut request).map_err(misused)?;
    let dialect = written.plans.dialect(written.dialect.as_ref());
    let dialect = dialect.map_err(|misfit| misused(misfit.to_string()))?;
    let (settings, explain, json) = (config.clone(), args.residual, args.json);
    let made = ask(&config, bundle, move |engine| async move {
        make(&engine, &request, &written, &settings, explain).await
    });
    let (residual, made) = made.map_err(failed)?;
    if let Some(residual) = residual.filter(|_| !json) {
        say_residual(&residual);
    }
    let ShownPlan {
        plan,
        of,
        columns,
        at,
    } = made.map_err(failed)?;
    let answer = plan_json(&plan, &columns, dialect).map_err(failed)?;
    match json {
        true => say(answer),
        false => say_plan(&of, &at, &answer),
    }
    Ok(match plan.kind() {
        "never" => Exit::Denied,
        _ => Exit::Done,
    })
}

/// A plan with all that its text says.
struct ShownPlan {
    plan: RowPlan,
    /// The request in words.
    of: String,
    /// When it was made.
    at: String,
    /// The names that it is written with.
    columns: RowColumns,
}

/// Makes a plan. With `explain` it also gives the rest of the policies, even if there is no plan.
async fn make(
    engine: &Engine,
    request: &Json,
    written: &PlanNames,
    config: &Config,
    explain: bool,
) -> Result<(Option<Residual>, Result<ShownPlan, AnyError>), AnyError> {
    let session = engine.session();
    let (request, demand) = RowPlanRequest::read(&session, request, config.limits.entities)?;
    let schema = &session.state.bundle.schema;
    let plans = written
        .plans
        .clone()
        .with_columns(written.names.clone(), schema);
    let plans = plans.map_err(|misfit| format!("`plan.columns`: {misfit}"))?;
    let own = written.columns.as_ref();
    let columns = plans.columns(own, schema, request.resource_type());
    let columns = columns.map_err(|misfit| misfit.to_string())?.into_owned();
    let options = RowPlanOptions {
        explain,
        ..plans.options(&columns)
    };
    let residual = match explain {
        true => Some(request.residual(&session, &options, &demand).await?),
        false => None,
    };
    let at = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let at = instant_text(i64::try_from(at.as_millis())?).unwrap_or_default();
    let plan = request.plan(&session, &options, &demand).await;
    let of = request.to_string();
    let made = plan.map(|plan| ShownPlan {
        plan,
        of,
        at,
        columns,
    });
    Ok((residual, made.map_err(Into::into)))
}

fn request(args: &PlanArgs, bundle: &Bundle, depth: usize) -> Result<Json, Exit> {
    if let Some(path) = &args.request {
        return question_in(path, depth).map_err(misused);
    }
    let mut request = Map::new();
    let principal = args.principal.as_deref().unwrap_or_default();
    request.insert("principal".to_owned(), principal.into());
    let resource = args.resource.as_deref().unwrap_or_default();
    request.insert("resource".to_owned(), json!({"type": resource}));
    let name = args.action.as_deref().unwrap_or_default();
    let name = action(name, bundle).map_err(failed)?;
    request.insert("action".to_owned(), name.into());
    let context = context(args.context.as_deref(), depth).map_err(misused)?;
    request.insert("context".to_owned(), context);
    Ok(Json::Object(request))
}

/// Takes out of a request what says how to answer it. Arguments win over the settings, and a
/// request over both.
fn written(args: &PlanArgs, config: &Config, request: &mut Json) -> Result<PlanNames, String> {
    let settings = PlanSettings {
        columns: args.columns.clone().or_else(|| config.plan.columns.clone()),
        ..config.plan.clone()
    };
    let mut own = |name: &str| request.as_object_mut().and_then(|own| own.remove(name));
    // `--residual` asks for it.
    drop(own("explain"));
    let columns = own("columns");
    let dialect = own("dialect").or_else(|| args.dialect.clone().map(Json::from));
    Ok(PlanNames {
        plans: Plans::new(&settings, &config.limits),
        names: settings.names()?,
        columns,
        dialect,
    })
}

fn say_plan(of: &str, at: &str, answer: &Json) {
    let text = |pointer: &str| {
        answer
            .pointer(pointer)
            .and_then(Json::as_str)
            .unwrap_or_default()
    };
    say(text("/kind"));
    say(format_args!("where {}", text("/sql/where")));
    let parameters = answer.pointer("/sql/parameters").and_then(Json::as_array);
    for (place, parameter) in parameters.into_iter().flatten().enumerate() {
        say(format_args!("  {} {parameter}", place + 1));
    }
    let obligations = answer.get("obligations").and_then(Json::as_array);
    for obligation in obligations.into_iter().flatten().filter_map(Json::as_str) {
        say(format_args!("obligation {obligation}"));
    }
    say(format_args!("of {of}"));
    let (policies, tenancy) = (text("/policyRevision"), text("/tenancyRevision"));
    say(format_args!(
        "at {at}, by policies {policies} and tenancy {tenancy}"
    ));
    say(format_args!("for {}", text("/maxAge")));
}
