//! Views that show rows of other entities: a record names the entity of the row that was written, and
//! another one has changed too.

use serde_json::Value;

use super::postgres::slow;
use super::views::{enter, small};
use super::{GRANT, asked, decision, with};
use crate::postgres::scene::quickstart;
use crate::postgres::server::SHARED;
use crate::sidecar::{Sidecar, project};

fn fresh(sidecar: &Sidecar) -> Value {
    sidecar.ask(&with("maxAge", "0s"))["decision"].clone()
}

/// Users of the shipped tables, whose addresses count as verified where a condition holds.
fn users_where(condition: &str) -> String {
    format!(
        "CREATE OR REPLACE VIEW \"Peppol::User\" AS
         SELECT registered_user.id AS id, account.email AS email,
           registered_user.email_verified AND {condition} AS \"emailVerified\",
           registered_user.superadmin AS superadmin,
           NULL::text COLLATE \"C\" AS \"onlyOrganisation\", false AS \"severalOrganisations\"
         FROM registered_user JOIN account ON account.user_id = registered_user.id;"
    )
}

const ANOTHER: &str = "UPDATE registered_user SET email_verified = false WHERE id = 'root'";

#[test]
fn a_view_that_reads_other_rows_of_its_table() {
    let inner = "CREATE VIEW trusted AS SELECT id FROM registered_user WHERE email_verified;";
    for (before, condition) in [
        (
            "",
            "EXISTS (SELECT FROM registered_user AS other WHERE other.id = 'root' AND other.email_verified)",
        ),
        (
            "",
            "(SELECT bool_and(email_verified) FROM registered_user AS all_users)",
        ),
        ("", "bool_and(registered_user.email_verified) OVER ()"),
        // By a view in between.
        (
            inner,
            "EXISTS (SELECT FROM trusted WHERE trusted.id = 'root')",
        ),
    ] {
        let database = quickstart(&SHARED);
        database.sql(GRANT);
        database.sql(&format!("{before}{}", users_where(condition)));
        let sidecar = slow(&database.url());
        assert_eq!(decision(&sidecar, &asked()), "Allow", "{condition}");
        database.sql(ANOTHER);
        assert_eq!(fresh(&sidecar), "Deny", "{condition}");
    }
}

/// The shipped view over a common table expression, which reads each table as often, and where a user
/// counts as verified only while another one does.
fn over_everyone() -> String {
    let file = project("schema/postgres/migrations/V7__members_and_invitations.sql");
    let text = std::fs::read_to_string(file).unwrap();
    let (_, rest) = text.split_once("VIEW \"Peppol::User\" AS\n").unwrap();
    let (view, _) = rest.split_once(';').unwrap();
    let view = view.replace("registered_user", "everyone").replace(
        "everyone.email_verified AS",
        "everyone.email_verified AND EXISTS (
           SELECT FROM everyone AS other WHERE other.id = 'root' AND other.email_verified
         ) AS",
    );
    format!(
        "CREATE OR REPLACE VIEW \"Peppol::User\" AS
         WITH everyone AS (SELECT * FROM registered_user) {view}"
    )
}

#[test]
fn a_view_that_reads_its_table_once_and_shows_others() {
    let fewer = "
        CREATE OR REPLACE VIEW \"Peppol::User\" AS
        WITH everyone AS (SELECT * FROM registered_user)
        SELECT everyone.id AS id, account.email AS email,
          everyone.email_verified AND EXISTS (
            SELECT FROM everyone AS other WHERE other.id = 'root' AND other.email_verified
          ) AS \"emailVerified\",
          everyone.superadmin AS superadmin, NULL::text COLLATE \"C\" AS \"onlyOrganisation\",
          false AS \"severalOrganisations\"
        FROM everyone JOIN account ON account.user_id = everyone.id;";
    for view in [fewer, &over_everyone()] {
        let database = quickstart(&SHARED);
        database.sql(GRANT);
        database.sql(view);
        let sidecar = slow(&database.url());
        assert_eq!(decision(&sidecar, &asked()), "Allow", "{view}");
        database.sql(ANOTHER);
        assert_eq!(fresh(&sidecar), "Deny", "{view}");
    }
}

/// And those of an operator's own tables, whose triggers record the row alone.
#[test]
fn a_view_of_an_operator_that_reads_other_rows_of_its_table() {
    for (others, expected) in [("", "Deny"), (", others boolean DEFAULT true", "Allow")] {
        let database = SHARED.database();
        database.sql(&format!(
            "CREATE TABLE people (id text PRIMARY KEY, chief text, active boolean NOT NULL);
             INSERT INTO people VALUES ('ann', 'bob', true), ('bob', NULL, true);
             CREATE VIEW \"Door\" AS SELECT 'd' AS id;
             CREATE VIEW \"User\" AS
             SELECT id, active AND NOT EXISTS (
               SELECT FROM people AS chief WHERE chief.id = people.chief AND NOT chief.active
             ) AS active
             FROM people;
             CREATE TABLE tenancy_change (
               transaction xid8 NOT NULL DEFAULT pg_current_xact_id(), entity_type text, entity_id text
             );
             CREATE TABLE tenancy_horizon (pruned_to xid8 NOT NULL);
             INSERT INTO tenancy_horizon VALUES ('0');
             CREATE TABLE tenancy_noted (name text, entity_type text{others});
             INSERT INTO tenancy_noted VALUES ('people', 'User');
             CREATE FUNCTION record() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('User', NEW.id);
               RETURN NULL;
             END $$;
             CREATE TRIGGER record AFTER UPDATE ON people FOR EACH ROW EXECUTE FUNCTION record();"
        ));
        let sidecar = small(&database.url(), "1h");
        assert_eq!(decision(&sidecar, &enter()), "Allow");
        database.sql("UPDATE people SET active = false WHERE id = 'bob'");
        let mut question = enter();
        question["maxAge"] = "0s".into();
        // By its word such a table records all; a word that is not true is its operator's.
        assert_eq!(sidecar.ask(&question)["decision"], expected, "{others}");
    }
}

/// The shipped views read the rows of their own entity alone: nothing else is dropped.
#[test]
fn the_shipped_views_drop_only_what_was_written() {
    let database = quickstart(&SHARED);
    database.sql(GRANT);
    let sidecar = slow(&database.url());
    let misses = || {
        let text = sidecar.get("/metrics").text;
        let mut lines = text.lines();
        let line = lines.find(|line| line.starts_with("peppol_authz_cache_misses_total "));
        line.map(str::to_owned).unwrap_or_else(|| panic!("{text}"))
    };
    assert_eq!(fresh(&sidecar), "Allow");
    let before = misses();
    database.sql("UPDATE registered_user SET superadmin = NOT superadmin WHERE id = 'mia'");
    database.sql("INSERT INTO membership VALUES ('mia', 'globex', 'ApManager')");
    database.sql("DELETE FROM membership WHERE (user_id, member_role) = ('mia', 'ApManager')");
    assert_eq!(fresh(&sidecar), "Allow");
    let after = misses();
    // The organisation, whose only orgadmin is derived of its memberships, at most.
    let number = |text: &str| text.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
    assert!(number(&after) - number(&before) <= 1.0, "{before} {after}");
}
