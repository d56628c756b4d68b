//! A fault of a suite has its file and line, and says what to write.

use super::{Author, SUITE, assert_says, tester};
use crate::author::{POLICIES, SCHEMA};

/// The message about a suite that cannot be run.
fn refused(author: &Author) -> String {
    let ended = author.run(&["test"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    ended.stderr
}

/// The line of a text in the suite, from 1.
fn line_of(author: &Author, text: &str) -> usize {
    let suite = author.read(SUITE);
    let found = suite.split_once(text);
    let (before, _) = found.unwrap_or_else(|| panic!("no `{text}`"));
    before.matches('\n').count() + 1
}

#[test]
fn a_suite_that_cannot_be_run_says_where() {
    for (old, new, at, words) in [
        (
            "deny = [\"BARRED\"]",
            "denied = [\"BARRED\"]",
            "denied",
            "unknown field `denied`",
        ),
        (
            "allow = [\"close\"]",
            "allow = \"close\"",
            "allow = \"close\"",
            "expected `true`, or an array of the actions that are allowed",
        ),
        (
            "allow = [\"close\"]",
            "allow = [1]",
            "allow = [1]",
            "expected a string",
        ),
        (
            "deny = [\"BARRED\"]\n",
            "",
            "name = \"who is barred",
            "one of `allow = true`, `deny = [codes]`",
        ),
        (
            "a stranger closes",
            "an owner opens and closes",
            "name = \"an owner opens and closes\"\nprincipal = 'User::\"eve\"'",
            "two cases are named",
        ),
        (
            "action = \"open\"",
            "action = \"burn\"",
            "name = \"who is barred",
            "no action `burn`",
        ),
        (
            "[[case]]",
            "[context]\nopne = {}\n\n[[case]]",
            "opne",
            "no action `opne`; did you mean `open`?",
        ),
    ] {
        let author = tester();
        author.edit(SUITE, old, new);
        let said = refused(&author);
        let place = format!("{SUITE}:{}: ", line_of(&author, at));
        assert!(
            said.contains(&place) && said.contains(words),
            "{place} {words}: {said}"
        );
    }
}

#[test]
fn a_case_that_fails_says_where() {
    let author = tester();
    author.edit(SUITE, "deny = [\"BARRED\"]", "allow = true");
    let ended = author.run(&["test"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let line = line_of(&author, "name = \"who is barred");
    assert_says(
        &ended,
        &[&format!(
            "FAILED {SUITE}:{line}: who is barred opens nothing"
        )],
    );
}

#[test]
fn an_action_that_cannot_be_asked_is_said_beside_those_that_can() {
    let author = tester();
    author.edit(SUITE, "allow = [\"close\"]", "allow = [\"close\", \"opn\"]");
    let ended = author.run(&["test"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let words = "`allow`: `opn` cannot be asked of this principal and resource; did you mean \
                 `open`?; those that can: close, open";
    assert_says(&ended, &[words]);
}

/// Everything would pass it.
#[test]
fn a_suite_in_which_nothing_is_asked_fails() {
    let author = tester();
    author.write(SUITE, "fixture = \"desk.json\"\n");
    assert!(refused(&author).contains("there is no case in it"));
    // No action can be asked of these two.
    let author = tester();
    let case = "[[case]]\nname = \"n\"\nprincipal = 'Desk::\"red\"'\nresource = 'Desk::\"red\"'\n\
                allow = []\n";
    author.write(SUITE, &format!("fixture = \"desk.json\"\n{case}"));
    let ended = author.run(&["test"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert_says(&ended, &["no action can be asked"]);
    let matrix = "[matrix]\ngolden = \"g.tsv\"\nactors = { red = 'Desk::\"red\"' }\n\
                  resources = { red = 'Desk::\"red\"' }\n";
    author.write(SUITE, &format!("fixture = \"desk.json\"\n{matrix}"));
    assert!(refused(&author).contains("no action can be asked"));
}

const LENDS: &str = "\naction lend appliesTo {\n  principal: User,\n  resource: Desk,\n  \
                     context: { to: User, days: Long, note?: String },\n};\n";

/// With an action that is new, and has a context.
fn with_new_action() -> Author {
    let author = tester();
    author.write(SCHEMA, &(author.read(SCHEMA) + LENDS));
    author
}

#[test]
fn an_action_that_is_new_and_has_a_context_says_which_line_is_missing() {
    let author = with_new_action();
    let ended = author.run(&["test"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert_says(
        &ended,
        &["a line `lend = { days = …, to = … }` is missing in `[context]`"],
    );
    // Once for the suite, however many of its cases ask every action.
    let times = ended.stdout.matches("is missing in").count();
    assert_eq!(times, 1, "{ended:?}");
    assert_says(&ended, &["  2 cases, the first on line ", "2 failed"]);
    let line = "[context]\nlend = { days = 1, to = \"bob\" }\n\n[[case]]";
    author.edit(SUITE, "[[case]]", line);
    let ended = author.run(&["test"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let matrix = "\n[matrix]\ngolden = \"g.tsv\"\nactors = { ann = 'User::\"ann\"' }\n\
                  resources = { red = 'Desk::\"red\"' }\n";
    author.write(SUITE, &(author.read(SUITE) + matrix));
    let said = refused(&author);
    let words = "a line `lend = [{ days = …, to = … }]` is missing in `[matrix.contexts]`";
    assert!(said.contains(words) && said.contains(SUITE), "{said}");
    let contexts = "[matrix.contexts]\nlend = [{ days = 1, to = \"bob\" }]\n";
    author.write(SUITE, &(author.read(SUITE) + contexts));
    let ended = author.run(&["test", "--update"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn lints_of_what_is_of_no_use_are_warnings() {
    let author = with_new_action();
    let wider = "\n@id(\"desk/owner-opens-again\")\n@rule(\"DSK-1\")\n\
                 @obligation(\"LOCK_AGAIN\")\npermit (\n  principal is User,\n  \
                 action == Action::\"open\",\n  resource\n)\nwhen { resource.owner == principal && principal.active };\n";
    author.write(POLICIES, &(author.read(POLICIES) + wider));
    author.list_policies();
    let ended = author.run(&["check", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let faults = crate::check_command::json(&ended);
    let found: Vec<_> = faults
        .iter()
        .map(|fault| {
            let part = |name: &str| fault[name].as_str().unwrap().to_owned();
            (
                part("file"),
                fault["line"].as_u64().unwrap(),
                part("severity"),
                part("message"),
            )
        })
        .collect();
    let text = author.read(POLICIES);
    let (before, _) = text.split_once("@id(\"desk/owner-opens-again\")").unwrap();
    let line = before.matches('\n').count() as u64 + 1;
    let warning = |file: &str, line: u64, message: &str| {
        (
            file.to_owned(),
            line,
            "warning".to_owned(),
            message.to_owned(),
        )
    };
    assert_eq!(
        found,
        [
            warning(
                POLICIES,
                line,
                "`desk/owner-opens-again` permits nothing that `desk/owner-opens` does not"
            ),
            warning(SCHEMA, 15, "nothing permits `lend`: it is always denied"),
        ],
        "{faults:#?}"
    );
    let ended = author.run(&["check"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("ok: "), "{ended:?}");
}

/// Another obligation, another condition or a narrower scope is a reason to stay.
#[test]
fn a_permit_that_does_something_is_no_surplus() {
    for more in [
        "@obligation(\"SWEEP\")\npermit (principal, action == Action::\"open\", resource)\n\
         when { resource.owner == principal };",
        "@obligation(\"LOCK_AGAIN\")\npermit (principal, action == Action::\"open\", resource)\n\
         when { resource.key == \"k\" };",
        "@obligation(\"LOCK_AGAIN\")\npermit (principal == User::\"ann\", action == Action::\"open\", \
         resource)\nunless { resource.owner == principal };",
    ] {
        let author = tester();
        std::fs::remove_file(author.path(crate::author::RULES)).unwrap();
        let text = crate::author::without_rules(&author.read(POLICIES));
        author.write(POLICIES, &text);
        author.write("policies/more.cedar", &format!("{more}\n"));
        author.run(&["check", "--fix"]);
        let ended = author.run(&["check"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(
            !ended.stderr.contains("permits nothing"),
            "{more}: {ended:?}"
        );
    }
}
