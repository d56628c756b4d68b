//! Random writes to the shipped tables by plain SQL, as any program may write, and
//! the entities that they can touch.

use cedar_policy::EntityUid;

use crate::rules::rng::Rng;
use crate::store::uid;

/// The dialect of SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// A table: its columns with values for them, of which the first are its key.
struct Table {
    name: &'static str,
    key: usize,
    columns: &'static [(&'static str, &'static [&'static str])],
}

const USERS: &[&str] = &["'u0'", "'u1'", "'u2'", "'u3'"];
const ORGANISATIONS: &[&str] = &["'o0'", "'o1'", "'o2'"];
const PARTICIPANTS: &[&str] = &["'x::p0'", "'x::p1'", "'x::p2'", "'x::p3'"];
const LEGAL_ENTITIES: &[&str] = &["'l0'", "'l1'", "'l2'"];
const SUB_ACCOUNTS: &[&str] = &["'s0'", "'s1'", "'s2'"];
const ACCESS_POINTS: &[&str] = &["'a0'", "'a1'"];
const DOCUMENTS: &[&str] = &["'d0'", "'d1'", "'d2'"];
const EMAILS: &[&str] = &["'e0'", "'e1'", "'e2'", "'e3'", "'e4'", "'e5'"];
const INVITATIONS: &[&str] = &["'i0'", "'i1'", "'i2'"];
const FLAG: &[&str] = &["true", "false"];
const ENVIRONMENTS: &[&str] = &["'TEST'", "'PRODUCTION'"];
/// Written differently by dialect.
const CONTACTS: &[&str] = &["no contacts", "a contact"];

const TABLES: &[Table] = &[
    Table {
        name: "registered_user",
        key: 1,
        columns: &[
            ("id", USERS),
            ("email_verified", FLAG),
            ("superadmin", FLAG),
        ],
    },
    Table {
        name: "organisation",
        key: 1,
        columns: &[
            ("id", ORGANISATIONS),
            ("legal_identifier_code", &["'c'"]),
            ("legal_identifier", &["'1'", "'2'", "'3'", "'4'"]),
            ("mode", &["'DEMO'", "'SHARED'"]),
            ("mode_change_request", &["NULL", "'SHARED'"]),
            ("contact_types", CONTACTS),
            ("participant_limit", &["NULL", "5"]),
        ],
    },
    Table {
        name: "membership",
        key: 3,
        columns: &[
            ("user_id", USERS),
            ("organisation_id", ORGANISATIONS),
            ("member_role", &["'orgadmin'", "'ApUser'", "'ApManager'"]),
        ],
    },
    Table {
        name: "invitation",
        key: 1,
        columns: &[
            ("id", INVITATIONS),
            ("organisation_id", ORGANISATIONS),
            ("email", EMAILS),
            ("member_role", &["'orgadmin'", "'orgmember'"]),
        ],
    },
    Table {
        name: "access_point",
        key: 1,
        columns: &[
            ("id", ACCESS_POINTS),
            ("environment", ENVIRONMENTS),
            ("organisation_id", &["NULL", "'o0'", "'o1'"]),
        ],
    },
    Table {
        name: "participant",
        key: 1,
        columns: &[
            ("id", PARTICIPANTS),
            ("organisation_id", ORGANISATIONS),
            ("environment", ENVIRONMENTS),
        ],
    },
    Table {
        name: "party_authorization",
        key: 2,
        columns: &[
            ("participant_id", PARTICIPANTS),
            ("user_id", USERS),
            ("name", &["'n'", "'m'"]),
            ("can_send_document", FLAG),
            ("can_receive_document", FLAG),
            ("can_remove_document", FLAG),
            ("can_manage_hook", FLAG),
        ],
    },
    Table {
        name: "legal_entity",
        key: 1,
        columns: &[("id", LEGAL_ENTITIES), ("organisation_id", ORGANISATIONS)],
    },
    Table {
        name: "sub_account",
        key: 1,
        columns: &[
            ("id", SUB_ACCOUNTS),
            ("organisation_id", ORGANISATIONS),
            ("full_access", FLAG),
        ],
    },
    Table {
        name: "sub_account_legal_entity",
        key: 2,
        columns: &[
            ("sub_account_id", SUB_ACCOUNTS),
            ("legal_entity_id", LEGAL_ENTITIES),
        ],
    },
    // Half of its rows are refused: an account is of a user or of a sub-account.
    Table {
        name: "account",
        key: 1,
        columns: &[
            ("email", EMAILS),
            ("user_id", &["NULL", "NULL", "'u0'", "'u1'", "'u2'", "'u3'"]),
            ("sub_account_id", &["NULL", "NULL", "'s0'", "'s1'", "'s2'"]),
        ],
    },
    Table {
        name: "document",
        key: 1,
        columns: &[
            ("id", DOCUMENTS),
            ("legal_entity_id", LEGAL_ENTITIES),
            ("direction", &["'SENT'", "'RECEIVED'"]),
        ],
    },
];

/// All entities that can come to be.
pub(crate) fn entities() -> Vec<EntityUid> {
    [
        ("User", USERS),
        ("Organisation", ORGANISATIONS),
        ("Participant", PARTICIPANTS),
        ("ParticipantIdentifier", PARTICIPANTS),
        ("LegalEntity", LEGAL_ENTITIES),
        ("SubAccount", SUB_ACCOUNTS),
        ("Invitation", INVITATIONS),
        ("AccessPoint", ACCESS_POINTS),
        ("Document", DOCUMENTS),
        ("EmailAddress", EMAILS),
    ]
    .into_iter()
    .flat_map(|(kind, ids)| {
        let of = move |id: &&str| uid(&format!("Peppol::{kind}"), id.trim_matches('\''));
        ids.iter().map(of)
    })
    .collect()
}

/// A statement, or now and then some of them in a transaction. What refers to what
/// is not there, and so on, is refused by the database.
pub(crate) fn any(rng: &mut Rng, dialect: Dialect) -> String {
    if !rng.percent(15) {
        return statement(rng, dialect);
    }
    let deferred = match dialect {
        Dialect::Sqlite => "PRAGMA defer_foreign_keys = 1",
        Dialect::Postgres => "SET CONSTRAINTS ALL DEFERRED",
    };
    let statements: Vec<String> = (0..rng.between(2, 4))
        .map(|_| statement(rng, dialect))
        .collect();
    format!("BEGIN; {deferred}; {}; COMMIT", statements.join("; "))
}

pub(crate) fn statement(rng: &mut Rng, dialect: Dialect) -> String {
    let tables: Vec<&Table> = TABLES.iter().collect();
    // More of those that others are derived from.
    let busy = ["participant", "party_authorization", "account"];
    let often: Vec<&Table> = TABLES
        .iter()
        .filter(|table| busy.contains(&table.name))
        .collect();
    let tables = if rng.percent(40) { often } else { tables };
    let table = tables[rng.below(tables.len())];
    let sqlite = dialect == Dialect::Sqlite;
    match rng.below(100) {
        0..15 => insert(rng, dialect, table, "INSERT"),
        15..30 => insert(rng, dialect, table, "INSERT") + " ON CONFLICT DO NOTHING",
        30..50 => upsert(rng, dialect, table),
        50..60 if sqlite => insert(rng, dialect, table, "INSERT OR REPLACE"),
        60..66 if sqlite => update(rng, dialect, table, "UPDATE OR REPLACE"),
        66..69 if sqlite => update(rng, dialect, table, "UPDATE OR IGNORE"),
        67..68 if !sqlite => format!(
            "TRUNCATE {}",
            rng.pick(["membership", "party_authorization", "document", "account"])
        ),
        68..69 if !sqlite => "TRUNCATE participant, party_authorization".to_owned(),
        // Several tables in one statement.
        50..55 if !sqlite => format!(
            "WITH gone AS (DELETE FROM party_authorization WHERE user_id = {}), \
             come AS (INSERT INTO participant VALUES ({}, {}, 'TEST') \
               ON CONFLICT (id) DO UPDATE SET organisation_id = excluded.organisation_id) \
             UPDATE party_authorization SET user_id = {} WHERE user_id = {}",
            value(rng, dialect, USERS),
            value(rng, dialect, PARTICIPANTS),
            value(rng, dialect, ORGANISATIONS),
            value(rng, dialect, USERS),
            value(rng, dialect, USERS),
        ),
        50..82 => update(rng, dialect, table, "UPDATE"),
        _ => {
            let (column, values) = table.columns[rng.below(table.key)];
            let value = value(rng, dialect, values);
            format!("DELETE FROM {} WHERE {column} = {value}", table.name)
        }
    }
}

fn value(rng: &mut Rng, dialect: Dialect, values: &[&'static str]) -> &'static str {
    match (values[rng.below(values.len())], dialect) {
        ("no contacts", Dialect::Sqlite) => "'[]'",
        ("a contact", Dialect::Sqlite) => "'[\"BUSINESS\"]'",
        ("no contacts", Dialect::Postgres) => "'{}'",
        ("a contact", Dialect::Postgres) => "'{BUSINESS}'",
        (value, _) => value,
    }
}

fn insert(rng: &mut Rng, dialect: Dialect, table: &Table, verb: &str) -> String {
    let rows: Vec<String> = (0..rng.pick([1, 1, 1, 2, 4]))
        .map(|_| {
            let columns = table.columns.iter();
            let values: Vec<&str> = columns.map(|(_, of)| value(rng, dialect, of)).collect();
            format!("({})", values.join(", "))
        })
        .collect();
    format!("{verb} INTO {} VALUES {}", table.name, rows.join(", "))
}

fn upsert(rng: &mut Rng, dialect: Dialect, table: &Table) -> String {
    let insert = insert(rng, dialect, table, "INSERT");
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
    let (key, rest) = names.split_at(table.key);
    if table.name == "account" && rng.percent(60) {
        let owner = rng.pick(["user_id", "sub_account_id"]);
        return format!(
            "{insert} ON CONFLICT ({owner}) WHERE {owner} IS NOT NULL DO UPDATE SET email = excluded.email"
        );
    }
    // A table that is all key is written once more as it is.
    let set: Vec<String> = if rest.is_empty() { key } else { rest }
        .iter()
        .map(|name| format!("{name} = excluded.{name}"))
        .collect();
    format!(
        "{insert} ON CONFLICT ({}) DO UPDATE SET {}",
        key.join(", "),
        set.join(", ")
    )
}

fn update(rng: &mut Rng, dialect: Dialect, table: &Table, verb: &str) -> String {
    let mut set: Vec<String> = Vec::new();
    while set.is_empty() {
        for (name, values) in table.columns {
            if rng.percent(40) {
                set.push(format!("{name} = {}", value(rng, dialect, values)));
            }
        }
    }
    let (column, values) = table.columns[rng.below(table.columns.len())];
    format!(
        "{verb} {} SET {} WHERE {column} IS NOT DISTINCT FROM {}",
        table.name,
        set.join(", "),
        value(rng, dialect, values)
    )
}
