//! The set of ten policies and a hundred entities, `benches/ten`: its entities, its server, and questions of it.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::program::Program;
use super::questions::{Asked, Dice};

const USERS: usize = 40;
const DOCUMENTS: usize = 46;
const TEAMS: usize = 10;
const FOLDERS: [&str; 4] = ["handbook", "offers", "letters", "drawings"];
const ACTIONS: [&str; 4] = ["view", "edit", "share", "remove"];

fn of_ten(user: usize, action: usize, document: usize, mfa: bool) -> Asked {
    Asked {
        principal: ("User", format!("user-{user}")),
        action: ACTIONS[action],
        resource: ("Document", format!("document-{document}")),
        context: json!({"mfa": mfa}),
    }
}

pub(crate) fn random_of_ten(n: usize) -> Asked {
    let mut dice = Dice(n as u64);
    let (user, action) = (dice.roll(USERS), dice.roll(ACTIONS.len()));
    of_ten(user, action, dice.roll(DOCUMENTS), dice.roll(2) == 0)
}

/// So many different questions of one random user, all in one session: with a second factor or without.
pub(crate) fn random_of_one_user(n: usize, questions: usize) -> Vec<Asked> {
    let mut dice = Dice(n as u64);
    let (user, mfa) = (dice.roll(USERS), dice.roll(2) == 0);
    let mut rest: Vec<usize> = (0..ACTIONS.len() * DOCUMENTS).collect();
    (0..questions)
        .map(|_| {
            let taken = rest.swap_remove(dice.roll(rest.len()));
            of_ten(user, taken % ACTIONS.len(), taken / ACTIONS.len(), mfa)
        })
        .collect()
}

/// Each question that there is.
pub(crate) fn all_of_ten() -> impl Iterator<Item = Asked> {
    (0..USERS * ACTIONS.len() * DOCUMENTS * 2).map(|n| {
        let (n, mfa) = (n / 2, n % 2 == 0);
        let (n, action) = (n / ACTIONS.len(), n % ACTIONS.len());
        of_ten(n % USERS, action, n / USERS, mfa)
    })
}

/// `serve` with the ten policies and their entities, which it writes to a directory.
pub(crate) fn serve_ten(directory: &Path) -> Command {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/ten");
    let entities = directory.join("entities.json");
    std::fs::write(&entities, entities_of_ten().to_string()).unwrap();
    let mut command = Program::serve(&format!("entities:{}", entities.display()));
    command.arg("--schema").arg(own.join("ten.cedarschema"));
    command.arg("--policies").arg(own.join("policies"));
    command
}

/// The hundred entities of `benches/ten`, in Cedar's JSON.
pub(crate) fn entities_of_ten() -> Value {
    let uid = |ty: &str, id: String| json!({"type": ty, "id": id});
    let entity = |ty, id| json!({"__entity": uid(ty, id)});
    let team = |n: usize| format!("team-{}", n % TEAMS);
    let teams =
        (0..TEAMS).map(|n| json!({"uid": uid("Team", team(n)), "attrs": {}, "parents": []}));
    let users = (0..USERS).map(|n| {
        json!({
            "uid": uid("User", format!("user-{n}")),
            "attrs": {"grade": n % 7, "suspended": n % 13 == 5},
            "parents": [uid("Team", team(n))],
        })
    });
    let folders = FOLDERS.iter().enumerate().map(|(n, folder)| {
        json!({
            "uid": uid("Folder", (*folder).to_owned()),
            "attrs": {"team": entity("Team", team(n))},
            "parents": [],
        })
    });
    let documents = (0..DOCUMENTS).map(|n| {
        json!({
            "uid": uid("Document", format!("document-{n}")),
            "attrs": {
                "owner": entity("User", format!("user-{}", n % USERS)),
                "team": entity("Team", team(n / 3)),
                "secret": n % 4 == 1,
                "published": n % 5 == 2,
            },
            "parents": [uid("Folder", FOLDERS[n % FOLDERS.len()].to_owned())],
        })
    });
    teams.chain(users).chain(folders).chain(documents).collect()
}
