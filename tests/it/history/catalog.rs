//! The things that views rest on change, and no record tells of it: other definitions, triggers that were off,
//! tables that were emptied or written anew.

use serde_json::Value;

use super::postgres::slow;
use super::views::{enter, small};
use super::{GRANT, asked, decision, with};
use crate::eventually::until;
use crate::postgres::scene::quickstart;
use crate::postgres::server::{Database, SHARED};
use crate::sidecar::Sidecar;

/// The tags of users, by a condition on memberships.
fn members_where(condition: &str) -> String {
    format!(
        "CREATE OR REPLACE VIEW \"Peppol::User.tags\" AS
         SELECT user_id AS id, organisation_id AS key, ARRAY[member_role] AS value
         FROM membership WHERE {condition};"
    )
}

const AWAY: &str = "DELETE FROM membership WHERE (user_id, organisation_id) = ('anna', 'globex')";

/// A change of what the views rest on, after which Anna is no member of globex any more.
fn takes_away(before: &str, change: &str) {
    let database = quickstart(&SHARED);
    database.sql(GRANT);
    database.sql(before);
    let sidecar = slow(&database.url());
    assert_eq!(decision(&sidecar, &asked()), "Allow", "{before}");
    database.sql(change);
    let reply = sidecar.post("/v1/is_authorized", &with("maxAge", "0s"));
    let is_allowed = reply.status == 200 && reply.json()["decision"] == "Allow";
    assert!(!is_allowed, "{change}: {}", reply.text);
}

#[test]
fn a_view_under_a_view_that_is_defined_anew() {
    let inner = "CREATE OR REPLACE VIEW members AS SELECT user_id, organisation_id, member_role FROM membership";
    takes_away(
        &format!(
            "{inner}; CREATE OR REPLACE VIEW \"Peppol::User.tags\" AS
             SELECT user_id AS id, organisation_id AS key, ARRAY[member_role] AS value FROM members"
        ),
        &format!("{inner} WHERE user_id <> 'anna'"),
    );
}

#[test]
fn a_function_that_is_defined_anew() {
    let function = |body: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION counts(text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT {body}';"
        )
    };
    takes_away(
        &format!("{}{}", function("true"), members_where("counts(user_id)")),
        &function("false"),
    );
}

#[test]
fn a_column_under_whole_rows() {
    for (condition, change) in [
        (
            "NOT to_jsonb(membership) ? 'ended'",
            "ALTER TABLE membership ADD COLUMN ended boolean",
        ),
        (
            "to_jsonb(membership) ? 'member_role'",
            "ALTER TABLE membership RENAME member_role TO member_was",
        ),
        (
            "to_jsonb(membership) ->> 'note' <> 'ended'",
            "ALTER TABLE membership ALTER note TYPE text USING 'ended'",
        ),
    ] {
        let column = "ALTER TABLE membership ADD COLUMN note text NOT NULL DEFAULT ''; ";
        takes_away(&format!("{column}{}", members_where(condition)), change);
    }
}

#[test]
fn triggers_that_were_off_while_something_was_written() {
    for change in [
        format!(
            "BEGIN; ALTER TABLE membership DISABLE TRIGGER USER; {AWAY};
             ALTER TABLE membership ENABLE TRIGGER USER; COMMIT"
        ),
        format!("BEGIN; DROP TRIGGER membership_changed_by_delete ON membership; {AWAY}; COMMIT"),
        format!(
            "BEGIN; CREATE OR REPLACE FUNCTION tenancy_changed() RETURNS trigger LANGUAGE plpgsql
               AS 'BEGIN RETURN NULL; END'; {AWAY}; COMMIT"
        ),
    ] {
        takes_away("", &change);
    }
}

#[test]
fn a_table_that_is_emptied_without_a_trigger() {
    takes_away(
        "DROP TRIGGER membership_changed_by_truncate ON membership",
        "TRUNCATE membership",
    );
}

/// As `pg_dump --data-only --disable-triggers` writes it, over and over.
#[test]
fn a_table_whose_rows_are_restored_without_triggers() {
    takes_away(
        "",
        "BEGIN; ALTER TABLE membership DISABLE TRIGGER ALL; DELETE FROM membership;
         INSERT INTO membership VALUES ('mia', 'acme', 'orgadmin');
         ALTER TABLE membership ENABLE TRIGGER ALL; COMMIT",
    );
}

#[test]
fn a_table_that_gets_an_heir() {
    let database = quickstart(&SHARED);
    let sidecar = slow(&database.url());
    assert_eq!(decision(&sidecar, &asked()), "Deny");
    database.sql(
        "BEGIN; CREATE TABLE more () INHERITS (membership);
         INSERT INTO more VALUES ('anna', 'globex', 'orgadmin'); COMMIT",
    );
    assert_eq!(decision(&sidecar, &with("maxAge", "0s")), "Allow");
}

/// Tables of an operator's own, noted whole.
fn own(more: &str) -> Database {
    let database = SHARED.database();
    database.sql(
        "CREATE TYPE state AS ENUM ('active', 'ended');
         CREATE TABLE people (id text PRIMARY KEY, state state NOT NULL);
         INSERT INTO people VALUES ('ann', 'active');
         CREATE VIEW \"Door\" AS SELECT 'd' AS id;
         CREATE TABLE tenancy_change (
           transaction xid8 NOT NULL DEFAULT pg_current_xact_id(), entity_type text, entity_id text
         );
         CREATE TABLE tenancy_horizon (pruned_to xid8 NOT NULL);
         INSERT INTO tenancy_horizon VALUES ('0');
         CREATE TABLE tenancy_noted (name text, entity_type text);
         INSERT INTO tenancy_noted VALUES ('people', 'User');",
    );
    database.sql(more);
    database
}

fn enter_fresh(sidecar: &Sidecar) -> Value {
    let mut question = enter();
    question["maxAge"] = "0s".into();
    sidecar.ask(&question)["decision"].clone()
}

#[test]
fn names_that_are_exchanged() {
    for (view, change) in [
        (
            "CREATE VIEW \"User\" AS SELECT id, state::text = 'active' AS active FROM people",
            "BEGIN; ALTER TYPE state RENAME VALUE 'active' TO 'was';
             ALTER TYPE state RENAME VALUE 'ended' TO 'active'; COMMIT",
        ),
        (
            "CREATE VIEW \"User\" AS SELECT id, state = 'active' AS active, state = 'ended' AS ended FROM people",
            "BEGIN; ALTER VIEW \"User\" RENAME active TO was; ALTER VIEW \"User\" RENAME ended TO active; COMMIT",
        ),
    ] {
        let database = own(view);
        let sidecar = small(&database.url(), "1h");
        assert_eq!(decision(&sidecar, &enter()), "Allow");
        database.sql(change);
        assert_eq!(enter_fresh(&sidecar), "Deny", "{change}");
    }
}

/// The upkeep that a server does by itself changes nothing that a view shows.
#[test]
fn what_keeps_a_database_in_order_drops_nothing() {
    let database = quickstart(&SHARED);
    let sidecar = slow(&database.url());
    assert_eq!(decision(&sidecar, &with("maxAge", "0s")), "Deny");
    let reads = || {
        let text = sidecar.get("/metrics").text;
        let line = text
            .lines()
            .find(|line| line.starts_with("peppol_authz_cache_misses_total "))
            .map(str::to_owned);
        line.unwrap_or_else(|| panic!("{text}"))
    };
    let before = reads();
    database.sql("VACUUM (FREEZE, ANALYZE)");
    database.sql("ANALYZE");
    for _ in 0..3 {
        assert_eq!(decision(&sidecar, &with("maxAge", "0s")), "Deny");
    }
    assert_eq!(reads(), before);
    database.sql("REINDEX TABLE membership; ALTER TABLE membership SET (fillfactor = 90)");
    assert_eq!(decision(&sidecar, &with("maxAge", "0s")), "Deny");
    assert_ne!(reads(), before);
}

/// A role that may create in a schema of the path can neither put a view before another nor end the
/// answers.
#[test]
fn a_schema_that_is_open_to_others_does_not_count() {
    let database = quickstart(&SHARED);
    database.sql(&format!(
        "CREATE SCHEMA {0}_open; ALTER DATABASE {0} SET search_path = {0}_open, public",
        database.name
    ));
    let sidecar = slow(&database.url());
    assert_eq!(decision(&sidecar, &asked()), "Deny");
    database.sql(&format!(
        "CREATE VIEW {0}_open.\"Peppol::User.tags\" AS
           SELECT 'anna' AS id, 'globex' AS key, ARRAY['orgadmin'] AS value;
         CREATE TABLE {0}_open.tenancy_change (transaction xid8, entity_type text, entity_id text);
         CREATE TABLE {0}_open.tenancy_horizon (pruned_to xid8);
         CREATE TABLE {0}_open.tenancy_noted (name text, entity_type text);
         ALTER TABLE membership SET (fillfactor = 90)",
        database.name
    ));
    assert_eq!(decision(&sidecar, &with("maxAge", "0s")), "Deny");
    database.sql(GRANT);
    until("it is seen", || decision(&sidecar, &asked()) == "Allow");
}

/// The changes after which no records come any more: a question looks after the change, and
/// again after the write.
fn is_not_trusted_after(change: &str, write: &str) {
    let database = quickstart(&SHARED);
    database.sql(GRANT);
    let sidecar = slow(&database.url());
    assert_eq!(decision(&sidecar, &asked()), "Allow");
    database.sql(change);
    sidecar.post("/v1/is_authorized", &with("maxAge", "0s"));
    database.sql(write);
    let reply = sidecar.post("/v1/is_authorized", &with("maxAge", "0s"));
    let is_allowed = reply.status == 200 && reply.json()["decision"] == "Allow";
    assert!(!is_allowed, "{change}: {}", reply.text);
}

#[test]
fn records_that_come_no_more() {
    for change in [
        "CREATE OR REPLACE FUNCTION tenancy_changed() RETURNS trigger LANGUAGE plpgsql
           AS 'BEGIN RETURN NULL; END'",
        "CREATE OR REPLACE FUNCTION tenancy_record(entity_types text[], entity_ids text[]) RETURNS void
           LANGUAGE sql AS ''",
        "CREATE SCHEMA elsewhere;
         CREATE FUNCTION elsewhere.tenancy_record(text[], text[]) RETURNS void LANGUAGE sql AS '';
         ALTER FUNCTION tenancy_changed() SET search_path = elsewhere, public",
        "ALTER TABLE membership DISABLE TRIGGER USER",
        "ALTER TABLE membership DISABLE TRIGGER membership_changed_by_delete",
        "CREATE RULE away AS ON INSERT TO tenancy_change DO INSTEAD NOTHING",
        "CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         CREATE TRIGGER away BEFORE INSERT ON tenancy_change FOR EACH ROW EXECUTE FUNCTION away()",
        "ALTER TABLE tenancy_change ALTER transaction SET DEFAULT '1'",
    ] {
        is_not_trusted_after(change, AWAY);
    }
}

/// The triggers know the column by its name, and the views by its place.
#[test]
fn an_id_whose_column_is_renamed() {
    is_not_trusted_after(
        "ALTER TABLE membership RENAME user_id TO other; ALTER TABLE membership RENAME organisation_id TO user_id;
         ALTER TABLE membership RENAME other TO organisation_id",
        "DELETE FROM membership WHERE (organisation_id, user_id) = ('anna', 'globex')",
    );
}

/// A role that sees the views and, by row security, no records.
#[test]
fn records_that_are_hidden() {
    let database = quickstart(&SHARED);
    database.sql(GRANT);
    let role = format!("{}_blind", database.name);
    database.sql(&format!(
        "CREATE ROLE {role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};
         ALTER TABLE tenancy_change ENABLE ROW LEVEL SECURITY"
    ));
    let sidecar = slow(&database.url_of(&role, database.port));
    assert_eq!(decision(&sidecar, &asked()), "Allow");
    database.sql(AWAY);
    assert_eq!(decision(&sidecar, &with("maxAge", "0s")), "Deny");
}
