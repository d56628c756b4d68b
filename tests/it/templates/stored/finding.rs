//! Searches and plans over links of a database find what is allowed one by one, in the state that the questions
//! are answered from.

use std::collections::{BTreeSet, HashSet};

use peppol_authz_database::{RowColumns, RowDialect, RowParameter, RowSql};
use peppol_authz_engine::schema::{Row, Value};
use peppol_authz_engine::{Failure, SearchPage, Verdict};
use rusqlite::types::Value as Sql;
use serde_json::{Value as Json, json};

use super::app::{App, USERS};
use crate::deciding::{Deciding, Refused, first_page, plan_options, question};

/// The ids of a type, also of one that nothing has.
fn ids(kind: &str) -> &'static [&'static str] {
    match kind {
        "Plan" => &["p", "shut", "none"],
        "Folder" => &["a", "else", "top", "none"],
        _ => &USERS,
    }
}

/// A search for what may be seen.
pub(super) fn search(principal: Json, resource: Json) -> Json {
    json!({"principal": principal, "action": "Action::\"see\"", "resource": resource})
}

fn is_of_links(refused: &Refused) -> bool {
    matches!(refused, Refused::Failed(Failure::Tenancy(text)) if text.contains("template_link"))
}

/// Those that are allowed, one by one; `None` where some question fails.
fn allowed(deciding: &Deciding, asked: &[(String, Json)]) -> Option<BTreeSet<String>> {
    let questions: Vec<&Json> = asked.iter().map(|(_, question)| question).collect();
    let answers = deciding.ask_all(&questions);
    let mut allowed = BTreeSet::new();
    let mut failed = false;
    for ((id, question), answer) in asked.iter().zip(answers) {
        match answer {
            Ok((_, Verdict::Allow)) => {
                allowed.insert(id.clone());
            }
            Ok(_) => {}
            Err(refused) => {
                assert!(is_of_links(&refused), "{refused:?} {question}");
                failed = true;
            }
        }
    }
    (!failed).then_some(allowed)
}

/// Compares searches for an action and a type of resources, on either side, page by page. `may_fail` is true if
/// there may be rows that misfit.
pub(super) fn agrees(
    deciding: &Deciding,
    (action, kind): (&str, &str),
    may_fail: bool,
    after: &str,
) {
    for principal in USERS {
        let uid = format!("User::\"{principal}\"");
        let asked: Vec<_> = ids(kind)
            .iter()
            .map(|id| {
                let resource = format!("{kind}::\"{id}\"");
                ((*id).to_owned(), question(&uid, action, &resource))
            })
            .collect();
        let mut wanted = question(&uid, action, "");
        wanted["resource"] = json!({"type": kind});
        holds(deciding, &wanted, &asked, may_fail, after);
        // A plan is for those rows, wherever they are.
        let Some(allowed) = allowed(deciding, &asked) else {
            continue;
        };
        if let Some(planned) = planned(deciding, &wanted, after) {
            assert_eq!(planned, allowed, "{wanted} after {after}");
        }
    }
    for id in ids(kind) {
        let uid = format!("{kind}::\"{id}\"");
        let asked: Vec<_> = USERS
            .iter()
            .map(|user| {
                let principal = format!("User::\"{user}\"");
                ((*user).to_owned(), question(&principal, action, &uid))
            })
            .collect();
        let mut wanted = question("", action, &uid);
        wanted["principal"] = json!({"type": "User"});
        holds(deciding, &wanted, &asked, may_fail, after);
    }
}

fn holds(
    deciding: &Deciding,
    wanted: &Json,
    asked: &[(String, Json)],
    may_fail: bool,
    after: &str,
) {
    let mut found = BTreeSet::new();
    let mut part = first_page(1, 100);
    loop {
        match deciding.find(wanted, &part) {
            Ok(page) => {
                let uids = page.entities.iter();
                found.extend(uids.map(|uid| uid.id().unescaped().to_owned()));
                part.after.clone_from(&page.last);
                if !page.more {
                    break;
                }
            }
            // A row could be meant for one that is not there, and that no question fails for.
            Err(refused) => {
                let is_known = may_fail && is_of_links(&refused);
                assert!(is_known, "{refused:?} {wanted} after {after}");
                return;
            }
        }
    }
    assert_eq!(
        Some(found),
        allowed(deciding, asked),
        "{wanted} after {after}"
    );
}

/// The ids of the rows that a plan holds of, in a table of all ids; `None` where there is no plan.
fn planned(deciding: &Deciding, wanted: &Json, after: &str) -> Option<BTreeSet<String>> {
    let plan = match deciding.plan(wanted, &plan_options()) {
        Ok(plan) => plan,
        Err(refused) => {
            assert!(is_of_links(&refused), "{refused:?} {wanted} after {after}");
            return None;
        }
    };
    let sql = RowSql::of(
        &plan.condition,
        &plan.of,
        &RowColumns::default(),
        RowDialect::Sqlite,
    );
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection
        .execute_batch("CREATE TABLE t (id TEXT, owner TEXT, open INTEGER)")
        .unwrap();
    let kind = plan.of.to_string();
    for id in ids(&kind) {
        // As the store has it: whatever is decided of it was looked at.
        let asked = question("User::\"olga\"", "see", &format!("{kind}::\"{id}\""));
        let decision = match deciding.ask(&asked) {
            Ok(decision) => decision,
            Err(refused) => {
                assert!(is_of_links(&refused), "{refused:?}");
                return None;
            }
        };
        let mut rows = decision.slice.iter().map(|seen| &seen.loaded.row);
        let own = |row: &&Row| row.uid.type_name() == &plan.of && row.uid.id().unescaped() == *id;
        let Some(row) = rows.find(own) else { continue };
        let Some(Value::Entity(owner)) = row.attributes.get("owner") else {
            panic!("{row:?}");
        };
        let open = row.attributes.get("open") == Some(&Value::Bool(true));
        let insert = "INSERT INTO t VALUES (?1, ?2, ?3)";
        let owner = owner.id().unescaped();
        connection.execute(insert, (id, owner, open)).unwrap();
    }
    let parameters = sql.parameters.iter().map(|parameter| match parameter {
        RowParameter::Text(text) => Sql::Text(text.to_string()),
        RowParameter::Long(number) => Sql::Integer(*number),
    });
    let text = format!("SELECT id FROM t WHERE {}", sql.condition);
    let mut query = connection.prepare(&text).unwrap();
    let rows = query.query_map(rusqlite::params_from_iter(parameters), |row| row.get(0));
    Some(rows.unwrap().collect::<Result<_, _>>().unwrap())
}

/// The ids that a search finds.
fn found(deciding: &Deciding, wanted: &Json, part: &SearchPage) -> Vec<String> {
    let found = deciding.find(wanted, part);
    let found = found.unwrap_or_else(|refused| panic!("{refused:?} {wanted}"));
    let ids = found.entities.iter().map(|uid| uid.id().unescaped());
    ids.map(str::to_owned).collect()
}

/// A search is of one state, and its next page of the newest.
pub(super) fn is_of_one_state(app: &App, deciding: &Deciding) {
    app.sql(
        "DELETE FROM template_link;
         INSERT INTO template_link VALUES ('g', 'share/viewer', 'Team', 'a', 'Folder', 'top')",
    );
    let plans = search("User::\"anna\"".into(), json!({"type": "Plan"}));
    let first = first_page(1, 100);
    let next = SearchPage {
        after: Some("p".into()),
        ..first.clone()
    };
    assert_eq!(found(deciding, &plans, &first), ["p"]);
    assert_eq!(found(deciding, &plans, &next), ["shut"]);
    app.sql("DELETE FROM template_link");
    assert_eq!(found(deciding, &plans, &next), [""; 0]);
    app.sql("INSERT INTO template_link VALUES ('g', 'share/viewer', 'Team', 'a', 'Folder', 'top')");
    assert_eq!(found(deciding, &plans, &next), ["shut"]);

    // The grant moves from one team to the other, and back, while it is looked for.
    let who = search(json!({"type": "User"}), "Plan::\"p\"".into());
    let wanted = [vec!["anna", "carl", "olga"], vec!["bea", "olga"]];
    let mut seen = HashSet::new();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for number in 0..60 {
                let team = if number % 2 == 0 { 'b' } else { 'a' };
                app.sql(&format!("UPDATE template_link SET principal_id = '{team}'"));
            }
        });
        while !writing.is_finished() {
            let found = found(deciding, &who, &first_page(10, 100));
            assert!(
                wanted.contains(&found.iter().map(String::as_str).collect()),
                "{found:?}"
            );
            seen.insert(found);
        }
    });
    assert_eq!(found(deciding, &who, &first_page(10, 100)), wanted[0]);
    assert!(!seen.is_empty());
    app.sql("DELETE FROM template_link");
}
