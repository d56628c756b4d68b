//! The shipped policies over random tenancies, by the program itself: the rows of the store's own
//! views that the SQL of a plan finds are those that the rules allow by their independent formulation.

use std::collections::BTreeSet;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};
use serde_json::{Map, Value, json};
use tokio_postgres::types::ToSql;

use super::{seed, worlds};
use crate::postgres::client::connect;
use crate::postgres::server::SHARED;
use crate::rules::oracle::answer;
use crate::rules::question::Question;
use crate::rules::rng::Rng;
use crate::rules::tenancy::Tenancy;
use crate::rules::vocabulary::ACTIONS;
use crate::sidecar::{Sidecar, Start};
use crate::store::runtime;

/// The ids of the rows of a view that a plan finds.
type Found = BTreeSet<String>;

/// Finds rows: by the sidecar, the view and the SQL of a plan.
type Finder = Box<dyn Fn(&Sidecar, &str, &Value) -> Found>;

fn hold(usual: u64, dialect: &str, over: impl Fn() -> (Start, Finder)) {
    let (mut some, mut kinds) = (0, Map::new());
    for number in worlds(usual) {
        let mut rng = Rng::new(seed() * 1_000_037 + number);
        let tenancy = Tenancy::random(&mut rng, 4);
        let (start, rows) = over();
        let start = start.documents(&tenancy.documents());
        let sidecar = start.variable("PEPPOL_AUTHZ_STORE__TIMEOUT", "60s").start();
        for action in ACTIONS
            .iter()
            .filter(|action| action.resource != "Platform")
        {
            for _ in 0..2 {
                let question = Question::of_action(&mut rng, &tenancy, action);
                let (kind, id) = &question.principal;
                let mut wanted = json!({
                    "principal": {"type": format!("Peppol::{kind}"), "id": id},
                    "action": {"type": "Peppol::Action", "id": action.name},
                    "resource": {"type": format!("Peppol::{}", action.resource)},
                    "context": Value::Object(Map::clone(&question.context)),
                });
                wanted["dialect"] = dialect.into();
                let view = format!("\"Peppol::{}\"", action.resource);
                let reply = sidecar.post("/v1/plan", &wanted);
                assert_eq!(reply.status, 200, "{wanted}: {}", reply.text);
                let plan = reply.json();
                let found = rows(&sidecar, &view, &plan["sql"]);
                let allowed = tenancy.ids(action.resource).into_iter().filter(|id| {
                    let mut question = question.clone();
                    question.resource.1 = (*id).to_owned();
                    answer(&tenancy, &question).allow
                });
                let allowed: Found = allowed.map(str::to_owned).collect();
                assert_eq!(found, allowed, "{wanted}\n{plan}");
                some += found.len();
                kinds.insert(plan["kind"].as_str().unwrap().to_owned(), true.into());
            }
        }
    }
    assert!(some > 50 && kinds.len() == 3, "{some} {kinds:?}");
}

#[test]
fn plans_of_random_tenancies_find_what_the_rules_allow() {
    hold(3, "sqlite", || {
        let found = |sidecar: &Sidecar, view: &str, sql: &Value| {
            let database = Connection::open(sidecar.path("tenancy.db")).unwrap();
            let condition = sql["where"].as_str().unwrap();
            let query = format!("SELECT id FROM {view} WHERE {condition}");
            let mut prepared = database.prepare(&query).unwrap();
            let parameters = sql["parameters"].as_array().unwrap().iter();
            let parameters = parameters.map(|value| Sql::Text(value.as_str().unwrap().to_owned()));
            let rows = prepared.query_map(params_from_iter(parameters), |row| row.get(0));
            rows.unwrap().map(Result::unwrap).collect()
        };
        (Start::new(), Box::new(found))
    });
}

#[test]
fn plans_of_random_tenancies_on_postgres_find_what_the_rules_allow() {
    hold(2, "postgresql", || {
        let url = SHARED.database().url();
        let start = Start::new().with(&["--tenancy", &url]);
        let found = move |_: &Sidecar, view: &str, sql: &Value| -> Found {
            let condition = sql["where"].as_str().unwrap();
            let query = format!("SELECT id FROM {view} WHERE {condition}");
            let parameters = sql["parameters"].as_array().unwrap().iter();
            let parameters: Vec<&str> = parameters.map(|value| value.as_str().unwrap()).collect();
            let parameters: Vec<&(dyn ToSql + Sync)> = parameters
                .iter()
                .map(|text| text as &(dyn ToSql + Sync))
                .collect();
            runtime().block_on(async {
                let client = connect(&url).await;
                let rows = client.query(&query, &parameters).await.unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            })
        };
        (start, Box::new(found))
    });
}
