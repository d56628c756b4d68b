//! Sets that are half of one: they are refused at the start and at a reload, as `check` refuses
//! them, and what the other half forbids stays forbidden.

use std::path::Path;

use serde_json::Value;

use super::{REFUSED, TAKEN, ask, is_refused, is_taken, shipped_policies, start, start_with};
use crate::author::Ended;
use crate::eventually::until;
use crate::sidecar::{Sidecar, Start, program};

/// `acme` is in DEMO mode.
fn upload() -> Value {
    serde_json::json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"uploadCertificate\"",
        "resource": "Peppol::Organisation::\"acme\"",
    })
}

#[track_caller]
fn upload_is_denied(sidecar: &Sidecar) {
    let answer = sidecar.ask(&upload());
    assert_eq!(
        answer["reasons"][0]["code"], "DEMO_NO_CERTIFICATES",
        "{answer}"
    );
}

pub(super) fn check(policies: &Path) -> Ended {
    let arguments = ["check", "--policies", policies.to_str().unwrap()];
    Ended::from(program().args(arguments).output().unwrap())
}

/// `check` and `serve` both refuse the policies, with this word.
#[track_caller]
pub(super) fn never_starts(policies: &Path, word: &str) {
    let checked = check(policies);
    assert_eq!(checked.code, Some(3), "{checked:?}");
    assert!(checked.stderr.contains(word), "{checked:?}");
    let start = Start::quickstart().with(&["--policies", policies.to_str().unwrap()]);
    let (code, said) = start.fails();
    assert_eq!(code, 3, "{said}");
    assert!(said.contains(word), "{said}");
}

/// A set that lacks what `break_it` takes away is refused, wherever it comes.
#[track_caller]
fn half_of(break_it: impl Fn(&Path), word: &str) {
    let (sidecar, policies, _) = start();
    let before = ask(&sidecar);
    upload_is_denied(&sidecar);
    break_it(&policies);
    is_refused(&sidecar, &before);
    let ready = sidecar.get("/readyz").text;
    assert!(ready.contains(word), "{ready}");
    upload_is_denied(&sidecar);
    never_starts(&policies, word);
    // Whole again.
    shipped_policies(&policies);
    until("it is taken", || sidecar.get("/readyz").status == 200);
    upload_is_denied(&sidecar);
}

#[test]
fn a_file_that_is_emptied() {
    half_of(
        |policies| std::fs::write(policies.join("modes.cedar"), "").unwrap(),
        "there is no policy in `",
    );
}

#[test]
fn a_file_that_is_missing() {
    half_of(
        |policies| std::fs::remove_file(policies.join("modes.cedar")).unwrap(),
        "rule `MOD-1` lists policy `modes/demo-uploads-no-certificate`, which is not in",
    );
}

#[test]
fn a_file_that_ends_in_the_middle() {
    let cut = |policies: &Path| {
        let file = policies.join("modes.cedar");
        let text = std::fs::read_to_string(&file).unwrap();
        // Behind a policy, so that the rest can be read.
        let (first, _) = text
            .split_once("@id(\"modes/demo-uploads-no-certificate\")")
            .unwrap();
        std::fs::write(&file, format!("{first}\n// the rest is on its way\n")).unwrap();
    };
    let (sidecar, policies, _) = start();
    let before = ask(&sidecar);
    cut(&policies);
    is_refused(&sidecar, &before);
    upload_is_denied(&sidecar);
}

#[test]
fn a_denial_without_a_code() {
    const NOPE: &str = "@id(\"nope/nope\")\n@rule(\"NOPE-1\")\nforbid (principal, action, resource)\n\
                        when { principal is Peppol::SubAccount && principal.fullAccess };\n";
    let forbid = |policies: &Path| {
        std::fs::write(policies.join("nope.cedar"), NOPE).unwrap();
    };
    let (sidecar, policies, _) = start();
    let before = ask(&sidecar);
    forbid(&policies);
    is_refused(&sidecar, &before);
    let ready = sidecar.get("/readyz").text;
    for word in ["no rule `NOPE-1`", "a forbid without `@code`"] {
        assert!(ready.contains(word), "{ready}");
        never_starts(&policies, word);
    }
}

/// Without its list of rules, half of a set looks like a whole one.
#[test]
fn a_list_of_rules_that_is_gone() {
    let (sidecar, policies, _) = start();
    let before = ask(&sidecar);
    std::fs::remove_file(policies.join("modes.cedar")).unwrap();
    std::fs::remove_file(policies.join("rules.toml")).unwrap();
    until("it is refused for that", || {
        let ready = sidecar.get("/readyz").text;
        ready.contains("holds rule `") && ready.contains("rules.toml`")
    });
    assert_eq!(ask(&sidecar), before);
    upload_is_denied(&sidecar);
}

/// A set that held rules holds none any more, and so needs no list.
#[test]
fn a_list_of_rules_that_is_gone_with_all_rules() {
    let (sidecar, policies, _) = start();
    let before = ask(&sidecar);
    let next = sidecar.path("next");
    std::fs::create_dir(&next).unwrap();
    let open = "permit (principal, action, resource);\n";
    std::fs::write(next.join("open.cedar"), open).unwrap();
    assert_eq!(check(&next).code, Some(0));
    std::fs::rename(&policies, sidecar.path("before")).unwrap();
    std::fs::rename(&next, &policies).unwrap();
    sidecar.signal("HUP");
    until("it is refused for that", || {
        sidecar.get("/readyz").text.contains("rules.toml` is gone")
    });
    assert_eq!(ask(&sidecar), before);
}

/// Digests of all policy files and the list of rules, as `sha256sum` writes them.
fn write_manifest(policies: &Path) {
    let script = "cd \"$1\" && sha256sum *.cedar rules.toml > policies.sha256";
    let done = std::process::Command::new("sh")
        .args(["-c", script, "sh", policies.to_str().unwrap()])
        .status();
    assert!(done.unwrap().success());
}

#[test]
fn a_copy_that_is_slow_is_not_taken_before_its_manifest_is_fulfilled() {
    let start = Start::quickstart().variable("PEPPOL_AUTHZ_RELOAD__POLL_INTERVAL", "50ms");
    let (sidecar, policies, _) = start_with(start);
    write_manifest(&policies);
    sidecar.wait_for_log(TAKEN);
    let before = ask(&sidecar);
    // The new set, beside.
    let next = sidecar.path("next");
    shipped_policies(&next);
    let text = std::fs::read_to_string(next.join("modes.cedar")).unwrap();
    std::fs::write(
        next.join("modes.cedar"),
        text.replace("\n\n", "\n\n// next\n"),
    )
    .unwrap();
    write_manifest(&next);
    // Copied file by file, the manifest first, and each step left alone until it is looked at.
    let mut names: Vec<_> = std::fs::read_dir(&next)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort_by_key(|name| (name != "policies.sha256", name.clone()));
    let last = names.iter().position(|name| name == "modes.cedar").unwrap();
    for name in &names[..last] {
        std::fs::copy(next.join(name), policies.join(name)).unwrap();
    }
    let refused = is_refused(&sidecar, &before);
    assert!(
        refused.contains("modes.cedar") && refused.contains("policies.sha256"),
        "{refused}"
    );
    for name in &names[last..] {
        std::fs::copy(next.join(name), policies.join(name)).unwrap();
    }
    assert_ne!(is_taken(&sidecar, "Allow"), before.1);
    upload_is_denied(&sidecar);
}

#[test]
fn a_manifest_that_is_not_fulfilled() {
    let directory = tempfile::tempdir().unwrap();
    let policies = directory.path().join("policies");
    shipped_policies(&policies);
    write_manifest(&policies);
    assert_eq!(check(&policies).code, Some(0));
    let manifest = policies.join("policies.sha256");
    let whole = std::fs::read_to_string(&manifest).unwrap();
    let modes = whole
        .lines()
        .find(|line| line.ends_with("modes.cedar"))
        .unwrap();
    let other = "0".repeat(64) + "  modes.cedar";
    for (text, word) in [
        (whole.replace(&format!("{modes}\n"), ""), "is not listed in"),
        (whole.replace(modes, &other), "is another text than"),
        (format!("{whole}{other}\n"), "`modes.cedar` is listed twice"),
        (
            format!("{whole}{}\n", other.replace("modes", "more")),
            "there is no policy file `more.cedar`",
        ),
        (format!("{whole}\n"), "this is no digest with a name"),
        (
            format!("{whole}{modes}x\n"),
            "there is no policy file `modes.cedarx`",
        ),
    ] {
        std::fs::write(&manifest, text).unwrap();
        never_starts(&policies, word);
    }
    // Binary is text, and a name may begin with `./`.
    std::fs::write(&manifest, whole.replace("  ", " *./")).unwrap();
    assert_eq!(check(&policies).code, Some(0));
}

/// Two sets of which each is whole give a mixed one that looks whole too: where a manifest is
/// demanded, nothing is taken without one.
#[test]
fn a_manifest_that_is_demanded() {
    let demanded = || Start::quickstart().variable("PEPPOL_AUTHZ_RELOAD__REQUIRE_MANIFEST", "true");
    let start = demanded();
    let policies = start.path("policies");
    shipped_policies(&policies);
    let place = policies.display().to_string();
    let (code, said) = start.with(&["--policies", &place]).fails();
    assert_eq!(code, 3, "{said}");
    assert!(
        said.contains("policies.sha256`, and one is demanded"),
        "{said}"
    );
    // The shadow's too.
    let start = demanded();
    let shadow = start.path("shadow");
    shipped_policies(&shadow);
    let (code, said) = start
        .with(&["--shadow", &shadow.display().to_string()])
        .fails();
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("and one is demanded"), "{said}");
    // The policies in the binary need none.
    demanded().start();
    let start = demanded();
    let policies = start.path("policies");
    shipped_policies(&policies);
    write_manifest(&policies);
    let sidecar = start
        .with(&["--policies", &policies.display().to_string()])
        .start();
    let before = ask(&sidecar);
    let modes = policies.join("modes.cedar");
    let text = std::fs::read_to_string(&modes).unwrap();
    std::fs::write(&modes, format!("{text}// next\n")).unwrap();
    let fault = is_refused(&sidecar, &before);
    assert!(fault.contains("is another text than"), "{fault}");
    write_manifest(&policies);
    assert_ne!(is_taken(&sidecar, "Allow"), before.1);
}

#[test]
fn a_manifest_that_is_gone() {
    let (sidecar, policies, _) = start();
    write_manifest(&policies);
    sidecar.wait_for_log(TAKEN);
    let before = ask(&sidecar);
    std::fs::remove_file(policies.join("policies.sha256")).unwrap();
    let fault = is_refused(&sidecar, &before);
    assert!(fault.contains("policies.sha256` is gone"), "{fault}");
}

/// A directory without a list of rules is free in its conventions, as before.
#[test]
fn another_application_without_a_list_of_rules_starts() {
    let start = Start::quickstart();
    let policies = start.path("own");
    std::fs::create_dir(&policies).unwrap();
    let text = "@owner(\"me\")\npermit (principal, action, resource);\n";
    std::fs::write(policies.join("p.cedar"), text).unwrap();
    let sidecar = start
        .with(&["--policies", policies.to_str().unwrap()])
        .start();
    assert_eq!(ask(&sidecar).0, "Allow");
    std::fs::write(policies.join("p.cedar"), "").unwrap();
    let fault = sidecar.wait_for_log(REFUSED);
    assert!(
        fault["fault"].as_str().unwrap().contains("p.cedar"),
        "{fault}"
    );
    assert_eq!(ask(&sidecar).0, "Allow");
}
