//! Links in a database: a grant is a row. It is seen by the next question, also where decisions are kept.

pub(crate) mod app;
mod finding;
mod misfits;
mod soak;
mod wire;

use std::sync::Arc;

use peppol_authz_engine::schema::Schema;
use peppol_authz_engine::store::{Changes, LinkRow, LinksView, Store};
use peppol_authz_engine::{Decision, Failure, Verdict};

use self::app::App;
use super::SCHEMA;
use crate::deciding::{Deciding, Refused, question};
use crate::eventually::until;
use crate::store::runtime;

/// The verdict on a question and the policies that it rests on. It is asked twice: the second time the decision is one that is kept.
#[track_caller]
fn rests_on(deciding: &Deciding, principal: &str, resource: &str) -> String {
    let asked = question(&format!("User::\"{principal}\""), "see", resource);
    let told = |answer: Result<Decision, Refused>| match answer {
        Err(refused) => format!("{refused:?}"),
        Ok(decision) => {
            let verdict = match decision.verdict {
                Verdict::Allow => "allow",
                Verdict::Deny => "deny",
            };
            let ids = decision.determining.iter().map(|id| &**id);
            let ids: Vec<_> = std::iter::once(verdict).chain(ids).collect();
            ids.join(" ")
        }
    };
    let (first, second) = (deciding.ask_kept(&asked), deciding.ask_kept(&asked));
    let first = told(first);
    assert_eq!(first, told(second), "{asked}");
    first
}

const P: &str = "Plan::\"p\"";

/// A write, and what principals may do behind it with the plan `p`.
type Step = (&'static str, &'static [(&'static str, &'static str)]);

const NOBODY: &[(&str, &str)] = &[("anna", "deny"), ("bea", "deny"), ("carl", "deny")];

/// Each is a transaction.
const STEPS: &[Step] = &[
    ("", NOBODY),
    // A grant to a team: the decisions of its members are seen to be others.
    (
        "INSERT INTO template_link VALUES ('g', 'share/viewer', 'Team', 'a', 'Folder', 'top')",
        &[("anna", "allow g"), ("bea", "deny"), ("dora", "deny")],
    ),
    // Moved from one team to another.
    (
        "UPDATE template_link SET principal_id = 'b' WHERE link = 'g'",
        &[("anna", "deny"), ("bea", "allow g"), ("carl", "deny")],
    ),
    // Taken back and given to a user under the same id, at once.
    (
        "DELETE FROM template_link WHERE link = 'g';
         INSERT INTO template_link VALUES ('g', 'share/viewer', 'User', 'carl', 'Plan', 'p')",
        &[("anna", "deny"), ("bea", "deny"), ("carl", "allow g")],
    ),
    ("DELETE FROM template_link", NOBODY),
    // A link and a membership, together.
    (
        "INSERT INTO template_link VALUES ('g', 'share/viewer', 'Team', 'a', 'Folder', 'a');
         DELETE FROM user_team WHERE user_id = 'anna';
         INSERT INTO user_team VALUES ('bea', 'a')",
        &[("anna", "deny"), ("bea", "allow g"), ("carl", "allow g")],
    ),
    (
        "INSERT INTO user_team VALUES ('anna', 'a'); DELETE FROM user_team WHERE user_id = 'bea'",
        &[("anna", "allow g"), ("bea", "deny"), ("carl", "allow g")],
    ),
    // A forbid.
    (
        "INSERT INTO template_link (link, template, principal_type, principal_id) VALUES ('f', 'bar/one', 'User', 'anna')",
        &[("anna", "deny f"), ("carl", "allow g")],
    ),
    (
        "UPDATE template_link SET principal_id = 'carl' WHERE link = 'f'",
        &[("anna", "allow g"), ("carl", "deny f")],
    ),
    // The same row under another id.
    (
        "UPDATE template_link SET link = 'f2' WHERE link = 'f'",
        &[("anna", "allow g"), ("carl", "deny f2")],
    ),
    // The folder of the grant is not above the plan any more, by the folder between them.
    (
        "UPDATE template_link SET resource_id = 'top' WHERE link = 'g'",
        &[("anna", "allow g"), ("carl", "deny f2")],
    ),
    (
        "UPDATE folder_in SET above = 'else' WHERE folder_id = 'a'",
        &[("anna", "deny"), ("carl", "deny f2")],
    ),
    (
        "UPDATE folder_in SET above = 'top' WHERE folder_id = 'a'",
        &[("anna", "allow g"), ("carl", "deny f2")],
    ),
    // Many at once, and none again.
    (
        "UPDATE template_link SET template = 'share/viewer', resource_type = 'Folder', resource_id = 'top'",
        &[("anna", "allow g"), ("carl", "allow f2 g")],
    ),
    (
        "DELETE FROM template_link; INSERT INTO user_team VALUES ('bea', 'b')",
        NOBODY,
    ),
];

/// Two engines over one database, as of two sidecars, see all of it.
fn sees_each_change(app: &App, stores: [Arc<dyn Store>; 2]) {
    let stores = stores.map(|store| Deciding::keeping(store, app.bundle()));
    for (write, wanted) in STEPS {
        app.sql(&format!("BEGIN; {write}; COMMIT;"));
        for deciding in &stores {
            for (principal, wanted) in *wanted {
                let found = rests_on(deciding, principal, P);
                assert_eq!(found, *wanted, "{principal} after {write}");
            }
        }
        finding::agrees(&stores[1], ("see", "Plan"), false, write);
        finding::agrees(&stores[1], ("see", "Folder"), false, write);
    }
    for deciding in &stores {
        let recalled = deciding.engine.state().kept().recalled;
        assert!(recalled > 30, "{recalled}");
    }
}

/// The rows of the view, as the trait promises them, and changes that are told.
fn reads_links(app: &App, store: &dyn Store) {
    let schema = Arc::new(Schema::parse(SCHEMA).unwrap());
    let text = |text: &str| Some(text.to_owned());
    app.sql(
        "INSERT INTO template_link VALUES ('b''\"; --', 'share/viewer', 'User', 'é', 'Plan', '');
         INSERT INTO template_link (link, template, resource_type, resource_id) VALUES ('a', 'x', 'Plan', 'p')",
    );
    store.check(&schema).unwrap();
    runtime().block_on(async {
        let mut snapshot = store.snapshot(&schema, None).await.unwrap();
        assert_eq!(store.links_view(), LinksView::There);
        let before = snapshot.revision().clone();
        let mut rows = snapshot.links(10).await.unwrap();
        rows.sort_by(|a, b| a.link.cmp(&b.link));
        let one = LinkRow {
            link: text("a"),
            template: text("x"),
            resource_type: text("Plan"),
            resource_id: text("p"),
            ..LinkRow::default()
        };
        let other = LinkRow {
            link: text("b'\"; --"),
            template: text("share/viewer"),
            principal_type: text("User"),
            principal_id: text("é"),
            resource_type: text("Plan"),
            resource_id: text(""),
        };
        assert_eq!(rows, [one, other]);
        assert_eq!(snapshot.links(1).await.unwrap().len(), 1);
        drop(snapshot);
        app.sql("DELETE FROM template_link WHERE link = 'a'");
        let snapshot = store.snapshot(&schema, Some(&before)).await.unwrap();
        let Changes::Of(changed) = snapshot.changes() else {
            panic!("{:?}", snapshot.changes());
        };
        let changed: Vec<_> = changed.iter().map(ToString::to_string).collect();
        assert_eq!(changed, ["template_link::\"a\""]);
    });
    app.sql("DELETE FROM template_link");
}

#[test]
fn links_of_sqlite_are_seen_at_once() {
    let app = App::sqlite();
    let stores = [app.store(), app.store()];
    reads_links(&app, &*stores[0]);
    sees_each_change(&app, stores);
    soak::agrees(&App::sqlite(), true, 60);
    let deciding = Deciding::keeping(app.store(), app.bundle());
    misfits::are_errors(&app, &deciding);
    finding::is_of_one_state(&app, &deciding);
    // A row that gives way to another.
    app.sql("INSERT INTO template_link VALUES ('g', 'share/viewer', 'Team', 'a', 'Folder', 'top')");
    assert_eq!(rests_on(&deciding, "anna", P), "allow g");
    app.sql("INSERT OR REPLACE INTO template_link VALUES ('g', 'share/viewer', 'Team', 'b', 'Folder', 'top')");
    assert_eq!(rests_on(&deciding, "anna", P), "deny");
    assert_eq!(rests_on(&deciding, "bea", P), "allow g");
    // Another view of the same rows, by nothing but its definition.
    app.sql(
        "ALTER TABLE template_link RENAME TO links_of_all;
         CREATE VIEW template_link AS SELECT * FROM links_of_all WHERE principal_id <> 'b';",
    );
    assert_eq!(rests_on(&deciding, "bea", P), "deny");
    app.sql("DROP VIEW template_link; ALTER TABLE links_of_all RENAME TO template_link;");
    assert_eq!(rests_on(&deciding, "bea", P), "allow g");
    // With triggers off nothing is noted, and all is dropped.
    app.sql("DROP TRIGGER template_link_deleted; DELETE FROM template_link;");
    assert_eq!(rests_on(&deciding, "bea", P), "deny");
    // A view over views, in the place of the table.
    app.sql(
        "DROP TABLE template_link;
         CREATE TABLE grants (team TEXT, folder TEXT);
         CREATE VIEW granted AS SELECT 'v/' || team AS link, team, folder FROM grants;
         CREATE VIEW template_link AS
           SELECT link, 'share/viewer' AS template, 'Team' AS principal_type, team AS principal_id,
             'Folder' AS resource_type, folder AS resource_id
           FROM granted;
         INSERT INTO grants VALUES ('a', 'top');",
    );
    assert_eq!(rests_on(&deciding, "anna", P), "allow v/a");
    app.sql("UPDATE grants SET folder = 'none'");
    assert_eq!(rests_on(&deciding, "anna", P), "deny");
    // Without a view nothing is answered, not even who links say nothing of.
    app.sql("DROP VIEW template_link");
    let failure = deciding.assert_fails(&question("User::\"olga\"", "see", P));
    assert!(
        failure.to_string().contains("no view `template_link`"),
        "{failure}"
    );
}

#[test]
fn links_of_postgres_are_seen_at_once() {
    let app = App::postgres();
    let stores = [app.store(), app.store()];
    reads_links(&app, &*stores[0]);
    sees_each_change(&app, stores);
    soak::agrees(&App::postgres(), false, 20);
    let deciding = Deciding::keeping(app.store(), app.bundle());
    misfits::are_errors(&app, &deciding);
    finding::is_of_one_state(&app, &deciding);
    app.sql("INSERT INTO template_link VALUES ('g', 'share/viewer', 'Team', 'a', 'Folder', 'top')");
    assert_eq!(rests_on(&deciding, "anna", P), "allow g");
    app.sql(
        "INSERT INTO template_link VALUES ('g', 'share/viewer', 'Team', 'b', 'Folder', 'top')
         ON CONFLICT (link) DO UPDATE SET principal_id = 'b'",
    );
    assert_eq!(rests_on(&deciding, "anna", P), "deny");
    assert_eq!(rests_on(&deciding, "bea", P), "allow g");
    app.sql("TRUNCATE template_link");
    assert_eq!(rests_on(&deciding, "bea", P), "deny");
    // A view over tables of the operator's, noted by a column that may be NULL, and then by one that may not.
    for (kind, column, null) in [("TABLE", "team", "NULL"), ("VIEW", "folder", "NOT NULL")] {
        app.sql(&format!(
            "DROP {kind} template_link; DROP TABLE IF EXISTS grants CASCADE;
             CREATE TABLE grants (team text, folder text {null});
             CREATE TRIGGER grants_inserted AFTER INSERT ON grants REFERENCING NEW TABLE AS new_rows
               FOR EACH STATEMENT EXECUTE FUNCTION tenancy_changed('template_link', '{column}', '');
             CREATE TRIGGER grants_updated AFTER UPDATE ON grants
               REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
               FOR EACH STATEMENT EXECUTE FUNCTION tenancy_changed('template_link', '{column}', '');
             CREATE TRIGGER grants_deleted AFTER DELETE ON grants REFERENCING OLD TABLE AS old_rows
               FOR EACH STATEMENT EXECUTE FUNCTION tenancy_changed('template_link', '{column}', '');
             ALTER TABLE grants ENABLE ALWAYS TRIGGER grants_inserted;
             ALTER TABLE grants ENABLE ALWAYS TRIGGER grants_updated;
             ALTER TABLE grants ENABLE ALWAYS TRIGGER grants_deleted;
             CREATE VIEW granted AS SELECT 'v/' || folder AS link, coalesce(team, 'b') AS team, folder FROM grants;
             CREATE VIEW template_link AS
               SELECT link, 'share/viewer' AS template, 'Team' AS principal_type, team AS principal_id,
                 'Folder' AS resource_type, folder AS resource_id
               FROM granted;"
        ));
        // Where nothing tells, what is in memory counts for a moment.
        until("there is no link", || {
            rests_on(&deciding, "bea", P) == "deny"
        });
        app.sql("INSERT INTO grants VALUES (NULL, 'top')");
        until("it is granted", || {
            rests_on(&deciding, "bea", P) == "allow v/top"
        });
        app.sql("DELETE FROM grants");
        until("it is taken back", || {
            rests_on(&deciding, "bea", P) == "deny"
        });
    }
    app.sql("DROP VIEW template_link");
    let failure = deciding.assert_fails(&question("User::\"olga\"", "see", P));
    assert!(
        matches!(&failure, Failure::Tenancy(text) if text.contains("template_link")),
        "{failure}"
    );
}
