//! Random writes of links, memberships, folders and attributes: engines that keep all that they may answer as
//! one that keeps nothing.

use peppol_authz_engine::Decision;
use serde_json::Value;

use super::app::{App, USERS};
use super::finding;
use crate::deciding::{Deciding, Refused, question};
use crate::rules::rng::Rng;
use crate::search_agrees::seed;

const TEAMS: [&str; 3] = ["a", "b", "none"];
const FOLDERS: [&str; 3] = ["top", "a", "else"];
const PLANS: [&str; 3] = ["p", "shut", "none"];

/// Writes in a run of the suite; `PROPERTY_ROUNDS` makes it longer.
fn rounds(usual: usize) -> usize {
    let rounds = std::env::var("PROPERTY_ROUNDS").ok();
    rounds.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Type and id of a slot, as SQL.
fn principal(rng: &mut Rng) -> String {
    match rng.percent(50) {
        true => format!("'User', '{}'", rng.pick(USERS)),
        false => format!("'Team', '{}'", rng.pick(TEAMS)),
    }
}

fn resource(rng: &mut Rng) -> String {
    match rng.percent(60) {
        true => format!("'Folder', '{}'", rng.pick(FOLDERS)),
        false => format!("'Plan', '{}'", rng.pick(PLANS)),
    }
}

fn link(rng: &mut Rng, id: usize) -> String {
    let (one, other) = (principal(rng), resource(rng));
    let user = rng.pick(USERS);
    match rng.below(12) {
        0..6 => format!("('l{id}', 'share/viewer', {one}, {other})"),
        6..9 => format!("('l{id}', 'share/editor', 'User', '{user}', {other})"),
        9..11 => format!("('l{id}', 'bar/one', 'User', '{user}', NULL, NULL)"),
        // No link of the set.
        _ => format!("('l{id}', 'bar/one', {one}, {other})"),
    }
}

fn write(rng: &mut Rng, is_sqlite: bool) -> String {
    let (id, other) = (rng.below(8), rng.below(8));
    let user = rng.pick(USERS);
    let (yes, no) = if is_sqlite {
        ("1", "0")
    } else {
        ("true", "false")
    };
    let truth = if rng.percent(50) { yes } else { no };
    match rng.below(14) {
        0..4 => {
            let row = link(rng, id);
            let set = "template = excluded.template, principal_type = excluded.principal_type, \
                       principal_id = excluded.principal_id, resource_type = excluded.resource_type, \
                       resource_id = excluded.resource_id";
            match is_sqlite && rng.percent(50) {
                true => format!("INSERT OR REPLACE INTO template_link VALUES {row}"),
                false => format!(
                    "INSERT INTO template_link VALUES {row} ON CONFLICT (link) DO UPDATE SET {set}"
                ),
            }
        }
        4 | 5 => format!("DELETE FROM template_link WHERE link = 'l{id}'"),
        6 => {
            let row = link(rng, id);
            format!(
                "DELETE FROM template_link WHERE link = 'l{id}'; INSERT INTO template_link VALUES {row}"
            )
        }
        7 => format!(
            "UPDATE template_link SET link = 'l{id}' WHERE link = 'l{other}' \
             AND NOT EXISTS (SELECT 1 FROM template_link AS o WHERE o.link = 'l{id}')"
        ),
        8 => format!(
            "UPDATE template_link SET principal_id = '{user}' WHERE principal_type = 'User' AND link >= 'l{id}'"
        ),
        9 => format!("DELETE FROM user_team WHERE user_id = '{user}'"),
        10 => {
            let team = rng.pick(TEAMS);
            format!("INSERT INTO user_team VALUES ('{user}', '{team}') ON CONFLICT DO NOTHING")
        }
        11 => {
            // Never in a circle.
            let (below, above) = rng.pick([("a", "top"), ("a", "else"), ("top", "else")]);
            match rng.percent(50) {
                true => format!("DELETE FROM folder_in WHERE folder_id = '{below}'"),
                false => format!(
                    "DELETE FROM folder_in WHERE folder_id = '{below}'; \
                     INSERT INTO folder_in VALUES ('{below}', '{above}')"
                ),
            }
        }
        12 => format!("UPDATE app_user SET blocked = {truth} WHERE id = '{user}'"),
        _ => {
            let (plan, folder) = (rng.pick(PLANS), rng.pick(FOLDERS));
            format!("UPDATE app_plan SET open = {truth}, within = '{folder}' WHERE id = '{plan}'")
        }
    }
}

fn told(answer: Result<Decision, Refused>) -> String {
    match answer {
        Ok(decision) => format!("{:?} {:?}", decision.verdict, decision.determining),
        Err(Refused::Failed(failure)) => {
            assert!(failure.to_string().contains("template_link"), "{failure}");
            "failed".to_owned()
        }
        Err(refused) => panic!("{refused:?}"),
    }
}

fn asked(rng: &mut Rng) -> Value {
    let (user, action) = (rng.pick(USERS), rng.pick(["see", "edit"]));
    let resource = match rng.percent(50) {
        true => format!("Plan::\"{}\"", rng.pick(PLANS)),
        false => format!("Folder::\"{}\"", rng.pick(FOLDERS)),
    };
    question(&format!("User::\"{user}\""), action, &resource)
}

/// Holds two engines that keep decisions to one that keeps nothing.
pub(super) fn agrees(app: &App, is_sqlite: bool, usual: usize) {
    let keeping = [app.store(), app.store()].map(|store| Deciding::keeping(store, app.bundle()));
    let fresh = Deciding::keeping_nothing(app.store(), app.bundle());
    let mut rng = Rng::new(seed() + 77);
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for number in 0..rounds(usual) {
        let writes: Vec<String> = (0..=rng.below(3))
            .map(|_| write(&mut rng, is_sqlite))
            .collect();
        let end = if rng.percent(15) {
            "ROLLBACK"
        } else {
            "COMMIT"
        };
        let writes = writes.join(";\n");
        app.sql(&format!("BEGIN;\n{writes};\n{end};"));
        for _ in 0..14 {
            let question = asked(&mut rng);
            let wanted = told(fresh.ask(&question));
            for deciding in &keeping {
                // Twice: a decision that was kept under what is past would be given again.
                for _ in 0..2 {
                    let found = told(deciding.ask_kept(&question));
                    assert_eq!(found, wanted, "{question} after {writes}");
                }
            }
            *seen
                .entry(wanted.split(' ').next().unwrap().to_owned())
                .or_default() += 1;
        }
        let kind = rng.pick(["Plan", "Folder"]);
        let action = rng.pick(["see", "edit"]);
        finding::agrees(&keeping[number % 2], (action, kind), true, &writes);
    }
    assert!(seen.len() >= 2, "{seen:?}");
}
