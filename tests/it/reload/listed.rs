//! Rules name the policies that hold them: a set that lacks one of these policies is refused by
//! `check`, at the start of `serve` and at a reload, whatever else it holds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::whole::{check, never_starts};
use super::{ask, list_policies, shipped_policies, start_with};
use crate::eventually::until;
use crate::sidecar::{Sidecar, Start, project};

/// The policy files of a directory, by name.
fn files(policies: &Path) -> BTreeMap<PathBuf, String> {
    let entries = std::fs::read_dir(policies).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let cedar = paths.filter(|path| path.extension().is_some_and(|ending| ending == "cedar"));
    cedar
        .map(|path| (path.clone(), std::fs::read_to_string(&path).unwrap()))
        .collect()
}

/// A text cut before each policy and behind the last one.
fn statements(text: &str) -> Vec<&str> {
    let mut starts: Vec<_> = text.match_indices("@id(").map(|(at, _)| at).collect();
    starts.push(text.len());
    starts
        .windows(2)
        .map(|pair| text.get(pair[0]..pair[1]).unwrap())
        .collect()
}

fn id(statement: &str) -> &str {
    statement.split('"').nth(1).unwrap()
}

fn rule(statement: &str) -> &str {
    statement.split('"').nth(3).unwrap()
}

/// Each state of a file that lacks a policy, with the name of one that is missing and of its rule.
fn halves(text: &str) -> Vec<(String, String, String)> {
    let all = statements(text);
    let mut halves = Vec::new();
    for (at, one) in all.iter().enumerate() {
        let names = (id(one).to_owned(), rule(one).to_owned());
        let without = text.replacen(one, "", 1);
        halves.push((without, names.0.clone(), names.1.clone()));
        let cut: String = all[..at].concat();
        halves.push((
            format!("{cut}\n// the rest is on its way\n"),
            names.0,
            names.1,
        ));
    }
    halves
}

#[test]
fn a_set_without_one_of_its_policies_is_refused_by_check() {
    let directory = tempfile::tempdir().unwrap();
    let policies = directory.path().join("policies");
    shipped_policies(&policies);
    assert_eq!(check(&policies).code, Some(0));
    let mut tried = 0;
    for (path, text) in files(&policies) {
        let file = path.file_name().unwrap().to_str().unwrap();
        // A reload tries each of them; here some of each file.
        for (half, id, rule) in halves(&text).into_iter().step_by(3) {
            std::fs::write(&path, &half).unwrap();
            let ended = check(&policies);
            assert_eq!(ended.code, Some(3), "{id}: {ended:?}");
            let said = &ended.stderr;
            // An emptied file is named as that.
            let is_empty = said.contains(&format!("there is no policy in `{}`", path.display()));
            let is_named = said.contains(&format!("rule `{rule}` lists policy `{id}`"));
            assert!(
                (is_empty || is_named) && said.contains(file),
                "{id}: {said}"
            );
            tried += 1;
        }
        std::fs::write(&path, text).unwrap();
    }
    assert!(tried > 30, "{tried}");
    assert_eq!(check(&policies).code, Some(0));
}

/// The sets that differ only in what one policy forbids: before, they became the set in force.
#[test]
fn a_forbid_of_several_of_one_rule_is_missed_at_the_start() {
    let start = Start::quickstart();
    let policies = start.path("policies");
    for id in [
        "modes/demo-changes-no-access-point",
        "organisation/set-mode-must-follow",
        "parties/last-user-stays",
    ] {
        shipped_policies(&policies);
        let stem = id.split('/').next().unwrap();
        let path = policies.join(format!("{stem}.cedar"));
        let text = std::fs::read_to_string(&path).unwrap();
        let all = statements(&text);
        let one = all.iter().find(|one| self::id(one) == id).unwrap();
        std::fs::write(&path, text.replacen(one, "", 1)).unwrap();
        never_starts(&policies, id);
    }
}

/// One sidecar sees each half of the set, and refuses it.
#[test]
fn a_set_without_one_of_its_policies_is_refused_at_a_reload() {
    let (sidecar, policies) = quick();
    let before = ask(&sidecar);
    for (path, text) in files(&policies) {
        for one in statements(&text) {
            std::fs::write(&path, text.replacen(one, "", 1)).unwrap();
            // Of a file with one policy nothing is left.
            let words = [
                format!("lists policy `{}`", id(one)),
                format!("there is no policy in `{}`", path.display()),
            ];
            until("it is refused for that", || {
                let said = sidecar.get("/readyz").text;
                words.iter().any(|word| said.contains(word))
            });
            assert_eq!(ask(&sidecar), before, "{}", id(one));
            std::fs::write(&path, &text).unwrap();
            is_whole(&sidecar);
        }
    }
}

/// A sidecar that looks often.
fn quick() -> (Sidecar, PathBuf) {
    let start = Start::quickstart()
        .variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "20ms")
        .variable("PEPPOL_AUTHZ_RELOAD__SETTLE", "10ms");
    let (sidecar, policies, _) = start_with(start);
    (sidecar, policies)
}

#[track_caller]
fn is_whole(sidecar: &Sidecar) {
    until("it is whole", || {
        sidecar.get("/readyz").json()["warnings"].is_null()
    });
}

/// A directory is copied file by file, and each state of it is looked at: only the last is taken.
#[test]
fn a_copy_in_any_order_is_taken_when_it_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let whole = directory.path().join("whole");
    shipped_policies(&whole);
    let mut names: Vec<_> = std::fs::read_dir(&whole)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    let orders = [
        names.clone(),
        names.iter().rev().cloned().collect(),
        // The list of rules first, and last.
        with_rules_at(&names, 0),
        with_rules_at(&names, names.len() - 1),
        with_rules_at(&names, names.len() / 2),
    ];
    for (turn, order) in orders.iter().enumerate() {
        let copy = directory.path().join(format!("copy-{turn}"));
        std::fs::create_dir(&copy).unwrap();
        for (at, name) in order.iter().enumerate() {
            let ended = check(&copy);
            assert_eq!(ended.code, Some(3), "{:?}: {ended:?}", &order[..at]);
            std::fs::copy(whole.join(name), copy.join(name)).unwrap();
        }
        assert_eq!(check(&copy).code, Some(0), "{order:?}");
    }
}

fn with_rules_at(names: &[std::ffi::OsString], at: usize) -> Vec<std::ffi::OsString> {
    let mut others: Vec<_> = names
        .iter()
        .filter(|name| *name != "rules.toml")
        .cloned()
        .collect();
    others.insert(at, "rules.toml".into());
    others
}

/// A sidecar looks on while the directory comes back file by file.
#[test]
fn a_directory_that_comes_back_file_by_file_is_taken_when_it_is_whole() {
    let (sidecar, policies) = quick();
    let before = ask(&sidecar);
    let mut all: Vec<_> = files(&policies).into_iter().collect();
    let rules = policies.join("rules.toml");
    all.insert(0, (rules.clone(), std::fs::read_to_string(&rules).unwrap()));
    std::fs::remove_dir_all(&policies).unwrap();
    until("it is refused", || {
        !sidecar.get("/readyz").json()["warnings"].is_null()
    });
    std::fs::create_dir(&policies).unwrap();
    let (last, others) = all.split_last().unwrap();
    for (path, text) in others {
        std::fs::write(path, text).unwrap();
        let lacking = format!("which is not in `{}`", path.display());
        until("it was looked at, and is refused for the others", || {
            let said = sidecar.get("/readyz").text;
            assert!(said.contains("the last change was refused"), "{said}");
            !said.contains(&lacking)
        });
        assert_eq!(ask(&sidecar), before);
    }
    std::fs::write(&last.0, &last.1).unwrap();
    is_whole(&sidecar);
    assert_eq!(ask(&sidecar), before);
}

/// The list of rules is cut behind each of its lines.
#[test]
fn half_of_a_list_of_rules_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let policies = directory.path().join("policies");
    shipped_policies(&policies);
    let rules = policies.join("rules.toml");
    // As it is shipped, and not as tests write it.
    let text = std::fs::read_to_string(project("policies/rules.toml")).unwrap();
    let (to_the_last, _) = text.rsplit_once("policies = [").unwrap();
    let (mut half, mut number) = (String::new(), 0);
    for line in to_the_last.split_inclusive('\n') {
        half += line;
        let ends_here = line.starts_with("held_by") || line == "\n";
        number += usize::from(ends_here);
        // Some of them: each `check` reads the whole set.
        if ends_here && number % 4 == 1 {
            std::fs::write(&rules, &half).unwrap();
            let ended = check(&policies);
            assert_eq!(ended.code, Some(3), "{half}: {ended:?}");
        }
    }
    std::fs::write(&rules, "").unwrap();
    never_starts(&policies, "missing field `rules`");
}

#[test]
fn rules_without_a_list_of_rules() {
    let start = Start::quickstart();
    let policies = start.path("policies");
    shipped_policies(&policies);
    std::fs::remove_file(policies.join("rules.toml")).unwrap();
    let said = check(&policies).stderr;
    for word in ["access-points/members-create", "`USR-5`", "rules.toml`"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    never_starts(&policies, "and there is no `");
}

/// A policy that the list does not know is named with the line that would list it.
#[test]
fn a_policy_that_no_rule_lists() {
    const MORE: &str = "\n@id(\"users/more\")\n@rule(\"USR-2\")\npermit (\n  principal,\n  \
                        action == Peppol::Action::\"listUsers\",\n  resource\n);\n";
    let start = Start::quickstart();
    let policies = start.path("policies");
    shipped_policies(&policies);
    let users = policies.join("users.cedar");
    let text = std::fs::read_to_string(&users).unwrap();
    std::fs::write(&users, text + MORE).unwrap();
    let said = check(&policies).stderr;
    for word in [
        "policy `users/more` holds rule `USR-2`, which does not list it",
        "users.cedar",
        "write under `[rules.USR-2]`: policies = [\"users/create-organisation\", \"users/more\"]",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
    never_starts(&policies, "users/more");
    list_policies(&policies);
    assert_eq!(check(&policies).code, Some(0));
}

/// A policy that is switched off holds no rule.
#[test]
fn a_listed_policy_that_is_switched_off() {
    let directory = tempfile::tempdir().unwrap();
    shipped_policies(directory.path());
    let path = directory.path().join("users.cedar");
    let text = std::fs::read_to_string(&path).unwrap();
    let condition = "unless { principal.emailVerified };";
    let off = text.replacen(
        condition,
        "when { false }\nunless { principal.emailVerified };",
        1,
    );
    assert_ne!(off, text);
    std::fs::write(&path, off).unwrap();
    let ended = check(directory.path());
    assert_eq!(ended.code, Some(3), "{ended:?}");
    for part in [
        "lists policy `users/email-must-be-verified`, which is switched off",
        "code `EMAIL_NOT_VERIFIED` of rule `USR-1` is given by no policy",
    ] {
        assert!(ended.stderr.contains(part), "{ended:?}");
    }
}

/// Neither does one that can never apply, where warnings are logged.
#[test]
fn a_listed_policy_that_never_applies() {
    let directory = tempfile::tempdir().unwrap();
    shipped_policies(directory.path());
    let path = directory.path().join("users.cedar");
    let text = std::fs::read_to_string(&path).unwrap();
    let condition = "unless { principal.emailVerified };";
    let never = "when { principal is Peppol::Organisation }\nunless { principal.emailVerified };";
    let changed = text.replacen(condition, never, 1);
    assert_ne!(changed, text);
    std::fs::write(&path, changed).unwrap();
    let policies = directory.path().to_str().unwrap();
    let arguments = ["check", "--policies", policies, "--policy-warnings", "log"];
    let ended =
        crate::author::Ended::from(crate::sidecar::program().args(arguments).output().unwrap());
    assert_eq!(ended.code, Some(3), "{ended:?}");
    for part in [
        "lists policy `users/email-must-be-verified`, which never applies",
        "code `EMAIL_NOT_VERIFIED` of rule `USR-1` is given by no policy",
    ] {
        assert!(ended.stderr.contains(part), "{ended:?}");
    }
}
