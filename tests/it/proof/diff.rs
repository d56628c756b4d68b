//! The output of `diff` for two directories.

use serde_json::Value;

use super::{lines, scripted, with_solver};
use crate::author::{Author, Ended, POLICIES, POLICY_TEXT, SCHEMA};

const OTHER: &str = "other/desk.cedar";

/// The author's policies, and others beside them.
fn beside(edit: impl Fn(&str) -> String) -> Author {
    let author = Author::new();
    author.write(OTHER, &edit(POLICY_TEXT));
    author
}

fn diff(author: &Author, more: &[&str]) -> Ended {
    author.run(&[&["diff", "policies", "other"], more].concat())
}

/// Action and what has become of it.
fn changes(ended: &Ended) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    lines(ended)
        .iter()
        .map(|line| (text(&line["action"]), text(&line["change"])))
        .collect()
}

#[track_caller]
fn assert_changes(author: &Author, close: &str, open: &str) {
    let ended = diff(author, &["--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let wanted = [
        ("close".to_owned(), close.to_owned()),
        ("open".to_owned(), open.to_owned()),
    ];
    assert_eq!(changes(&ended), wanted, "{ended:?}");
    let wider = diff(author, &["--no-wider"]);
    let may = [close, open]
        .iter()
        .any(|change| ["more", "both"].contains(change));
    assert_eq!(wider.code, Some(if may { 4 } else { 0 }), "{wider:?}");
}

#[test]
fn the_same_policies_allow_the_same() {
    let author = beside(str::to_owned);
    assert_changes(&author, "same", "same");
    let ended = diff(&author, &[]);
    assert_eq!(ended.stdout, "2 actions: 2 same\n", "{ended:?}");
}

#[test]
fn what_is_written_otherwise_and_means_the_same() {
    let author = beside(|text| {
        text.replace(
            "resource.owner == principal",
            "!(principal != resource.owner)",
        )
        .replace("unless { principal.active }", "when { !principal.active }")
        .replace("INACTIVE", "ASLEEP")
    });
    assert_changes(&author, "same", "same");
}

#[test]
fn a_permit_less_is_less_and_a_forbid_less_is_more() {
    let author = beside(|text| {
        text.replace(
            "when { resource.owner == principal }",
            "when { false && resource.owner == principal }",
        )
    });
    // Cedar warns of a policy that never applies; it is compared all the same.
    assert_changes(&author, "same", "less");
    let author = beside(|text| {
        text.replace(
            "resource.owner == principal }",
            "resource.owner == principal && principal.name like \"A*\" }",
        )
    });
    assert_changes(&author, "same", "less");
    let author = beside(|text| {
        text.replace(
            "unless { principal.active }",
            "unless { principal.active || context has force }",
        )
    });
    assert_changes(&author, "more", "more");
}

#[test]
fn a_move_is_both() {
    let author =
        beside(|text| text.replace("resource.owner == principal", "resource.owner != principal"));
    assert_changes(&author, "same", "both");
    let ended = diff(&author, &[]);
    let said = &ended.stdout;
    assert!(
        said.contains("open: both\n  newly allowed, open by User on Desk\n"),
        "{said}"
    );
    assert!(
        said.contains("\n  no longer allowed, open by User on Desk\n"),
        "{said}"
    );
    assert!(
        said.contains(
            "    decided    Allow: desk/owner-opens\n    before     Deny: NOT_PERMITTED\n"
        ),
        "{said}"
    );
    assert!(
        said.contains(
            "    decided    Deny: NOT_PERMITTED\n    before     Allow: desk/owner-opens\n"
        ),
        "{said}"
    );
    assert!(said.ends_with("2 actions: 1 both, 1 same\n"), "{said}");
}

/// A policy for one tenant alone lies apart from the others.
#[test]
fn a_policy_for_one_is_wider_for_that_one() {
    let permit = "\n@id(\"desk/eve\") permit (principal == User::\"eve\", action == Action::\"open\", resource);\n";
    let author = beside(|text| text.to_owned() + permit);
    assert_changes(&author, "same", "more");
    let ended = diff(&author, &[]);
    assert!(
        ended.stdout.contains("principal  User::\"eve\""),
        "{ended:?}"
    );
}

#[test]
fn another_schema_is_compared_as_far_as_the_policies_fit_it() {
    // A new action is one that nobody was allowed.
    let author = Author::new();
    let schema = author.read(SCHEMA);
    author.write(
        "new/schema/peppol.cedarschema",
        &schema.replace("action open, close", "action open, close, paint"),
    );
    author.write(
        "new/policies/desk.cedar",
        &POLICY_TEXT.replace(
            "action == Action::\"close\"",
            "action in [Action::\"close\", Action::\"paint\"]",
        ),
    );
    let ended = author.run(&["diff", ".", "new", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let wanted = ["close same", "open same", "paint more"];
    let found: Vec<String> = changes(&ended)
        .iter()
        .map(|(a, c)| format!("{a} {c}"))
        .collect();
    assert_eq!(found, wanted);
    assert_eq!(
        author.run(&["diff", ".", "new", "--no-wider"]).code,
        Some(4)
    );
    // The other way round the old policies name an action that is gone.
    let ended = author.run(&["diff", "new", "."]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(
        ended.stderr.contains("do not fit the schema of `.`"),
        "{ended:?}"
    );
    // An action that nobody names can go.
    author.write(
        "new/policies/desk.cedar",
        &POLICY_TEXT.replace(
            "principal,\n  action == Action::\"close\"",
            "principal,\n  action",
        ),
    );
    let ended = author.run(&["diff", "new", ".", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let found: Vec<String> = changes(&ended)
        .iter()
        .map(|(a, c)| format!("{a} {c}"))
        .collect();
    assert_eq!(found, ["close same", "open less", "paint less"]);
}

/// The texts of the policies are the same, and mean more.
#[test]
fn a_group_that_gets_another_action_is_not_taken_for_the_same() {
    let author = Author::new();
    let grouped = |members: &str| {
        let schema = author.read(SCHEMA);
        format!("action all;\n{schema}").replace("action open, close", members)
    };
    let one =
        grouped("action open appliesTo { principal: User, resource: Desk }; action close in [all]");
    let both = grouped("action open, close in [all]");
    let text = POLICY_TEXT.replace("action == Action::\"close\"", "action in [Action::\"all\"]");
    for (name, schema) in [("one", &one), ("both", &both)] {
        author.write(&format!("{name}/schema/peppol.cedarschema"), schema);
        author.write(&format!("{name}/policies/desk.cedar"), &text);
    }
    let ended = author.run(&["diff", "one", "both", "--no-wider", "--json"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let open = lines(&ended)
        .into_iter()
        .find(|line| line["action"] == "open")
        .unwrap();
    assert_eq!(open["change"], "unknown", "{open}");
    let ended = author.run(&["diff", "one", "one", "--no-wider"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn what_is_not_valid_is_shown() {
    let author = beside(|text| text.replace("principal.active", "principal.awake"));
    let ended = diff(&author, &[]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("other/desk.cedar:22:"), "{ended:?}");
}

/// The engine denies where a policy fails; what the solver passes over is not proved.
#[test]
fn a_policy_that_can_fail_is_not_proved_to_be_no_wider() {
    let author = beside(|text| {
        text.replace(
            "unless { principal.active }",
            "unless { principal.active && principal.size + 1 != 0 }",
        )
    });
    author.write(
        SCHEMA,
        &author
            .read(SCHEMA)
            .replace("active: Bool", "active: Bool, size: Long"),
    );
    let ended = diff(&author, &["--no-wider"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(
        ended.stdout.contains("can fail") || ended.stdout.contains("not confirmed"),
        "{ended:?}"
    );
    assert_eq!(diff(&author, &[]).code, Some(1));
}

/// Cedar passes over a permit that fails, where another permits; the engine denies. Without
/// it more is allowed, of which the formulas know nothing.
#[test]
fn a_policy_that_could_fail_may_have_denied() {
    let author = beside(str::to_owned);
    let schema = author.read(SCHEMA);
    author.write(
        SCHEMA,
        &schema.replace("active: Bool", "active: Bool, size: Long"),
    );
    let permit = "\n@id(\"desk/failing\") @rule(\"DSK-2\") permit (principal, action == Action::\"close\", resource) \
                  when { principal.size + 1 > 0 };\n";
    author.write(POLICIES, &(POLICY_TEXT.to_owned() + permit));
    author.list_policies();
    let ended = diff(&author, &["--no-wider", "--json"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let wanted = ["close unknown", "open same"];
    let found: Vec<String> = changes(&ended)
        .iter()
        .map(|(a, c)| format!("{a} {c}"))
        .collect();
    assert_eq!(found, wanted);
    assert!(
        ended.stdout.contains("`desk/failing` can fail"),
        "{ended:?}"
    );
}

#[test]
fn what_the_solver_cannot_say_is_wider() {
    let author = beside(|text| {
        text.replace(
            "unless { principal.active }",
            "unless { principal.active || false }",
        )
    });
    let unknown = "while read -r line; do case $line in *check-sat*) echo unknown;; esac; done";
    let solver = scripted(&author, unknown);
    let ended = with_solver(
        &author,
        &solver,
        &["diff", "policies", "other", "--no-wider"],
    );
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stdout.contains("unknown"), "{ended:?}");
    let ended = with_solver(&author, &solver, &["diff", "policies", "other"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    // Equal texts need no proof, so the solver is not missed.
    let ended = with_solver(
        &author,
        &solver,
        &["diff", "policies", "policies", "--no-wider"],
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// A schema that lets in more makes equal policies allow more.
#[test]
fn a_schema_that_lets_in_more_is_not_taken_for_the_same() {
    let cases = [
        (
            "force?: Bool",
            "force?: Bool, late?: Bool",
            "another context",
        ),
        ("owner: User,", "owner?: User,", "define `Desk` differently"),
        (
            "entity User = {",
            "@lowercaseId(\"all\") entity User = {",
            "define `User` differently",
        ),
        (
            "} tags Bool;",
            "} tags Set<Bool>;",
            "define `User` differently",
        ),
        (
            "entity Desk = {",
            "@whenAbsent(\"{\\\"key\\\": \\\"k\\\", \\\"owner\\\": \\\"u\\\"}\") entity Desk = {",
            "define `Desk` differently",
        ),
    ];
    let policies =
        "@id(\"desk/all\") permit (principal, action, resource) when { principal.active };\n";
    for (old, new, said) in cases {
        let author = Author::new();
        let schema = author.read(SCHEMA);
        assert!(schema.contains(old), "{old}");
        author.write("one/schema/peppol.cedarschema", &schema);
        author.write(
            "two/schema/peppol.cedarschema",
            &schema.replacen(old, new, 1),
        );
        for name in ["one", "two"] {
            author.write(&format!("{name}/policies/desk.cedar"), policies);
        }
        let ended = author.run(&["diff", "one", "two", "--no-wider"]);
        assert_eq!(ended.code, Some(4), "{new}: {ended:?}");
        assert!(ended.stdout.contains(said), "{new}: {ended:?}");
    }
}

/// An attribute that the old policies do not read changes nothing for them.
#[test]
fn a_schema_with_another_attribute_is_compared() {
    let author = Author::new();
    let schema = author.read(SCHEMA);
    author.write("one/schema/peppol.cedarschema", &schema);
    let more = schema.replace("active: Bool,", "active: Bool, banned: Bool,");
    author.write("two/schema/peppol.cedarschema", &more);
    author.write("one/policies/desk.cedar", POLICY_TEXT);
    let text = POLICY_TEXT.replace(
        "unless { principal.active }",
        "unless { principal.active && !principal.banned }",
    );
    author.write("two/policies/desk.cedar", &text);
    let ended = author.run(&["diff", "one", "two", "--no-wider", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let found: Vec<String> = changes(&ended)
        .iter()
        .map(|(a, c)| format!("{a} {c}"))
        .collect();
    assert_eq!(found, ["close less", "open less"]);
}

/// Two actions may have one name, in two namespaces.
#[test]
fn actions_of_two_namespaces_are_two() {
    let author = Author::empty();
    let of = |name: &str| {
        format!(
            "namespace {name} {{ entity U = {{ a: Bool }}; action open appliesTo {{ principal: U, resource: U }}; }}\n"
        )
    };
    author.write("schema/peppol.cedarschema", &(of("A") + &of("B")));
    let permit = |id: &str, name: &str, when: &str| {
        format!(
            "@id(\"p/{id}\") permit (principal, action == {name}::Action::\"open\", resource) when {{ {when} }};\n"
        )
    };
    author.write(
        "policies/p.cedar",
        &(permit("a", "A", "principal.a && resource.a") + &permit("b", "B", "principal.a")),
    );
    author.write(
        "other/p.cedar",
        &(permit("a", "A", "principal.a") + &permit("b", "B", "principal.a && resource.a")),
    );
    let ended = diff(&author, &["--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let found: Vec<String> = changes(&ended)
        .iter()
        .map(|(a, c)| format!("{a} {c}"))
        .collect();
    assert_eq!(
        found,
        ["A::Action::\"open\" more", "B::Action::\"open\" less"]
    );
    // A case says which.
    author.write(
        "policies/invariants/it.cedar",
        "@invariant(\"never allows\") forbid (principal, action == B::Action::\"open\", resource);",
    );
    let proved = author.run(&["prove", "it", "--write", "found"]);
    assert_eq!(proved.code, Some(4), "{proved:?}");
    let tested = author.run(&["test", "found"]);
    assert_eq!(tested.code, Some(4), "{tested:?}");
    assert!(
        tested
            .stdout
            .contains("expected Deny codes [NOT_PERMITTED], got Allow"),
        "{tested:?}"
    );
}
