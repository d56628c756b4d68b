//! The conventions that `check` holds policies to, where there is a list of
//! rules.

use super::{json, places};
use crate::author::{Author, POLICIES, RULES};

/// One edit of one file is one fault of the policies, with this message.
fn assert_lint(file: &str, old: &str, new: &str, found_in: &str, message: &str) {
    let author = Author::new();
    author.edit(file, old, new);
    let ended = author.run(&["check", "--json"]);
    assert_eq!(ended.code, Some(3), "{message}: {ended:?}");
    let faults = json(&ended);
    let found: Vec<_> = faults
        .iter()
        .filter(|fault| fault["message"].as_str().unwrap().contains(message))
        .collect();
    assert_eq!(found.len(), 1, "{message}: {faults:#?}");
    assert_eq!(found[0]["file"], found_in, "{faults:#?}");
    assert_eq!(found[0]["severity"], "lint", "{faults:#?}");
}

#[test]
fn of_a_policy() {
    for (old, new, message) in [
        ("@rule(\"DSK-2\")\n", "", "no `@rule`"),
        ("@rule(\"DSK-2\")", "@rule(\"DSK-9\")", "no rule `DSK-9`"),
        (
            "@rule(\"DSK-2\")",
            "@rule(\"GEN-1\")",
            "rule `GEN-1` is not held by policies",
        ),
        (
            "@rule(\"DSK-2\")",
            "@rule(\"DSK-2\")\n@rules(\"X\")",
            "unknown annotation `@rules`",
        ),
        ("@id(\"desk/anyone-closes\")\n", "", "no `@id`"),
        ("desk/anyone-closes", "anyone-closes", "is not of the form"),
        (
            "desk/anyone-closes",
            "door/anyone-closes",
            "is not of the form",
        ),
        (
            "desk/anyone-closes",
            "desk/Anyone_Closes",
            "is not of the form",
        ),
        ("desk/anyone-closes", "desk/", "is not of the form"),
        ("@code(\"INACTIVE\")\n", "", "a forbid without `@code`"),
        (
            "@code(\"INACTIVE\")",
            "@code(\"ASLEEP\")",
            "code `ASLEEP` is not one of its rule's",
        ),
        (
            "@code(\"INACTIVE\")",
            "@code(\"BARRED\")",
            "code `BARRED` is not one of its rule's",
        ),
        (
            "@message(\"the user is not active\")\n",
            "",
            "a forbid without `@message`",
        ),
        ("the user is not active", "", "a forbid without `@message`"),
        (
            "@code(\"INACTIVE\")",
            "@code(\"INACTIVE\")\n@obligation(\"LOCK_AGAIN\")",
            "a forbid with `@obligation`",
        ),
        (
            "@rule(\"DSK-2\")",
            "@rule(\"DSK-2\")\n@code(\"BARRED\")",
            "a permit with `@code`",
        ),
        ("LOCK_AGAIN", "PAINT_IT", "unknown obligation `PAINT_IT`"),
        (
            "hasTag(resource.key) && principal.getTag(resource.key)",
            "hasTag(if context has force then resource.key else \"x\")",
            "a tag is asked for",
        ),
    ] {
        assert_lint(POLICIES, old, new, POLICIES, message);
    }
}

#[test]
fn of_the_list_of_rules() {
    let unheld = "[rules.NEW-1]\ntext = \"t\"\nheld_by = \"policies\"\n\n[rules.GEN-1]";
    for (old, new, message) in [
        ("[rules.GEN-1]", unheld, "rule `NEW-1` is held by no policy"),
        (
            "codes = [\"BARRED\"]",
            "codes = [\"BARRED\", \"BANNED\"]",
            "code `BANNED` of rule `DSK-3` is given by no policy",
        ),
        (
            "why = \"before any policy is asked\"\n",
            "",
            "rule `GEN-1` has no `why`",
        ),
    ] {
        assert_lint(RULES, old, new, RULES, message);
    }
    // A policy that goes leaves its rule behind.
    let author = Author::new();
    let text = author.read(POLICIES);
    let (rest, _) = text.split_once("\n@id(\"desk/not-barred\")").unwrap();
    author.write(POLICIES, rest);
    let faults = json(&author.run(&["check", "--json"]));
    let messages: Vec<_> = faults
        .iter()
        .map(|fault| fault["message"].as_str().unwrap())
        .collect();
    assert_eq!(
        messages,
        [
            "code `BARRED` of rule `DSK-3` is given by no policy",
            "rule `DSK-3` lists policy `desk/not-barred`, which is not in `policies/desk.cedar`"
        ]
    );
    assert_eq!(faults[0]["line"], 13);
}

#[test]
fn a_list_that_cannot_be_read_is_a_fault() {
    for (old, new, line) in [
        ("[rules.DSK-2]", "[rules.DSK-2", 8),
        ("held_by = \"engine\"", "held_by = \"gods\"", 28),
        ("text = \"anyone closes a desk\"\n", "", 8),
        ("[rules.DSK-2]", "[rules.DSK-2]\nowner = \"me\"", 9),
        ("[rules.DSK-2]", "[rules.DSK-1]", 8),
    ] {
        let author = Author::new();
        author.edit(RULES, old, new);
        let ended = author.run(&["check", "--json"]);
        assert_eq!(ended.code, Some(3), "{new}: {ended:?}");
        let found = places(&json(&ended));
        let wanted = (RULES.to_owned(), line, "error".to_owned());
        assert!(found.contains(&wanted), "{new}: {found:?}");
    }
}

#[test]
fn several_at_once_are_all_said() {
    let author = Author::new();
    author.edit(
        POLICIES,
        "@code(\"INACTIVE\")\n@message(\"the user is not active\")\n",
        "",
    );
    author.edit(POLICIES, "@rule(\"DSK-1\")\n", "");
    let faults = json(&author.run(&["check", "--json"]));
    for message in [
        "a forbid without `@code`",
        "a forbid without `@message`",
        "no `@rule`",
        "code `INACTIVE` of rule `USR-1` is given by no policy",
        "rule `DSK-1` lists policy `desk/owner-opens`, which does not hold it in `policies/desk.cedar`",
    ] {
        let count = faults
            .iter()
            .filter(|fault| fault["message"] == message)
            .count();
        assert_eq!(count, 1, "{message}: {faults:#?}");
    }
    assert_eq!(faults.len(), 5, "{faults:#?}");
}

/// Another application has its own ways.
#[test]
fn without_a_list_of_rules_its_conventions_are_not_asked_for() {
    let author = Author::new();
    std::fs::remove_file(author.path(RULES)).unwrap();
    author.write(
        POLICIES,
        "@owner(\"me\")\nforbid (principal, action, resource)\nunless { principal.active };\n",
    );
    let ended = author.run(&["check"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
