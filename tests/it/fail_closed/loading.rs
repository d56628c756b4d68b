//! Policies and schemas that must not load: what is skipped, ignored or never
//! fires would be a forbid that is not there.

use peppol_authz_engine::policy::{Fault, MaxLevel, Severity, Sources, load};

use super::{SCHEMA, forbid};
use crate::deciding::{PERMIT_ALL, bundle, faults, sources};

const ANY: &str = "principal, action, resource";

fn messages(faults: &[Fault]) -> String {
    let messages: Vec<_> = faults.iter().map(|fault| fault.message.as_str()).collect();
    messages.join("\n")
}

/// One fault that has this in its message.
fn assert_fault(found: &[Fault], text: &str) {
    let count = found.iter().filter(|fault| fault.message.contains(text));
    assert_eq!(count.count(), 1, "`{text}` in:\n{}", messages(found));
    assert!(
        found
            .iter()
            .all(|fault| fault.severity == Severity::Invalid)
    );
}

#[test]
fn an_optional_attribute_is_read_behind_has() {
    let read = "action == Action::\"read\", resource";
    let scope = format!("principal, {read}");
    for condition in [
        "principal.manager.blocked",
        "principal.desk.floor > 3",
        "principal has desk && principal.desk.floor > 3",
        "context.via.blocked",
        "resource.getTag(\"sealed\")",
        "principal.hasTag(\"a\") && principal.getTag(\"b\").blocked",
    ] {
        let found = faults(
            SCHEMA,
            &(PERMIT_ALL.to_owned() + &forbid("f", &scope, condition)),
        );
        assert!(!found.is_empty(), "{condition}");
    }
    let guarded = "principal has desk.floor && principal.desk.floor > 3";
    bundle(
        SCHEMA,
        &(PERMIT_ALL.to_owned() + &forbid("f", &scope, guarded)),
    );
}

#[test]
fn a_forbid_of_600_terms_does_not_load_and_is_named() {
    let terms: Vec<_> = (0..600).map(|i| format!("resource.size == {i}")).collect();
    let text = PERMIT_ALL.to_owned() + &forbid("long", ANY, &terms.join(" || "));
    let found = faults(SCHEMA, &text);
    assert_eq!(found.len(), 1, "{}", messages(&found));
    assert_fault(&found, "deep");
    let label = &found[0].labels[0];
    let place = text
        .get(label.offset()..label.offset() + label.len())
        .unwrap();
    assert!(place.contains("@id(\"p/long\")"), "{place}");
    assert!(!place.contains("p/all"), "{place}");
    assert_eq!(found[0].place().0, 2);
    // As a set it does.
    let numbers: Vec<_> = (0..600).map(|i| i.to_string()).collect();
    let set = format!("[{}].contains(resource.size)", numbers.join(", "));
    bundle(
        SCHEMA,
        &(PERMIT_ALL.to_owned() + &forbid("long", ANY, &set)),
    );
}

#[test]
fn what_cedar_only_warns_about_does_not_load() {
    // Never matches: a read is of a document.
    let scope = "principal, action == Action::\"read\", resource is User";
    let found = faults(
        SCHEMA,
        &(PERMIT_ALL.to_owned() + &forbid("f", scope, "true")),
    );
    assert!(!found.is_empty());
    // Never true.
    let found = faults(
        SCHEMA,
        &(PERMIT_ALL.to_owned() + &forbid("f", ANY, "resource is User")),
    );
    assert_fault(&found, "impossible");
    assert_eq!(found[0].place().0, 2);
    // Letters that look like others.
    let text = forbid("f", ANY, "principal.name == \"раypal\"");
    assert!(!faults(SCHEMA, &(PERMIT_ALL.to_owned() + &text)).is_empty());
    // A schema that means another type than it seems to.
    let shadowed =
        "entity Mode;\nnamespace N {\n  type Mode = Long;\n  entity User = { mode: Mode };\n}";
    assert!(!faults(shadowed, PERMIT_ALL).is_empty());
}

#[test]
fn no_policies_at_all_are_refused() {
    let found = load(&sources(SCHEMA, &[])).err().unwrap();
    assert_fault(&found, "there are no policies");
    // As of a file whose copy has just begun.
    for text in ["", "// nothing\n"] {
        assert_fault(&faults(SCHEMA, text), "there is no policy in `");
    }
    // As from a mount that failed.
    let empty = tempfile::tempdir().unwrap();
    let sources = Sources::read(Some(empty.path()), None, None).unwrap();
    assert_fault(&load(&sources).err().unwrap(), "there are no policies");
    let missing = empty.path().join("missing");
    assert!(Sources::read(Some(&missing), None, None).is_err());
    assert!(Sources::read(None, Some(&missing), None).is_err());
    assert!(Sources::read(None, None, Some(&missing)).is_err());
}

#[test]
fn an_id_names_one_policy() {
    let twice = PERMIT_ALL.to_owned() + "@id(\"p/all\") forbid (principal, action, resource);";
    let found = faults(SCHEMA, &twice);
    assert_fault(&found, "policy id `p/all` is taken");
    assert_eq!(found[0].place().0, 2);
    // In another file.
    let forbid = "@id(\"p/all\") forbid (principal, action, resource);";
    let found = load(&sources(
        SCHEMA,
        &[("a.cedar", PERMIT_ALL), ("b.cedar", forbid)],
    ));
    let found = found.err().unwrap();
    assert_fault(&found, "policy id `p/all` is taken, in `a.cedar`");
    assert_eq!(found[0].file.name, "b.cedar");
    // Without ids, none is lost.
    let unnamed = "permit (principal, action, resource);\nforbid (principal, action, resource);";
    let loaded = load(&sources(
        SCHEMA,
        &[("a.cedar", unnamed), ("b.cedar", unnamed)],
    ))
    .unwrap();
    assert_eq!(loaded.policies().len(), 4);
}

#[test]
fn a_literal_is_written_as_it_is_stored() {
    let schema = r#"
        entity User;
        @lowercaseId("all") entity Mail = { taken: Bool };
        @lowercaseId("afterScheme") @defaultScheme("iso6523-actorid-upis") entity Party;
        action a appliesTo { principal: User, resource: Party, context: { to: Mail } };
    "#;
    let all = |scope: &str, condition: &str| PERMIT_ALL.to_owned() + &forbid("f", scope, condition);
    let stored = "iso6523-actorid-upis::0088:abc";
    for other in ["iso6523-actorid-upis::0088:ABC", "0088:abc", "0088:ABC"] {
        let scope = format!("principal, action, resource == Party::\"{other}\"");
        assert_fault(
            &faults(schema, &all(&scope, "true")),
            "not written as it is stored",
        );
        let condition = format!("resource == Party::\"{other}\"");
        let found = faults(schema, &all(ANY, &condition));
        assert_fault(&found, "not written as it is stored");
        let help = found[0].help.as_deref().unwrap_or_default();
        assert!(help.contains(&format!("Party::\"{stored}\"")), "{help}");
        let condition = format!("[Party::\"{stored}\", Party::\"{other}\"].contains(resource)");
        assert_fault(
            &faults(schema, &all(ANY, &condition)),
            "not written as it is stored",
        );
    }
    let mail = "context.to == Mail::\"Anna@acme.example\"";
    assert_fault(
        &faults(schema, &all(ANY, mail)),
        "not written as it is stored",
    );
    let both =
        format!("resource == Party::\"{stored}\" && context.to == Mail::\"anna@acme.example\"");
    bundle(schema, &all(ANY, &both));
    // Spellings differ for other types.
    bundle(
        schema,
        &all("principal == User::\"ANN\", action, resource", "true"),
    );
}

/// `principal.manager.manager….blocked` over so many managers.
fn managers(count: usize) -> String {
    let mut condition = String::new();
    let mut path = "principal".to_owned();
    for _ in 0..count {
        condition.push_str(&format!("{path} has manager && "));
        path.push_str(".manager");
    }
    condition + &format!("{path}.blocked")
}

#[test]
fn policies_look_no_further_than_the_slice_is_loaded() {
    let max = MaxLevel::default().get();
    let level = usize::try_from(max).unwrap();
    let deepest = forbid("f", ANY, &managers(level - 1));
    assert_eq!(
        bundle(SCHEMA, &(PERMIT_ALL.to_owned() + &deepest)).level,
        max
    );
    let found = faults(
        SCHEMA,
        &(PERMIT_ALL.to_owned() + &forbid("f", ANY, &managers(level))),
    );
    assert!(
        found.iter().all(|fault| fault.place().0 == 2),
        "{}",
        messages(&found)
    );
    assert!(!found.is_empty());
    // An entity that a policy names is where looking begins, as the principal is.
    for (condition, level) in [
        ("User::\"bob\".blocked", 1),
        ("User::\"bob\" in Group::\"g\"", 1),
        (
            "User::\"bob\" has manager && User::\"bob\".manager.blocked",
            2,
        ),
        ("principal == User::\"bob\"", 0),
    ] {
        let literal = forbid("f", ANY, condition);
        let loaded = bundle(SCHEMA, &(PERMIT_ALL.to_owned() + &literal));
        assert_eq!(loaded.level, level, "{condition}");
    }
    let far = managers(level).replace("principal", "User::\"bob\"");
    let found = faults(SCHEMA, &(PERMIT_ALL.to_owned() + &forbid("f", ANY, &far)));
    assert!(!found.is_empty() && found.iter().all(|fault| fault.place().0 == 2));
}

#[test]
fn what_does_not_validate_does_not_load() {
    for (scope, condition) in [
        (ANY, "resource.colour == \"red\""),
        (ANY, "resource.size == \"1\""),
        (ANY, "resource.owner == resource"),
        (ANY, "principal in Team::\"t\""),
        ("principal, action == Action::\"destroy\", resource", "true"),
        ("principal, action in Action::\"nothing\", resource", "true"),
        ("principal is Nobody, action, resource", "true"),
        (ANY, "context.via == User::\"a\""),
        (ANY, "ip(\"300.0.0.1\").isLoopback()"),
        (ANY, "principal.name.unknown()"),
    ] {
        let found = faults(
            SCHEMA,
            &(PERMIT_ALL.to_owned() + &forbid("f", scope, condition)),
        );
        assert!(!found.is_empty(), "{condition}");
    }
    // A word outside its vocabulary.
    let schema = "entity Mode enum [\"ON\"];\nentity U = { mode: Mode };\nentity R;\n\
                  action a appliesTo { principal: U, resource: R };";
    let typo = forbid("f", ANY, "principal.mode == Mode::\"OFF\"");
    assert!(!faults(schema, &(PERMIT_ALL.to_owned() + &typo)).is_empty());
}

#[test]
fn all_faults_of_all_files_are_found_at_once() {
    let files = [
        (
            "a.cedar",
            "permit (principal, action, resource) when { resource.colour };\n",
        ),
        (
            "b.cedar",
            "permit (principal, action, resource)\n  whence { true };\n",
        ),
        (
            "c.cedar",
            "\n\nforbid (principal, action, resource) when { resource.shade };\n",
        ),
    ];
    let found = load(&sources(SCHEMA, &files)).err().unwrap();
    let places: std::collections::BTreeSet<_> = found
        .iter()
        .map(|fault| (fault.file.name.as_str(), fault.place().0))
        .collect();
    let wanted = [("a.cedar", 1), ("b.cedar", 2), ("c.cedar", 3)];
    assert_eq!(places, wanted.into(), "{}", messages(&found));
}
