//! `authorize` and `test`, and what all commands have in common.

mod authorize;
mod coverage;
mod doctor;
mod matrix;
mod names;
mod places;
mod route;
mod search;
mod stores;
mod suites;

use crate::author::{Author, Ended};

/// Where suites are, if none are named.
const SUITE: &str = "tests/policies/desk.toml";
pub(crate) const FIXTURE: &str = "tests/policies/desk.json";

const FIXTURE_TEXT: &str = r#"[
  {"uid": {"type": "User", "id": "ann"}, "attrs": {"active": true, "name": "Ann"}, "parents": [],
   "tags": {"blue": true, "red": false}},
  {"uid": {"type": "User", "id": "bob"}, "attrs": {"active": false, "name": "Bob"}, "parents": []},
  {"uid": {"type": "User", "id": "eve"}, "attrs": {"active": true, "name": "Eve"}, "parents": []},
  {"uid": {"type": "Desk", "id": "blue"}, "attrs": {"owner": "ann", "key": "blue"}, "parents": []},
  {"uid": {"type": "Desk", "id": "red"}, "attrs": {"owner": "ann", "key": "red"}, "parents": []}
]
"#;

/// A suite that passes, tests every policy and misses each that goes.
const SUITE_TEXT: &str = r#"fixture = "desk.json"

[[case]]
name = "an owner opens and closes"
principal = 'User::"ann"'
resource = 'Desk::"red"'
allow = ["open", "close"]

[[case]]
name = "a stranger closes"
principal = 'User::"eve"'
resource = 'Desk::"red"'
allow = ["close"]

[[case]]
name = "who is barred opens nothing"
principal = 'User::"ann"'
action = "open"
resource = 'Desk::"blue"'
deny = ["BARRED"]

[[case]]
name = "who is not active does nothing"
principal = 'User::"bob"'
action = "close"
resource = 'Desk::"red"'
deny = ["INACTIVE"]

[[case]]
name = "the owner is told to lock again"
principal = 'User::"ann"'
action = "open"
resource = 'Desk::"red"'
context = { force = true }
allow = true
rules = ["DSK-1"]
obligations = ["LOCK_AGAIN"]

[[case]]
name = "nobody is denied"
covers = ["GEN-1"]
principal = 'User::"nobody"'
action = "open"
resource = 'Desk::"red"'
deny = ["UNKNOWN_PRINCIPAL"]
"#;

/// An author with a suite and its fixture.
pub(crate) fn tester() -> Author {
    let author = Author::new();
    author.write(SUITE, SUITE_TEXT);
    author.write(FIXTURE, FIXTURE_TEXT);
    author
}

fn assert_says(ended: &Ended, parts: &[&str]) {
    for part in parts {
        assert!(
            ended.stdout.contains(part),
            "no `{part}` in\n{}\n{}",
            ended.stdout,
            ended.stderr
        );
    }
}

#[test]
fn usage_that_is_wrong_is_64_and_help_is_0() {
    let author = Author::empty();
    let wrong: [&[&str]; 14] = [
        &[],
        &["nothing"],
        &["--nothing"],
        &["check", "--nothing"],
        &["check", "surplus"],
        &["check", "--policies"],
        &["test", "--nothing"],
        &["serve", "surplus"],
        &["serve", "--listen", "nowhere"],
        &["serve", "--tenancy", "mysql://x"],
        &["serve", "--config", "missing.toml"],
        &["authorize"],
        &["authorize", "--principal", "User::\"a\""],
        &["import"],
    ];
    for arguments in wrong {
        let ended = author.run(arguments);
        assert_eq!(ended.code, Some(64), "{arguments:?}: {ended:?}");
        assert!(!ended.stderr.is_empty(), "{arguments:?}");
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }
    for command in [
        "serve",
        "import",
        "check",
        "test",
        "authorize",
        "search",
        "route",
    ] {
        let ended = author.run(&[command, "--help"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_says(&ended, &["Usage:", command]);
    }
    assert_says(
        &author.run(&["--help"]),
        &[
            "serve",
            "import",
            "check",
            "test",
            "authorize",
            "search",
            "64",
        ],
    );
    each_command_has_examples(&author);
    let version = author.run(&["--version"]);
    assert_eq!(version.code, Some(0));
    assert_says(&version, &[env!("CARGO_PKG_VERSION")]);
}

/// `-h` is the shorter one of the two, and all of them are in the completions and have a manual page.
fn each_command_has_examples(author: &Author) {
    let all = author.run(&["-h"]).stdout;
    let listed = all.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    let commands = listed.filter_map(|line| line.split_whitespace().next());
    let commands: Vec<&str> = commands.filter(|command| *command != "help").collect();
    assert!(commands.len() > 20, "{commands:?}");
    let written = author.run(&["man", "made/man1"]);
    assert_eq!(written.code, Some(0), "{written:?}");
    let scripts = ["bash", "zsh", "fish"].map(|shell| {
        let script = author.run(&["completions", shell]);
        assert_eq!(script.code, Some(0), "{script:?}");
        script.stdout
    });
    for command in commands {
        let [short, long] = ["-h", "--help"].map(|flag| author.run(&[command, flag]).stdout);
        let example = format!("\nExamples:\n  peppol-authz {command}");
        assert!(long.contains(&example), "{long}");
        assert!(!short.contains("Examples"), "{short}");
        assert!(short.len() < long.len(), "{short}");
        let page = author.read(&format!("made/man1/peppol-authz-{command}.1"));
        assert!(page.contains("Examples:"), "{page}");
        for script in &scripts {
            assert!(script.contains(command), "{command}: {script}");
        }
    }
}

#[test]
fn every_fault_of_the_settings_is_said_and_is_64() {
    let author = Author::empty();
    author.write(
        "settings.toml",
        "tenancy = \"mysql:x\"\nnothing = 1\n[limits]\nbatch = 0\n",
    );
    let commands: [&[&str]; 3] = [
        &["serve", "--config", "settings.toml"],
        &["import", "--config", "settings.toml", "x.ndjson"],
        &["authorize", "--config", "settings.toml", "question.json"],
    ];
    for arguments in commands {
        let ended = author.run(arguments);
        assert_eq!(ended.code, Some(64), "{arguments:?}: {ended:?}");
        for key in ["tenancy", "nothing", "limits.batch", "settings.toml"] {
            assert!(ended.stderr.contains(key), "{key}: {ended:?}");
        }
    }
}

#[test]
fn policies_that_are_not_valid_are_3_for_every_command() {
    let author = tester();
    author.edit(
        crate::author::POLICIES,
        "principal.active",
        "principal.awake",
    );
    let named = ["--policies", "policies", "--schema", crate::author::SCHEMA];
    let asked = [
        "--principal",
        "User::\"a\"",
        "--action",
        "open",
        "--resource",
        "Desk::\"d\"",
    ];
    let commands: [&[&[&str]]; 4] = [
        &[&["check"]],
        &[&["test"]],
        &[&["authorize"], &asked],
        &[&["serve", "--listen", "127.0.0.1:0"], &named],
    ];
    for arguments in commands {
        let arguments = arguments.concat();
        let ended = author.run(&arguments);
        assert_eq!(ended.code, Some(3), "{arguments:?}: {ended:?}");
        assert!(
            ended.stderr.contains("desk.cedar:25:"),
            "{arguments:?}: {ended:?}"
        );
    }
    // Nothing was made on the way.
    assert!(!author.path("tenancy.db").exists());
}
