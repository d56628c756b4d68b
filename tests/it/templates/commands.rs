//! Templates and links in the author's commands.

use std::process::Command;

use super::{LINKS, POLICIES, SCHEMA, entities};
use crate::author::Author;

fn author() -> Author {
    let author = Author::empty();
    author.write("schema/peppol.cedarschema", SCHEMA);
    author.write("policies/share.cedar", POLICIES);
    author.write("policies/links.toml", LINKS);
    author.write("entities.json", &entities().to_string());
    let formatted = author.run(&["check", "--fix"]);
    assert_eq!(formatted.code, Some(0), "{formatted:?}");
    author
}

const ASKED: [&str; 8] = [
    "--tenancy",
    "entities:entities.json",
    "--principal",
    "User::\"anna\"",
    "--action",
    "see",
    "--resource",
    "Plan::\"p\"",
];

#[test]
fn check_explain_and_authorize_name_links() {
    let author = author();
    let checked = author.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let said = "4 policies (3 by links of 3 templates)";
    assert!(checked.stdout.contains(said), "{checked:?}");
    let explained = author.run(&[&["explain"], &ASKED[..]].concat());
    assert_eq!(explained.code, Some(0), "{explained:?}");
    let said = "links share/viewer with ?principal = Team::\"a\" and ?resource = Folder::\"a\"  policies/links.toml:2";
    assert!(explained.stdout.contains(said), "{explained:?}");
    let found = author.run(&[&["authorize"], &ASKED[..]].concat());
    assert_eq!(found.code, Some(0), "{found:?}");
    assert!(found.stdout.contains("l/team-a"), "{found:?}");

    author.edit("policies/links.toml", "Team::\"a\"", "Tem::\"a\"");
    let refused = author.run(&["check", "--json"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    let fault: serde_json::Value = serde_json::from_str(refused.stdout.trim()).unwrap();
    let place = (&fault["file"], &fault["line"], &fault["column"]);
    assert_eq!(
        place,
        (&"policies/links.toml".into(), &5.into(), &13.into())
    );

    // A template that nothing links is no fault.
    author.write("policies/links.toml", "link = []\n");
    let noted = author.run(&["check"]);
    assert_eq!(noted.code, Some(0), "{noted:?}");
    let said = "nothing links template `share/viewer`";
    assert!((noted.stdout + &noted.stderr).contains(said));
}

#[test]
fn a_manifest_lists_the_links() {
    let author = author();
    let digest = |name: &str| {
        let summed = Command::new("sha256sum")
            .arg(name)
            .current_dir(author.path("policies"))
            .output();
        String::from_utf8(summed.unwrap().stdout).unwrap()
    };
    author.write("policies/policies.sha256", &digest("share.cedar"));
    let refused = author.run(&["check"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("`policies/links.toml` is not listed"),
        "{refused:?}"
    );
    let both = digest("share.cedar") + &digest("links.toml");
    author.write("policies/policies.sha256", &both);
    assert_eq!(author.run(&["check"]).code, Some(0));
}

const SUITE: &str = r#"fixture = "share.json"

[[case]]
name = "a team sees"
principal = 'User::"anna"'
action = "see"
resource = 'Plan::"p"'
allow = true

[[case]]
name = "who is blocked does not"
principal = 'User::"dora"'
action = "see"
resource = 'Plan::"p"'
deny = ["NOT_PERMITTED"]
"#;

#[test]
fn suites_coverage_and_mutants_know_links() {
    let author = author();
    author.write("tests/policies/share.toml", SUITE);
    author.write("tests/policies/share.json", &entities().to_string());
    let covered = author.run(&["test", "--coverage"]);
    let said = covered.stdout.clone() + &covered.stderr;
    assert!(said.contains("policies: 1 tested, 3 not"), "{covered:?}");
    assert!(said.contains("l/bea-edits"), "{covered:?}");
    assert!(!said.contains("l/team-a"), "{covered:?}");
    let mutated = author.run(&["test", "--mutate"]);
    // The `unless` of the viewer's template is noticed through its link; nothing notices who is barred.
    let survivors = mutated.stderr.matches("in `bar/one`").count();
    assert!(survivors > 0, "{mutated:?}");
    let noticed = !mutated.stderr.contains("`drop-clause` in `share/viewer`")
        && !mutated.stderr.contains("`drop-policy` in `share/viewer`");
    assert!(noticed, "{mutated:?}");
    assert_eq!(mutated.code, Some(4), "{mutated:?}");

    // Links that a store would hold.
    let with_links =
        |links: &str| author.write("tests/policies/share.toml", &format!("{SUITE}{links}"));
    let tested = |code: i32, said: &str| {
        let ended = author.run(&["test"]);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(
            (ended.stdout.clone() + &ended.stderr).contains(said),
            "{said}: {ended:?}"
        );
    };
    let stored = LINKS.replace("[[link]]", "\n[[link]]");
    with_links(&stored);
    tested(
        1,
        "share.toml:18: it has links, and `links.toml` of the policies does not say `stored = true`",
    );
    author.write("policies/links.toml", "stored = true\n");
    tested(0, "2 questions, 0 failed");
    with_links(&stored.replace("share/viewer", "share/vewer"));
    tested(
        1,
        "link `l/team-a` of template `share/vewer`: no template `share/vewer`",
    );
    with_links(&stored.replace("Team::\"a\"", "Team"));
    tested(1, "share.toml:18: link `l/team-a`: `principal`");
    with_links("");
    tested(4, "a team sees");
}
