//! Decisions that are decided again: byte for byte the same, or it is named what changed.

use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use peppol_authz_engine::Verdict;
use peppol_authz_engine::policy::{SourceFile, Sources, load};
use peppol_authz_server::decision_log::{Replay, decide_by_both, lines as log_lines};
use serde_json::{Value, json};

use super::{all_questions, ask_all, get_acme, keyed, lines, logging, of_suites, setting};
use crate::in_process::one_worker;
use crate::sidecar::{Sidecar, Start, program};

/// The output of a replay, and its exit code.
pub(super) struct Replayed {
    pub(super) code: i32,
    report: Value,
    pub(super) text: String,
}

pub(super) fn replay(arguments: &[&str]) -> Replayed {
    let run = |json: &[&str]| {
        let mut command = program();
        let output = command
            .arg("replay")
            .args(arguments)
            .args(json)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let code = output.status.code().unwrap();
        assert!(code != 64, "{}", String::from_utf8_lossy(&output.stderr));
        (code, text + &String::from_utf8(output.stderr).unwrap())
    };
    let (code, text) = run(&[]);
    let (again, report) = run(&["--json"]);
    assert_eq!(code, again);
    let report = serde_json::from_str(&report).unwrap_or(Value::Null);
    Replayed { code, report, text }
}

impl Replayed {
    #[track_caller]
    pub(super) fn is_all_the_same(&self, number: usize) {
        assert_eq!(self.code, 0, "{}", self.text);
        assert_eq!(self.report["same"], number, "{}", self.text);
        assert_eq!(self.report["changed"], json!([]));
        assert_eq!(self.report["undecided"], json!([]));
        let said = format!("{number} the same, 0 changed, 0 not decided again");
        assert!(self.text.contains(&said), "{}", self.text);
    }

    pub(super) fn changed(&self) -> &Vec<Value> {
        self.report["changed"].as_array().unwrap()
    }

    pub(super) fn problems(&self) -> Vec<&str> {
        let undecided = self.report["undecided"].as_array().unwrap();
        undecided
            .iter()
            .map(|line| line["problem"].as_str().unwrap())
            .collect()
    }
}

pub(super) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn tenancy(sidecar: &Sidecar) -> String {
    format!("sqlite:{}", sidecar.path("tenancy.db").display())
}

/// The log of all that the policy suites ask; how many decisions it holds.
fn of_all(start: Start) -> (Sidecar, usize) {
    let mut sidecar = start.start();
    let decided = ask_all(&sidecar, &all_questions()).len();
    sidecar.stop();
    (sidecar, decided)
}

#[test]
fn all_that_the_suites_ask_is_the_same_again_from_the_lines_alone() {
    let (sidecar, decided) = of_all(of_suites().with(&["--log-slice"]));
    let log = sidecar.path("d.log");
    replay(&[text(&log)]).is_all_the_same(decided);
    // Unknown ones are among them, and addresses.
    let all = std::fs::read_to_string(&log).unwrap();
    for part in [
        "UNKNOWN_PRINCIPAL",
        "UNKNOWN_RESOURCE",
        "EMAIL_ALREADY_REGISTERED",
        "hmac-",
    ] {
        assert!(all.contains(part), "{part}");
    }
}

#[test]
fn all_that_the_suites_ask_is_the_same_again_from_the_store() {
    let (sidecar, decided) = of_all(keyed(of_suites()));
    let (log, key) = (sidecar.path("d.log"), sidecar.path("key"));
    let tenancy = tenancy(&sidecar);
    let over = [text(&log), "--tenancy", &tenancy, "--key-file", text(&key)];
    replay(&over).is_all_the_same(decided);
}

/// Replayed errors are equal too: an error names the entities that it is about.
#[test]
fn policies_that_fail_are_the_same_again() {
    let start = keyed(of_suites());
    let policies = start.path("policies");
    std::fs::create_dir(&policies).unwrap();
    let policy = r#"@id("p/all") permit (principal, action, resource);
@id("p/overflows")
forbid (principal, action == Peppol::Action::"getOrganisation", resource)
when { resource.participantLimit + 9223372036854775807 > 0 };
"#;
    std::fs::write(policies.join("p.cedar"), policy).unwrap();
    let sidecar = start.with(&["--policies", text(&policies), "--log-slice"]);
    let mut sidecar = sidecar.start();
    let mut asked = get_acme();
    asked["resource"]["id"] = "acme-shared".into();
    let answer = sidecar.ask(&asked);
    assert_eq!(answer["reasons"][0]["code"], "EVALUATION_ERROR");
    sidecar.stop();
    let log = sidecar.path("d.log");
    replay(&[text(&log), "--policies", text(&policies)]).is_all_the_same(1);
    assert_eq!(lines(&log)[0]["diagnostics"], answer["diagnostics"]);
}

#[test]
fn a_changed_policy_is_named_with_what_it_changes() {
    let mut sidecar = logging(&["--log-slice"]).start();
    let mut denied = get_acme();
    denied["resource"]["id"] = "globex".into();
    sidecar.ask(&get_acme());
    sidecar.ask(&denied);
    sidecar.stop();
    let policies = sidecar.path("policies");
    std::fs::create_dir(&policies).unwrap();
    let policy = "@id(\"p/none\")\n@code(\"CLOSED\")\nforbid (principal, action, resource);\n";
    std::fs::write(policies.join("p.cedar"), policy).unwrap();
    let log = sidecar.path("d.log");
    let replayed = replay(&[text(&log), "--policies", text(&policies)]);
    assert_eq!(replayed.code, 4);
    let changed = replayed.changed();
    assert_eq!(changed.len(), 2);
    let first = &changed[0];
    assert_eq!(
        (&first["line"], &first["id"]),
        (&json!(1), &lines(&log)[0]["id"])
    );
    assert_eq!(first["principal"], "Peppol::User::\"anna\"");
    assert_eq!(first["recorded"], json!({"decision": "Allow", "codes": []}));
    assert_eq!(
        first["again"],
        json!({"decision": "Deny", "codes": ["CLOSED"]})
    );
    let old = &lines(&log)[0]["policyRevision"];
    assert_eq!(&first["policyRevision"]["recorded"], old);
    assert_eq!(
        first["policyRevision"]["again"],
        replayed.report["policyRevision"]
    );
    assert!(first.get("tenancyRevision").is_none());
    // Still denied, for another reason.
    assert_eq!(changed[1]["recorded"]["codes"], json!(["NOT_PERMITTED"]));
    assert_eq!(
        changed[1]["differs"],
        json!(["codes", "diagnostics", "reasons"])
    );
    for part in [
        "recorded  Allow",
        "again     Deny CLOSED",
        "0 the same, 2 changed",
    ] {
        assert!(replayed.text.contains(part), "{}", replayed.text);
    }
}

#[test]
fn a_changed_state_is_named_with_what_it_changes() {
    let mut sidecar = logging(&[]).start();
    let mut other = get_acme();
    other["principal"]["id"] = "root".into();
    sidecar.ask(&get_acme());
    sidecar.ask(&other);
    sidecar.stop();
    let documents = sidecar.path("more.ndjson");
    let left = json!({
        "type": "MEMBERSHIP", "userId": "anna", "organisationId": "acme", "memberRole": "orgmember",
    });
    let anna = json!({
        "type": "USER", "id": "anna", "email": "anna@acme.example", "emailVerified": false,
        "superadmin": false,
    });
    std::fs::write(&documents, format!("{left}\n{anna}\n")).unwrap();
    let tenancy = tenancy(&sidecar);
    let imported = program()
        .args(["import", "--tenancy", &tenancy])
        .arg(&documents)
        .output();
    assert!(imported.unwrap().status.success());
    let log = sidecar.path("d.log");
    let replayed = replay(&[text(&log), "--tenancy", &tenancy]);
    assert_eq!(replayed.code, 4, "{}", replayed.text);
    assert_eq!(replayed.report["same"], 1);
    let changed = replayed.changed();
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0]["again"]["codes"], json!(["EMAIL_NOT_VERIFIED"]));
    let revision = &lines(&log)[0]["tenancyRevision"];
    assert_eq!(&changed[0]["tenancyRevision"]["recorded"], revision);
    assert!(changed[0].get("policyRevision").is_none());
}

/// Nothing but a fault, or somebody's hand, makes another decision of the same.
#[test]
fn a_line_that_was_written_over_is_found() {
    let mut sidecar = logging(&["--log-slice"]).start();
    sidecar.ask(&get_acme());
    sidecar.stop();
    let log = sidecar.path("d.log");
    let whole = std::fs::read_to_string(&log).unwrap();
    for (from, to, differs) in [
        (
            "\"decision\":\"Allow\"",
            "\"decision\":\"Deny\"",
            "decision",
        ),
        ("\"codes\":[]", "\"codes\":[\"X\"]", "codes"),
        ("\"obligations\":[", "\"obligations\":[\"X\"", "obligations"),
        ("\"errors\":[]", "\"errors\":[ ]", "diagnostics"),
        ("\"code\":null", "\"code\":\"X\"", "reasons"),
    ] {
        assert!(whole.contains(from), "{from}: {whole}");
        std::fs::write(&log, whole.replacen(from, to, 1)).unwrap();
        let replayed = replay(&[text(&log)]);
        assert_eq!(replayed.code, 4);
        assert_eq!(replayed.changed()[0]["differs"], json!([differs]));
        assert!(
            replayed.text.contains("under the same revisions"),
            "{}",
            replayed.text
        );
    }
}

#[test]
fn what_cannot_be_decided_again_is_named() {
    let start = keyed(of_suites());
    let mut sidecar = start.start();
    let asked = json!({
        "principal": "Peppol::User::\"mia\"",
        "action": {"type": "Peppol::Action", "id": "createSubAccount"},
        "resource": "Peppol::LegalEntity::\"sales\"",
        "context": {"email": "sam@acme.example"},
    });
    let answer = sidecar.ask(&asked);
    assert_eq!(answer["reasons"][0]["code"], "EMAIL_ALREADY_REGISTERED");
    sidecar.stop();
    let (log, key) = (sidecar.path("d.log"), sidecar.path("key"));
    let tenancy = tenancy(&sidecar);
    let wrong = sidecar.path("wrong");
    std::fs::write(&wrong, [8; 32]).unwrap();
    let is_named = |arguments: &[&str], problem: &str| {
        let replayed = replay(arguments);
        assert_eq!(replayed.code, 1, "{}", replayed.text);
        let problems = replayed.problems();
        assert!(
            problems.len() == 1 && problems[0].contains(problem),
            "{problems:?}"
        );
    };
    is_named(&[text(&log)], "no store is named");
    let over = [text(&log), "--tenancy", &tenancy];
    is_named(&over, "no key is named");
    is_named(
        &[&over[..], &["--key-file", text(&wrong)]].concat(),
        "by the key",
    );
    let right = [&over[..], &["--key-file", text(&key)]].concat();
    replay(&right).is_all_the_same(1);
    // Torn, and not a line at all; the others are decided.
    let whole = std::fs::read_to_string(&log).unwrap();
    let (torn, _) = whole.split_at(whole.len() / 2);
    std::fs::write(&log, format!("{torn}\n{{}}\n{whole}\n{torn}")).unwrap();
    let replayed = replay(&right);
    assert_eq!((replayed.code, &replayed.report["same"]), (1, &json!(1)));
    let numbers = replayed.report["undecided"].as_array().unwrap().iter();
    let numbers: Vec<_> = numbers.map(|line| line["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 5]);
    assert!(!replayed.text.contains("anna"), "{}", replayed.text);
}

/// Policies that look at more than was looked at then decide nothing from a line: what it does not
/// say is not absent.
#[test]
fn what_was_not_looked_at_is_not_taken_for_absent() {
    let start = Start::quickstart();
    let policies = start.path("policies");
    std::fs::create_dir(&policies).unwrap();
    let put = |policy: &str| std::fs::write(policies.join("p.cedar"), policy).unwrap();
    put("@id(\"p/all\") permit (principal, action, resource);\n");
    let start = super::to_file(start);
    let mut sidecar = start
        .with(&["--policies", text(&policies), "--log-slice"])
        .start();
    sidecar.ask(&get_acme());
    sidecar.stop();
    let log = sidecar.path("d.log");
    let again = || replay(&[text(&log), "--policies", text(&policies)]);
    again().is_all_the_same(1);
    for condition in [
        "principal.hasTag(resource.id)",
        "principal.email.registered",
    ] {
        put(&format!(
            "@id(\"p/some\") permit (principal is Peppol::User, \
             action == Peppol::Action::\"getOrganisation\", resource) when {{ {condition} }};\n"
        ));
        let replayed = again();
        assert_eq!(replayed.code, 1, "{}", replayed.text);
        assert!(
            replayed.problems()[0].contains("was not looked at"),
            "{}",
            replayed.text
        );
    }
    // The entities that were looked at are enough.
    put(
        "@id(\"p/verified\") permit (principal is Peppol::User, action, resource) \
         when { principal.emailVerified };\n",
    );
    let replayed = again();
    assert_eq!(replayed.code, 4, "{}", replayed.text);
    assert_eq!(replayed.changed()[0]["again"]["decision"], "Allow");
}

#[test]
fn what_was_no_question_is_counted_and_standard_input_is_read() {
    use std::io::Write;
    use std::process::Stdio;
    let mut sidecar = setting(logging(&["--log-slice"]), "PERSONAL", "plain").start();
    let body = json!({
        "subject": {"type": "User", "id": "anna"},
        "action": {"name": "fly"},
        "resource": {"type": "Organisation", "id": "acme"},
    });
    sidecar.post("/access/v1/evaluation", &body);
    sidecar.ask(&get_acme());
    sidecar.stop();
    let log = std::fs::read(sidecar.path("d.log")).unwrap();
    let mut child = program()
        .args(["replay", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&log).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        said,
        "1 the same, 0 changed, 0 not decided again, 1 that were no questions\n"
    );
}

/// Entities that the caller describes are part of the question, with their parents.
#[test]
fn what_a_caller_described_is_described_again() {
    let start = Start::new();
    let schema = start.path("schema.cedarschema");
    let text_of_schema = "entity Team in [Team];\nentity User in [Team] = { name: String };\n\
        entity Room = { owner: User };\n\
        action enter appliesTo { principal: User, resource: Room };\n";
    std::fs::write(&schema, text_of_schema).unwrap();
    let policies = start.path("policies");
    std::fs::create_dir(&policies).unwrap();
    let policy = "@id(\"p/team\") permit (principal in Team::\"all\", action, resource) \
                  when { resource.owner == principal };\n";
    std::fs::write(policies.join("p.cedar"), policy).unwrap();
    let entities = start.path("entities.json");
    std::fs::write(&entities, "[]").unwrap();
    let tenancy = format!("entities:{}", entities.display());
    let start = super::to_file(start).with(&["--tenancy", &tenancy]);
    let start = start.with(&["--schema", text(&schema), "--policies", text(&policies)]);
    let mut sidecar = start.with(&["--log-slice"]).start();
    let uid = |kind: &str, id: &str| json!({"type": kind, "id": id});
    let answer = sidecar.ask(&json!({
        "principal": uid("User", "ann"),
        "action": uid("Action", "enter"),
        "resource": uid("Room", "r"),
        "entities": [
            {"uid": uid("User", "ann"), "attrs": {"name": "Ann"}, "parents": [uid("Team", "a")]},
            {"uid": uid("Team", "a"), "attrs": {}, "parents": [uid("Team", "all")]},
            {"uid": uid("Room", "r"), "attrs": {"owner": uid("User", "ann")}, "parents": []},
        ],
    }));
    assert_eq!(answer["decision"], "Allow");
    sidecar.stop();
    let log = sidecar.path("d.log");
    let same = ["--schema", text(&schema), "--policies", text(&policies)];
    replay(&[&[text(&log)], &same[..]].concat()).is_all_the_same(1);
    let over = [&[text(&log), "--tenancy", &tenancy], &same[..]].concat();
    replay(&over).is_all_the_same(1);
}

/// Two sets of policies over the lines of a log: what a change would have decided.
#[test]
fn two_sets_of_policies_decide_the_same_lines() {
    let (sidecar, decided) = of_all(of_suites().with(&["--log-slice"]));
    let mut changed = Sources::shipped();
    let closed = "@id(\"p/closed\") @code(\"CLOSED\") forbid \
                  (principal, action == Peppol::Action::\"getOrganisation\", resource);\n";
    changed.policies.push(Arc::new(SourceFile {
        name: "closed.cedar".to_owned(),
        path: None,
        text: closed.to_owned(),
    }));
    changed.rules = None;
    let [old, new] = [Sources::shipped(), changed].map(|sources| Arc::new(load(&sources).unwrap()));
    let log = std::fs::File::open(sidecar.path("d.log")).unwrap();
    let runtime = one_worker();
    let compared = runtime.spawn(async move {
        let (mut old, mut new) = (Replay::new(old).unwrap(), Replay::new(new).unwrap());
        let mut found = (0, 0);
        for line in log_lines(BufReader::new(log)) {
            let line = line.unwrap();
            let both = decide_by_both(&mut old, &mut new, &line).await;
            let differ = both.differ().unwrap_or_else(|| panic!("{both:?}"));
            assert!(both.old.unwrap().differs_from(&line).is_empty());
            let new = both.new.unwrap();
            let action: &str = new.question.action.id().as_ref();
            let is_unknown = line.codes().iter().any(|code| code.starts_with("UNKNOWN_"));
            let is_closed = action == "getOrganisation" && !is_unknown;
            assert_eq!(differ.contains(&"codes"), is_closed, "{line:?}");
            if is_closed {
                assert_eq!(new.decision.verdict, Verdict::Deny);
                found.0 += 1;
            }
            found.1 += 1;
        }
        found
    });
    let (closed, all) = runtime.block_on(compared).unwrap();
    assert!(closed > 10, "{closed}");
    assert_eq!(all, decided);
}
