//! A user with about as many memberships as are read together, and a party with about as many users, while both
//! come and go.

use std::collections::BTreeSet;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{FEW, answers, misses, question};
use crate::postgres::client::SqlConnection;
use crate::postgres::server::SHARED;
use crate::rules::rng::Rng;
use crate::sidecar::{Sidecar, Start};

/// Organisations, and users. The last organisations and users have nothing to do with those that change.
const ALL: usize = FEW + 8;

const ROUNDS: usize = 24;

const PARTY: &str = "iso6523-actorid-upis::0007:p0";

fn documents() -> Vec<Value> {
    let users = (0..ALL).map(|n| {
        json!({"type": "USER", "id": format!("u{n}"), "email": format!("u{n}@x.example"), "emailVerified": true,
               "superadmin": false})
    });
    let organisations = (0..ALL).map(|n| {
        json!({"type": "ORGANISATION", "id": format!("o{n}"), "legalIdentifierCode": "SE_ORGNR",
               "legalIdentifier": format!("55{n}"), "organisationMode": "SHARED", "modeChangeRequest": null,
               "contacts": [{"contactType": "BUSINESS"}]})
    });
    let rest = [
        json!({"type": "ACCESS_POINT", "id": "ap", "environment": "TEST", "organisationId": null}),
        json!({"type": "PARTICIPANT", "id": PARTY, "organisationId": "o0", "environment": "TEST"}),
    ];
    users.chain(organisations).chain(rest).collect()
}

/// The roles of each user, as they were written.
#[derive(Default)]
struct Written {
    /// The organisations that `u0` is orgadmin of.
    organisations: BTreeSet<usize>,
    /// The users who may send for the party.
    users: BTreeSet<usize>,
}

impl Written {
    /// Writes until there are so many, and moves one.
    fn write(&mut self, rng: &mut Rng, count: usize, sql: &mut String) {
        let insert = |n: &usize| {
            format!(
                "INSERT INTO membership (user_id, organisation_id, member_role) VALUES ('u0', 'o{n}', 'orgadmin');\n"
            )
        };
        let delete = |n: &usize| {
            format!("DELETE FROM membership WHERE user_id = 'u0' AND organisation_id = 'o{n}';\n")
        };
        change(&mut self.organisations, rng, count, sql, (&insert, &delete));
        let insert = |n: &usize| {
            format!(
                "INSERT INTO party_authorization (participant_id, user_id, name, can_send_document, \
                 can_receive_document, can_remove_document, can_manage_hook) \
                 SELECT id, 'u{n}', 'n', v.yes, v.no, v.no, v.yes FROM participant CROSS JOIN \
                 (SELECT 1 = 1 AS yes, 1 = 0 AS no) AS v;\n"
            )
        };
        let delete =
            |n: &usize| format!("DELETE FROM party_authorization WHERE user_id = 'u{n}';\n");
        change(&mut self.users, rng, count, sql, (&insert, &delete));
    }
}

type Statement<'s> = &'s dyn Fn(&usize) -> String;

/// Takes one away for another one, and then some, until there are so many.
fn change(
    all: &mut BTreeSet<usize>,
    rng: &mut Rng,
    count: usize,
    sql: &mut String,
    (insert, delete): (Statement<'_>, Statement<'_>),
) {
    let mut moved = false;
    while all.len() != count || !moved {
        let n = rng.below(ALL);
        if all.len() < count && all.insert(n) {
            sql.push_str(&insert(&n));
        } else if (all.len() > count || !moved) && all.remove(&n) {
            moved = true;
            sql.push_str(&delete(&n));
        }
        moved |= count == 0;
    }
}

/// Of `u0` about each organisation, of each user about the party, and of others.
fn questions(rng: &mut Rng) -> Vec<Value> {
    let about = |user: &str, n: usize| {
        let id = format!("o{n}");
        question(user, "getOrganisation", ("Organisation", &id), json!({}))
    };
    let mut all: Vec<Value> = (0..ALL).map(|n| about("u0", n)).collect();
    all.extend((0..ALL).map(|n| {
        let context = json!({"accessPoint": "ap"});
        question(
            &format!("u{n}"),
            "sendDocument",
            ("Participant", PARTY),
            context,
        )
    }));
    all.extend((0..20).map(|_| about(&format!("u{}", rng.below(ALL + 2)), rng.below(ALL + 2))));
    // In any order.
    for place in (1..all.len()).rev() {
        all.swap(place, rng.below(place + 1));
    }
    all
}

/// One sidecar keeps what it reads, another reads each time.
fn answers_are_those_of_a_fresh_read(
    seed: u64,
    [keeping, plain]: [&Sidecar; 2],
    write: impl Fn(&str),
) {
    let mut rng = Rng::new(seed);
    let mut written = Written::default();
    let own = |n: usize| {
        let id = format!("o{n}");
        question("u0", "getOrganisation", ("Organisation", &id), json!({}))
    };
    let allowed = |answer: &Value| answer["decision"] == "Allow";
    // Below the limit, at it and above it, each after each other one.
    let counts = [
        FEW - 1,
        FEW,
        FEW + 1,
        FEW,
        FEW - 1,
        FEW + 1,
        0,
        FEW + 1,
        1,
        FEW,
    ];
    for round in 0..ROUNDS {
        let mut sql = "BEGIN;\n".to_owned();
        let count = counts[round % counts.len()];
        written.write(&mut rng, count, &mut sql);
        write(&(sql + "COMMIT;"));
        let questions = questions(&mut rng);
        // One by one and in pieces, so that what is kept comes from here and from there.
        let (first, rest) = questions.split_at(rng.below(questions.len()));
        let (second, third) = rest.split_at(rng.below(rest.len() + 1).min(3));
        for part in [first, second, third]
            .into_iter()
            .filter(|part| !part.is_empty())
        {
            let [kept, anew] = [keeping, plain].map(|sidecar| answers(sidecar, part));
            for ((kept, anew), asked) in kept.iter().zip(&anew).zip(part) {
                assert_eq!(kept, anew, "round {round}, {count} tags: {asked}");
            }
        }
        let all: Vec<Value> = (0..ALL).map(own).collect();
        for (n, answer) in answers(keeping, &all).iter().enumerate() {
            let is_in = written.organisations.contains(&n);
            assert_eq!(allowed(answer), is_in, "round {round}, {count} tags: o{n}");
        }
        // All decisions are given again by now. Another action asks for the same tags.
        let other = |n: usize| {
            let id = format!("o{n}");
            question("u0", "updateOrganisation", ("Organisation", &id), json!({}))
        };
        answers(keeping, &[other(0)]);
        let before = misses(keeping);
        answers(keeping, &(1..ALL).map(other).collect::<Vec<_>>());
        assert_eq!(
            misses(keeping),
            before,
            "round {round}: nothing was read again"
        );
    }
}

/// How many reads a question about another organisation needs, at most.
fn reads_of_another(keeping: &Sidecar, write: impl Fn(&str)) {
    let mut rng = Rng::new(3);
    let mut written = Written::default();
    let of = |user: &str, organisations: std::ops::Range<usize>| -> Vec<Value> {
        let about = organisations.map(|n| {
            let id = format!("o{n}");
            question(user, "getOrganisation", ("Organisation", &id), json!({}))
        });
        about.collect()
    };
    for (count, together) in [
        (FEW - 1, true),
        (FEW + 1, false),
        (FEW, true),
        (FEW + 2, false),
    ] {
        let mut sql = "BEGIN;\n".to_owned();
        written.write(&mut rng, count, &mut sql);
        write(&(sql + "COMMIT;"));
        // Another user asks for all the rest before.
        answers(keeping, &of("u1", 0..ALL));
        answers(keeping, &of("u0", 0..1));
        let before = misses(keeping);
        answers(keeping, &of("u0", 1..ALL));
        let reads = misses(keeping) - before;
        match together {
            true => assert_eq!(reads, 0.0, "{count} tags"),
            false => assert!(reads >= (ALL - 1) as f64, "{count} tags: {reads}"),
        }
    }
}

fn sqlite() -> ([Sidecar; 2], impl Fn(&str)) {
    let keeping = Start::new().documents(&documents()).start();
    let path = keeping.path("tenancy.db");
    let source = format!("sqlite:{}", path.display());
    let plain = Start::new()
        .with(&["--tenancy", &source])
        .variable("PEPPOL_AUTHZ_CACHE__ENABLED", "false")
        .start();
    let database = Connection::open(&path).unwrap();
    let patience = std::time::Duration::from_secs(20);
    database.busy_timeout(patience).unwrap();
    ([keeping, plain], move |sql: &str| {
        database.execute_batch(sql).unwrap();
    })
}

fn postgres() -> ([Sidecar; 2], impl Fn(&str)) {
    let database = SHARED.database();
    let documents = documents();
    let start = |enabled: &str| {
        Start::new()
            .with(&["--tenancy", &database.url()])
            .variable("PEPPOL_AUTHZ_STORE__TIMEOUT", "60s")
            .variable("PEPPOL_AUTHZ_CACHE__ENABLED", enabled)
    };
    let keeping = start("true").documents(&documents).start();
    let plain = start("false").start();
    let writer = SqlConnection::open(&database);
    ([keeping, plain], move |sql: &str| {
        let _ = &database;
        writer.sql(sql);
    })
}

#[test]
fn answers_of_sqlite_are_those_of_a_fresh_read() {
    let ([keeping, plain], write) = sqlite();
    answers_are_those_of_a_fresh_read(1, [&keeping, &plain], write);
}

#[test]
fn answers_of_postgres_are_those_of_a_fresh_read() {
    let ([keeping, plain], write) = postgres();
    answers_are_those_of_a_fresh_read(2, [&keeping, &plain], write);
}

#[test]
fn another_tag_of_few_needs_no_read_of_sqlite() {
    let ([keeping, _plain], write) = sqlite();
    reads_of_another(&keeping, write);
}

#[test]
fn another_tag_of_few_needs_no_read_of_postgres() {
    let ([keeping, _plain], write) = postgres();
    reads_of_another(&keeping, write);
}
