//! Rows that are no links of the set: what they could be meant for is not answered, and all else is.

use peppol_authz_engine::Failure;
use serde_json::{Value, json};

use super::app::App;
use super::finding::search;
use super::{P, rests_on};
use crate::deciding::{Deciding, Refused, first_page, plan_options, question};

/// A row, its fault, and true if it could be meant for everybody.
const ROWS: &[(&str, &str, bool)] = &[
    (
        "('x', 'bar/on', 'User', 'anna', NULL, NULL)",
        "link `x` of template `bar/on`: no template `bar/on`; did you mean `bar/one`?",
        false,
    ),
    (
        "('x', 'own/see', 'User', 'anna', NULL, NULL)",
        "no template `own/see`",
        false,
    ),
    (
        "('own/see', 'bar/one', 'User', 'anna', NULL, NULL)",
        "link `own/see` of template `bar/one`: its id is that of a policy",
        false,
    ),
    (
        "('bar/one', 'bar/one', 'User', 'anna', NULL, NULL)",
        "its id is that of a policy, a template",
        false,
    ),
    (
        "('x', 'bar/one', 'User', 'anna', 'Plan', 'p')",
        "it fills `?resource`, which its template does not have",
        false,
    ),
    (
        "('x', 'share/viewer', 'User', 'anna', NULL, NULL)",
        "it fills no `?resource`",
        false,
    ),
    (
        // Teams are no principals, and `==` is asked for: their members could be meant.
        "('x', 'bar/one', 'Team', 'a', NULL, NULL)",
        "no question can fulfil it",
        false,
    ),
    (
        "('x', 'bar/one', 'Usr', 'anna', NULL, NULL)",
        "link `x` of template `bar/one`: `principal_type`: there is no type `Usr` in the schema; did you mean `User`?",
        true,
    ),
    (
        "('x', 'bar/one', 'user', 'anna', NULL, NULL)",
        "there is no type `user`",
        true,
    ),
    (
        "('', 'bar/one', 'User', 'anna', NULL, NULL)",
        "`link` is empty",
        false,
    ),
    (
        "('x', '', 'User', 'anna', NULL, NULL)",
        "`template` is empty",
        false,
    ),
];

pub(super) fn are_errors(app: &App, deciding: &Deciding) {
    let of = |principal: &str| question(&format!("User::\"{principal}\""), "see", P);
    // The second is as the rows are, but for what is wrong with them.
    app.sql(
        "INSERT INTO template_link VALUES ('g', 'share/viewer', 'User', 'bea', 'Plan', 'p'),
           ('k', 'bar/one', 'User', 'aaa', NULL, NULL)",
    );
    for (row, fault, is_of_all) in ROWS {
        assert_eq!(rests_on(deciding, "anna", P), "deny", "before {row}");
        app.sql(&format!("INSERT INTO template_link VALUES {row}"));
        let failure = deciding.assert_fails(&of("anna")).to_string();
        assert!(
            failure.contains(fault) && failure.contains("template_link"),
            "{row}: {failure}"
        );
        // A row that could be meant for what a search is about.
        let failed = |principal: Value, resource: Value| {
            let found = deciding.find(&search(principal, resource), &first_page(10, 100));
            match found {
                Err(Refused::Failed(Failure::Tenancy(text))) => {
                    assert!(text.contains(fault), "{row}: {text}");
                    true
                }
                found => {
                    found.unwrap_or_else(|refused| panic!("{row}: {refused:?}"));
                    false
                }
            }
        };
        let of_type = |name: &str| json!({"type": name});
        assert!(failed("User::\"anna\"".into(), of_type("Plan")), "{row}");
        assert!(failed(of_type("User"), P.into()), "{row}");
        let plan = deciding.plan(
            &search("User::\"anna\"".into(), of_type("Plan")),
            &plan_options(),
        );
        assert!(
            matches!(&plan, Err(Refused::Failed(Failure::Tenancy(text))) if text.contains(fault)),
            "{row}: {plan:?}"
        );
        let is_of_all = *is_of_all;
        assert_eq!(
            failed("User::\"bea\"".into(), of_type("Plan")),
            is_of_all,
            "{row}"
        );
        // A folder is in no plan.
        let names_plan = row.contains("'Plan'");
        let of_folders = failed("User::\"anna\"".into(), of_type("Folder"));
        assert_eq!(of_folders, is_of_all || !names_plan, "{row}");
        let who = failed(of_type("User"), "Folder::\"top\"".into());
        assert_eq!(who, is_of_all || !names_plan, "{row}");
        if is_of_all {
            deciding.assert_fails(&of("bea"));
        } else {
            assert_eq!(rests_on(deciding, "bea", P), "allow g", "{row}");
        }
        app.sql("DELETE FROM template_link WHERE link NOT IN ('g', 'k')");
        assert_eq!(rests_on(deciding, "anna", P), "deny", "{row}");
    }
    app.sql("DELETE FROM template_link");
}
