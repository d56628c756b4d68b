//! Each statement, where it holds and where it does not.

use super::{lines, with_invariant};
use crate::author::{POLICIES, RULES, SCHEMA};

/// An invariant with its statement.
fn said(statement: &str, policies: &str) -> String {
    let annotated = format!("@invariant(\"{statement}\") @code(\"INACTIVE\") ");
    policies
        .replace("permit", &format!("{annotated}permit"))
        .replace("forbid", &format!("{annotated}forbid"))
}

#[track_caller]
fn assert_proved(statement: &str, policies: &str) {
    let ended = with_invariant(&said(statement, policies)).run(&["prove", "it"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("proved it: "), "{ended:?}");
}

/// Returns what is decided of the counterexample.
#[track_caller]
fn refuted(statement: &str, policies: &str) -> Vec<String> {
    let ended = with_invariant(&said(statement, policies)).run(&["prove", "it", "--json"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let findings = lines(&ended)[0]["findings"].as_array().unwrap().clone();
    let decisions = findings.iter().map(|finding| {
        assert_eq!(finding["result"], "refuted", "{finding}");
        let found = &finding["counterexample"];
        format!("{} {}", found["decision"].as_str().unwrap(), found["codes"])
    });
    decisions.collect()
}

#[test]
fn what_is_never_allowed() {
    let inactive = r#"forbid (principal, action, resource) unless { principal.active };"#;
    assert_proved("never allows", inactive);
    // Anyone closes, also a desk of another.
    let strangers =
        r#"forbid (principal, action, resource) unless { resource.owner == principal };"#;
    assert_eq!(refuted("never allows", strangers), ["Allow []"]);
}

/// A denial by default is none that lasts: the next permit may end it.
#[test]
fn what_is_always_denied_is_forbidden_by_a_policy() {
    let inactive = r#"forbid (principal, action, resource) unless { principal.active };"#;
    assert_proved("always denies", inactive);
    let stranger = r#"forbid (principal, action == Action::"open", resource)
        unless { resource.owner == principal };"#;
    assert_proved("never allows", stranger);
    assert_eq!(
        refuted("always denies", stranger),
        [r#"Deny ["NOT_PERMITTED"]"#]
    );
}

#[test]
fn what_is_implied() {
    let owner = r#"permit (principal, action == Action::"open", resource)
        when { resource.owner == principal };"#;
    assert_proved("implies", owner);
    let named = r#"permit (principal, action == Action::"open", resource)
        when { resource.owner == principal && principal.name == "Ann" };"#;
    assert_eq!(refuted("implies", named), ["Allow []"]);
    // The statement is not about other actions.
    let nobody =
        r#"permit (principal, action == Action::"close", resource) when { principal.active };"#;
    assert_proved("implies", nobody);
}

#[test]
fn what_implies() {
    let some = r#"permit (principal, action == Action::"close", resource)
        when { principal.active && resource.owner == principal };"#;
    assert_proved("is implied by", some);
    let inactive = r#"permit (principal, action == Action::"close", resource);"#;
    assert_eq!(refuted("is implied by", inactive), [r#"Deny ["INACTIVE"]"#]);
}

#[test]
fn what_is_equal() {
    let active =
        r#"permit (principal, action == Action::"close", resource) when { principal.active };"#;
    assert_proved("equals", active);
    let more = r#"permit (principal, action == Action::"close", resource);"#;
    assert_eq!(refuted("equals", more), [r#"Deny ["INACTIVE"]"#]);
    let less = r#"permit (principal, action == Action::"close", resource)
        when { principal.active && context has force };"#;
    assert_eq!(refuted("equals", less), ["Allow []"]);
    let other =
        r#"permit (principal, action == Action::"close", resource) when { context has force };"#;
    let mut both = refuted("equals", other);
    both.sort();
    assert_eq!(both, ["Allow []", r#"Deny ["INACTIVE"]"#]);
}

/// An invariant's own forbids are part of what its set allows.
#[test]
fn what_is_disjoint() {
    let closing = r#"permit (principal, action, resource);
        forbid (principal, action, resource) when { principal.active };"#;
    assert_proved("is disjoint from", closing);
    let opening = r#"permit (principal, action, resource);
        forbid (principal, action == Action::"close", resource);"#;
    assert_eq!(refuted("is disjoint from", opening), ["Allow []"]);
}

/// A policy for one principal lies apart from the others, and counts.
#[test]
fn policies_for_one_entity_count() {
    let stranger = r#"@invariant("never allows") forbid (principal, action == Action::"open", resource)
        unless { resource.owner == principal };"#;
    for scope in [
        r#"principal == User::"eve", action, resource"#,
        r#"principal, action, resource == Desk::"blue""#,
    ] {
        let author = with_invariant(stranger);
        let ended = author.run(&["prove", "it"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let text = author.read(POLICIES);
        author.write(
            POLICIES,
            &format!("{text}\n@id(\"desk/eve\") @rule(\"DSK-2\") permit ({scope});\n"),
        );
        author.list_policies();
        let ended = author.run(&["prove", "it"]);
        assert_eq!(ended.code, Some(4), "{ended:?}");
        // It is named, and not renamed.
        let named = if scope.contains("eve") {
            r#"User::"eve""#
        } else {
            r#"Desk::"blue""#
        };
        assert!(ended.stdout.contains(named), "{ended:?}");
        assert!(
            ended.stdout.contains("decided    Allow:  desk/eve")
                || ended.stdout.contains("decided    Allow: desk/eve"),
            "{ended:?}"
        );
    }
}

/// A refutation shows what is needed for it, with names that a person can read.
#[test]
fn a_refutation_is_small() {
    let ended = with_invariant(
        r#"// Nobody closes
// anything.
@invariant("never allows") @rule("DSK-2")
forbid (principal, action == Action::"close", resource);"#,
    )
    .run(&["prove", "it"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let name = ended
        .stdout
        .lines()
        .find(|line| line.contains("name = "))
        .unwrap()
        .trim();
    let key = ended
        .stdout
        .lines()
        .find(|line| line.contains("key = "))
        .unwrap()
        .trim();
    let wanted = format!(
        "FAILED it (DSK-2) never allows: Nobody closes anything.
  refuted: close by User on Desk
    principal  User::\"user-1\"
    action     Action::\"close\"
    resource   Desk::\"desk-1\"
    where User::\"user-1\"
      active = true
      {name}
    where Desk::\"desk-1\"
      {key}
      owner = User::\"user-1\"
    decided    Allow: desk/anyone-closes
1 invariant, 1 not proved
"
    );
    // The owner may be another user or not: the solver chooses.
    let without_owner = |text: &str| {
        let lines = text
            .lines()
            .filter(|line| !line.contains("owner = ") && !line.contains("user-2"));
        lines
            .map(str::to_owned)
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(
        without_owner(&ended.stdout),
        without_owner(&wanted),
        "{}",
        ended.stdout
    );
}

/// A refutation becomes a case that fails until the policies are right.
#[test]
fn a_refutation_becomes_a_case() {
    let author = with_invariant(
        r#"// Nobody closes what another owns.
@invariant("never allows") @code("NOT_YOURS") @rule("DSK-2")
forbid (principal, action == Action::"close", resource) unless { resource.owner == principal };"#,
    );
    let proved = author.run(&["prove", "it", "--write", "found"]);
    assert_eq!(proved.code, Some(4), "{proved:?}");
    assert!(
        proved.stdout.contains("written to found/it-1.toml"),
        "{proved:?}"
    );
    let tested = author.run(&["test", "found"]);
    assert_eq!(tested.code, Some(4), "{tested:?}");
    assert!(
        tested
            .stdout
            .contains("expected Deny codes [NOT_YOURS], got Allow"),
        "{tested:?}"
    );
    // Existing files are not written over.
    let again = author.run(&["prove", "it", "--write", "found"]);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("`found/it-1"), "{again:?}");

    let text = author.read(POLICIES);
    let rule = r#"
@id("desk/not-anothers")
@rule("DSK-2")
@code("NOT_YOURS")
@message("the desk is another's")
forbid (principal, action == Action::"close", resource)
unless { resource.owner == principal };
"#;
    author.write(POLICIES, &(text + rule));
    let listed = "text = \"anyone closes a desk\"\n";
    author.edit(RULES, listed, &format!("{listed}codes = [\"NOT_YOURS\"]\n"));
    author.list_policies();
    let tested = author.run(&["test", "found"]);
    assert_eq!(tested.code, Some(0), "{tested:?}");
    let proved = author.run(&["prove", "it"]);
    assert_eq!(proved.code, Some(0), "{proved:?}");
}

/// A case of what should be allowed wants that.
#[test]
fn what_should_be_allowed_becomes_a_case_too() {
    let author = with_invariant(
        r#"@invariant("is implied by") permit (principal, action == Action::"open", resource)
        when { principal.active };"#,
    );
    let proved = author.run(&["prove", "it", "--write", "found"]);
    assert_eq!(proved.code, Some(4), "{proved:?}");
    let tested = author.run(&["test", "found"]);
    assert_eq!(tested.code, Some(4), "{tested:?}");
    assert!(
        tested.stdout.contains("expected Allow, got Deny"),
        "{tested:?}"
    );
}

/// "Nothing of this kind" is the most that can be said, and not nothing said.
#[test]
fn what_an_invariant_allows_to_nobody_is_allowed_to_nobody() {
    let nobody = r#"permit (principal, action, resource) when { principal.active };
        forbid (principal, action == Action::"close", resource);"#;
    for statement in ["implies", "equals"] {
        let found = refuted(statement, nobody);
        assert!(
            found.contains(&"Allow []".to_owned()),
            "{statement}: {found:?}"
        );
    }
}

/// The code is what a caller is told, so it is part of what is proved.
#[test]
fn what_is_always_denied_is_so_by_its_code() {
    let author = with_invariant(
        r#"@invariant("always denies") @code("ASLEEP")
        forbid (principal, action, resource) unless { principal.active };"#,
    );
    let ended = author.run(&["prove", "it"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(
        ended
            .stdout
            .contains("decided    Deny: INACTIVE desk/not-inactive"),
        "{ended:?}"
    );
    author.edit(POLICIES, "INACTIVE", "ASLEEP");
    author.edit(RULES, "INACTIVE", "ASLEEP");
    assert_eq!(author.run(&["prove", "it"]).code, Some(0));
}

/// Where a policy can fail, what should be allowed is denied; also where nothing else is
/// to be proved.
#[test]
fn what_should_be_allowed_is_not_proved_beside_a_policy_that_can_fail() {
    let author = with_invariant(
        r#"@invariant("is implied by") permit (principal, action == Action::"close", resource)
        when { principal.active };"#,
    );
    assert_eq!(author.run(&["prove", "it"]).code, Some(0));
    let schema = author.read(SCHEMA);
    author.write(
        SCHEMA,
        &schema.replace("active: Bool", "active: Bool, size: Long"),
    );
    let text = author.read(POLICIES);
    let failing = r#"@id("desk/large") @rule("DSK-2") permit (principal, action == Action::"close", resource)
        when { principal.size * 2 > 5 };"#;
    author.write(POLICIES, &format!("{text}\n{failing}\n"));
    author.list_policies();
    let ended = author.run(&["prove", "it"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stdout.contains("`desk/large` can fail"), "{ended:?}");
}

/// A name that a policy has given to somebody is given to nobody else.
#[test]
fn made_names_are_not_those_of_policies() {
    let author = with_invariant(
        r#"@invariant("never allows") forbid (principal, action == Action::"close", resource)
        unless { principal == User::"user-1" };"#,
    );
    let ended = author.run(&["prove", "it"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(
        ended.stdout.contains("principal  User::\"user-2\""),
        "{ended:?}"
    );
}

/// Solvers have to be told that they may look into strings.
#[test]
fn patterns_are_proved_too() {
    let like = r#"forbid (principal, action, resource)
        when { principal.name like "*A*" && !principal.active };"#;
    assert_proved("never allows", like);
    let close = r#"forbid (principal, action == Action::"close", resource)
        when { principal.name like "*A*" };"#;
    assert_eq!(refuted("never allows", close), ["Allow []"]);
}

/// Instants are shown and written as a store has them.
#[test]
fn instants_are_those_of_a_store() {
    let author = with_invariant(
        r#"@invariant("never allows") forbid (principal, action == Action::"close", resource)
        when { principal.since > datetime("2020-01-01") };"#,
    );
    let schema = author.read(SCHEMA);
    author.write(
        SCHEMA,
        &schema.replace("active: Bool", "active: Bool, since: datetime"),
    );
    let ended = author.run(&["prove", "it", "--write", "found"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stdout.contains("since = datetime(\"2"), "{ended:?}");
    assert!(
        ended.stdout.contains("refuted: close by User on Desk"),
        "{ended:?}"
    );
    let tested = author.run(&["test", "found"]);
    assert!(tested.stdout.contains("got Allow"), "{tested:?}");
}
