//! Entries of a policy directory that are no policy files: each is refused, or named as left out, and
//! never passed over in silence. None of it makes the program wait or ends the watching.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::{CLOSED, append, ask, is_refused, is_taken, shipped_policies, start};
use crate::author::Ended;
use crate::sidecar::{Start, program};

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn check(policies: &Path) -> Ended {
    let arguments = ["check", "--policies", policies.to_str().unwrap()];
    Ended::from(program().args(arguments).output().unwrap())
}

/// Makes something in a policy directory.
type Made = fn(&Path);

/// Each with what is said of it.
const REFUSED_THINGS: [(&str, Made, &str); 11] = [
    ("sub", |path| nested(path, "x.cedar"), "it holds `x.cedar`"),
    (
        "sub",
        |path| nested(path, "deep/x.CEDAR"),
        "it holds `x.CEDAR`",
    ),
    (
        "x.CEDAR",
        |path| std::fs::write(path, CLOSED).unwrap(),
        "is `….cedar` meant?",
    ),
    (
        "x.Cedar ",
        |path| std::fs::write(path, CLOSED).unwrap(),
        "is `….cedar` meant?",
    ),
    (
        "Rules.toml",
        |path| std::fs::write(path, "").unwrap(),
        "is `rules.toml` meant?",
    ),
    ("x.cedar", pipe, "it is a pipe, and no file"),
    ("pipe", pipe, "it is a pipe, and no file"),
    (
        "x.cedar",
        |path| symlink("/dev/zero", path).unwrap(),
        "it is a device, and no file",
    ),
    (
        "x.cedar",
        |path| symlink("x.cedar", path).unwrap(),
        "Too many levels",
    ),
    (
        "x.cedar",
        |path| std::fs::create_dir(path).unwrap(),
        "it is a directory, and no file",
    ),
    (
        "again",
        |path| symlink(".", path).unwrap(),
        "it is a link to a directory",
    ),
];

fn nested(directory: &Path, name: &str) {
    let path = directory.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, CLOSED).unwrap();
}

fn remove(path: &Path) {
    if path.symlink_metadata().unwrap().is_dir() {
        std::fs::remove_dir_all(path).unwrap();
    } else {
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn what_may_be_a_policy_is_refused() {
    let (sidecar, policies, _) = start();
    let before = ask(&sidecar);
    for (name, make, word) in REFUSED_THINGS {
        let path = policies.join(name);
        make(&path);
        let fault = is_refused(&sidecar, &before);
        assert!(
            fault.contains(name) && fault.contains(word),
            "{name}: {fault}"
        );
        let checked = check(&policies);
        assert_eq!(checked.code, Some(3), "{name}: {checked:?}");
        assert!(checked.stderr.contains(word), "{name}: {checked:?}");
        remove(&path);
        assert_eq!(is_taken(&sidecar, "Allow"), before.1);
    }
    // It goes on watching.
    append(&policies.join("modes.cedar"), CLOSED);
    is_taken(&sidecar, "Deny");
}

#[test]
fn what_may_be_a_policy_is_refused_at_the_start() {
    for (name, make, word) in REFUSED_THINGS {
        let start = Start::quickstart();
        let policies = start.path("policies");
        shipped_policies(&policies);
        make(&policies.join(name));
        let start = start.with(&["--policies", policies.to_str().unwrap()]);
        let (code, said) = start.fails();
        assert_eq!(code, 3, "{name}: {said}");
        assert!(said.contains(word), "{name}: {said}");
    }
}

/// Names that editors, package managers and people leave.
const LEFT_OUT: [&str; 7] = [
    "modes.cedar~",
    ".modes.cedar.swp",
    "#modes.cedar#",
    ".hidden.cedar",
    "modes.cedar.orig",
    "README.md",
    "4913",
];

#[test]
fn what_is_left_out_is_named() {
    let start = Start::quickstart();
    let policies = start.path("policies");
    shipped_policies(&policies);
    for name in LEFT_OUT {
        std::fs::write(policies.join(name), "permit (").unwrap();
    }
    // These two are known.
    nested(&policies, "callers/x.cedar");
    std::fs::create_dir(policies.join("invariants")).unwrap();
    std::fs::create_dir(policies.join("..data")).unwrap();
    let checked = check(&policies);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let mut sidecar = start
        .with(&["--policies", policies.to_str().unwrap()])
        .start();
    // One that comes later is named too.
    std::fs::write(policies.join("later.txt"), "").unwrap();
    append(&policies.join("modes.cedar"), CLOSED);
    is_taken(&sidecar, "Deny");
    let records = sidecar.stop();
    let entries: Vec<_> = records
        .iter()
        .filter_map(|record| record["entry"].as_str())
        .collect();
    // Nothing names these: they are not in force, and that is said.
    let unread = records
        .iter()
        .find(|record| record["directory"].is_string());
    let unread = unread.unwrap_or_else(|| panic!("{records:#?}"));
    assert_eq!(
        unread["directory"],
        policies.join("callers").display().to_string()
    );
    for name in LEFT_OUT.into_iter().chain(["..data", "later.txt"]) {
        let path = policies.join(name).display().to_string();
        assert_eq!(
            entries.iter().filter(|entry| **entry == path).count(),
            1,
            "{name}: {entries:?}"
        );
        let is_named = checked.stderr.contains(name);
        assert!(
            is_named || name == "later.txt",
            "{name}: {}",
            checked.stderr
        );
    }
    assert_eq!(entries.len(), LEFT_OUT.len() + 2, "{entries:?}");
    // For a program each is a line that is no fault.
    let arguments = ["check", "--json", "--policies", policies.to_str().unwrap()];
    let listed = Ended::from(program().args(arguments).output().unwrap());
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let notes = listed
        .stdout
        .lines()
        .filter(|line| line.contains("\"note\""));
    assert_eq!(notes.count(), LEFT_OUT.len() + 2);
}

/// Files that are named one by one.
#[test]
fn no_pipe_makes_it_wait() {
    for flag in ["--schema", "--routes", "--policies", "--reload-suites"] {
        let start = Start::quickstart();
        let path = start.path("pipe");
        match flag {
            "--reload-suites" => {
                std::fs::create_dir(&path).unwrap();
                pipe(&path.join("suite.toml"));
            }
            _ => pipe(&path),
        }
        let (code, said) = start.with(&[flag, path.to_str().unwrap()]).fails();
        assert_eq!(code, 1, "{flag}: {said}");
        assert!(said.contains("pipe"), "{flag}: {said}");
    }
    let start = Start::new();
    let path = start.path("pipe");
    pipe(&path);
    let tenancy = format!("entities:{}", path.display());
    let (code, said) = start.with(&["--tenancy", &tenancy]).fails();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("it is a pipe"), "{said}");
}

#[test]
fn a_list_of_rules_that_is_a_pipe_is_refused() {
    let (sidecar, policies, _) = start();
    let before = ask(&sidecar);
    let rules = policies.join("rules.toml");
    std::fs::remove_file(&rules).unwrap();
    pipe(&rules);
    let fault = is_refused(&sidecar, &before);
    assert!(
        fault.contains("rules.toml") && fault.contains("pipe"),
        "{fault}"
    );
}

/// A hidden file is left out of a revision of git as it is out of a directory.
#[test]
fn what_is_hidden_is_left_out_of_a_revision_too() {
    let author = crate::author::Author::new();
    author.write(
        "policies/.hidden.cedar",
        "permit (principal, action, resource);\n",
    );
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(author.path(".")).args(arguments);
        assert!(command.status().unwrap().success());
    };
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    let name = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
    git(&[&name[..], &["commit", "-q", "-m", "first"]].concat());
    let ended = author.run(&["diff", "HEAD"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.ends_with("2 actions: 2 same\n"), "{ended:?}");
    // One in a directory inside is refused, as it is in the directory.
    author.write(
        "policies/sub/x.cedar",
        "permit (principal, action, resource);\n",
    );
    git(&["add", "-A"]);
    git(&[&name[..], &["commit", "-q", "-m", "second"]].concat());
    std::fs::remove_dir_all(author.path("policies/sub")).unwrap();
    let ended = author.run(&["diff", "HEAD"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("it holds `x.cedar`"), "{ended:?}");
}
