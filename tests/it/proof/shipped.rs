//! The shipped invariants over the shipped policies.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use peppol_authz_author::proof::{
    InvariantResult, InvariantStatement, NotProvedReason, ProofOptions, Prover, prove,
    read_invariants,
};
use peppol_authz_engine::policy::{Bundle, SourceFile, Sources, load};

use super::lines;
use crate::author::{Author, Ended};
use crate::sidecar::{program, project};

/// The rules that somebody has to be able to rely on, whatever a policy is changed to.
const RULES: [&str; 16] = [
    "GEN-5", "MOD-1", "MOD-2", "MOD-3", "MOD-4", "MOD-5", "MCH-1", "MCH-2", "MCH-3", "MCH-4",
    "PTY-5", "SUB-2", "SUB-3", "USR-1", "USR-6", "MOD-8",
];

#[test]
fn they_are_proved() {
    let output = program()
        .current_dir(project("."))
        .args(["prove", "--json"])
        .output();
    let ended = Ended::from(output.unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let all = lines(&ended);
    let rules: BTreeSet<&str> = all
        .iter()
        .filter_map(|line| line["rule"].as_str())
        .collect();
    for rule in RULES {
        assert!(rules.contains(rule), "{rule}: {rules:?}");
    }
    assert!(
        all.iter()
            .any(|line| line["invariant"] == "no-policy-fails"),
        "{ended:?}"
    );
    assert!(
        all.iter()
            .all(|line| line["proved"] == true && line["kinds"].as_u64() > Some(0)),
        "{ended:?}"
    );
    // And those inside the binary are the same.
    let inside = Author::empty().run(&["prove", "mod-4-demo-participant-limit", "--json"]);
    assert_eq!(inside.code, Some(0), "{inside:?}");
}

/// An invariant that nothing can break would prove nothing: without any one of the
/// policies that forbid, the invariants of its rule are refuted.
#[tokio::test]
async fn each_forbid_is_missed_by_them() {
    let sources = Sources::shipped();
    let bundle = load(&sources).unwrap();
    let invariants = read_invariants(None, &sources).unwrap().unwrap();
    let mut prover = Prover::start(ProofOptions {
        timeout: Duration::from_secs(60),
    })
    .unwrap();
    let mut forbids = 0;
    for info in bundle.policies() {
        if info.effect != cedar_policy::Effect::Forbid {
            continue;
        }
        forbids += 1;
        let without = Arc::new(bundle.without(info.policy.id()).unwrap());
        let mut refuted = 0;
        for invariant in &invariants {
            if invariant.code != info.code || invariant.code.is_none() {
                continue;
            }
            let proved = prove(&mut prover, &without, invariant).await.unwrap();
            refuted += proved
                .findings
                .iter()
                .filter(|f| matches!(f.wrong, NotProvedReason::Refuted(_)))
                .count();
        }
        // About members of parties the invariants only say what is never allowed.
        let otherwise = info.code.as_deref() == Some("NOT_YOUR_AP_USER");
        assert!(refuted > 0 || otherwise, "nothing misses `{}`", info.id);
    }
    assert!(forbids > 15, "{forbids}");
}

/// The shipped policies, or none of them, with others beside them.
fn with(shipped: bool, text: &str) -> Arc<Bundle> {
    let mut sources = Sources::shipped();
    if !shipped {
        sources.policies.clear();
    }
    sources.policies.push(Arc::new(SourceFile {
        name: "others.cedar".to_owned(),
        path: None,
        text: text.to_owned(),
    }));
    sources.rules = None;
    Arc::new(load(&sources).unwrap())
}

/// The results of the shipped invariants: of one of them, or of all.
async fn prove_those(
    bundle: &Arc<Bundle>,
    name: Option<&str>,
) -> Vec<(InvariantStatement, InvariantResult)> {
    let timeout = Duration::from_secs(60);
    let mut prover = Prover::start(ProofOptions { timeout }).unwrap();
    let mut results = Vec::new();
    for invariant in &read_invariants(None, &Sources::shipped()).unwrap().unwrap() {
        if name.is_none_or(|name| name == &*invariant.name) {
            let proved = prove(&mut prover, bundle, invariant).await.unwrap();
            results.push((invariant.statement, proved));
        }
    }
    results
}

fn refuted(all: &[(InvariantStatement, InvariantResult)]) -> BTreeSet<&str> {
    let is_refuted = |proved: &InvariantResult| {
        let mut findings = proved.findings.iter();
        findings.any(|finding| matches!(finding.wrong, NotProvedReason::Refuted(_)))
    };
    let all = all.iter().filter(|(_, proved)| is_refuted(proved));
    all.map(|(_, proved)| &*proved.name).collect()
}

/// Where everything is allowed, or nothing, each of them says so; and there is no kind of
/// request that none of them bounds.
#[tokio::test]
async fn each_of_them_can_be_refuted_and_none_is_beyond_them() {
    let everything = with(false, "permit (principal, action, resource);");
    let all = prove_those(&everything, None).await;
    let found = refuted(&all);
    for (statement, proved) in &all {
        let name = &*proved.name;
        assert_eq!(
            found.contains(name),
            *statement != InvariantStatement::IsImpliedBy,
            "{name}"
        );
    }
    let findings = all.iter().flat_map(|(_, proved)| &proved.findings);
    let kinds: BTreeSet<String> = findings
        .filter_map(|f| Some(f.kind.as_ref()?.to_string()))
        .collect();
    assert_eq!(kinds.len(), everything.shards().count(), "{kinds:?}");

    let nothing = with(false, "forbid (principal, action, resource);");
    let all = prove_those(&nothing, None).await;
    let found = refuted(&all);
    for (statement, proved) in &all {
        // A forbid without a code is not the one that they want.
        let wanted = [
            InvariantStatement::IsImpliedBy,
            InvariantStatement::Equals,
            InvariantStatement::AlwaysDenies,
        ];
        let name = &*proved.name;
        assert_eq!(found.contains(name), wanted.contains(statement), "{name}");
    }
}

/// One wrong line, of the kinds that a suite overlooks.
#[tokio::test]
async fn a_permit_too_much_is_noticed() {
    let elsewhere = r#"principal.hasTag("o-1") && principal.hasTag(resource.id) &&
        principal.getTag("o-1").contains(Peppol::MemberRole::"orgadmin")"#;
    let upload = r#"permit (principal is Peppol::User, action == Peppol::Action::"uploadCertificate", resource)"#;
    let register = r#"permit (principal is Peppol::User, action == Peppol::Action::"createParticipant", resource)"#;
    let view =
        r#"permit (principal is Peppol::User, action == Peppol::Action::"viewDocument", resource)"#;
    let send =
        r#"permit (principal is Peppol::User, action == Peppol::Action::"sendDocument", resource)"#;
    for (text, by) in [
        // A role in one organisation, in another where there is a lesser one.
        (
            format!("{upload} when {{ {elsewhere} }};"),
            "usr-5-members-operate",
        ),
        (
            format!("{register} when {{ {elsewhere} }};"),
            "pty-2-who-manages-participants",
        ),
        // A superadmin who has a role there.
        (
            format!("{upload} when {{ principal.superadmin && principal.hasTag(resource.id) }};"),
            "usr-5-members-operate",
        ),
        (
            format!("{view} when {{ principal.hasTag(resource.legalEntity.organisation.id) }};"),
            "usr-5-members-operate",
        ),
        // A flag without the role.
        (
            format!(
                "{send} when {{ resource.hasTag(principal.id) && principal.hasTag(resource.organisation.id) }};"
            ),
            "pty-4-who-exchanges",
        ),
    ] {
        let results = prove_those(&with(true, &text), Some(by)).await;
        assert!(refuted(&results).contains(by), "{text}");
    }
}
