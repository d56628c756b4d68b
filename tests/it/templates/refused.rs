//! Links that do not fit their templates, and templates that are not valid.

use peppol_authz_engine::policy::{Fault, Warnings, load};

use super::{LINKS, POLICIES, SCHEMA};
use crate::deciding::linked_sources;

fn faults(policies: &str, links: &str) -> Vec<Fault> {
    let loaded = load(&linked_sources(SCHEMA, policies, Some(links)));
    match loaded {
        Ok(_) => panic!("this loads:\n{policies}\n{links}"),
        Err(faults) => faults,
    }
}

/// The text that a fault points at.
fn pointed(fault: &Fault) -> &str {
    let label = &fault.labels[0];
    let place = label.offset()..label.offset() + label.len();
    fault.file.text.get(place).unwrap()
}

fn link(fields: &str) -> String {
    format!("{LINKS}\n[[link]]\n{fields}\n")
}

#[test]
fn a_link_that_does_not_fit_is_named_with_its_place() {
    let viewer = |id: &str, rest: &str| {
        link(&format!(
            "id = \"{id}\"\ntemplate = \"share/viewer\"\n{rest}"
        ))
    };
    let both = "principal = 'Team::\"a\"'\nresource = 'Folder::\"a\"'";
    for (links, says, at) in [
        (
            link("id = \"l/x\"\ntemplate = \"share/vewer\"\n"),
            "no template `share/vewer`; did you mean `share/viewer`?",
            "\"share/vewer\"",
        ),
        (
            link("id = \"l/x\"\ntemplate = \"own/see\"\n"),
            "policy `own/see` has no slots",
            "\"own/see\"",
        ),
        (
            viewer("l/x", "principal = 'Team::\"a\"'"),
            "`resource` is missing: template `share/viewer` has `?resource`",
            "[[link]]",
        ),
        (
            link(
                "id = \"l/x\"\ntemplate = \"bar/one\"\nprincipal = 'User::\"a\"'\nresource = 'Plan::\"p\"'",
            ),
            "`resource` is too much: template `bar/one` has no `?resource`",
            "'Plan::\"p\"'",
        ),
        (
            viewer("l/team-a", both),
            "link id `l/team-a` is taken, in `links.toml`",
            "\"l/team-a\"",
        ),
        (
            viewer("own/see", both),
            "link id `own/see` is taken, in `p.cedar`",
            "\"own/see\"",
        ),
        (
            viewer("bar/one", both),
            "link id `bar/one` is taken, in `p.cedar`",
            "\"bar/one\"",
        ),
        (viewer("", both), "the id of a link is empty", "\"\""),
        (
            viewer(
                "l/x",
                "principal = 'Teem::\"a\"'\nresource = 'Folder::\"a\"'",
            ),
            "no such entity type",
            "'Teem::\"a\"'",
        ),
        (
            viewer("l/x", "principal = 'anna'\nresource = 'Folder::\"a\"'"),
            "an entity is wanted",
            "'anna'",
        ),
        (
            viewer(
                "l/x",
                "principal = 'Folder::\"a\"'\nresource = 'Folder::\"a\"'",
            ),
            "no question can fulfil link `l/x`",
            "[[link]]",
        ),
        (
            link(
                "id = \"l/x\"\ntemplate = \"share/editor\"\nprincipal = 'User::\"a\"'\nresource = 'Team::\"a\"'",
            ),
            "no question can fulfil link `l/x`: share/editor with ?principal = User::\"a\" and ?resource = Team::\"a\"",
            "[[link]]",
        ),
        (
            viewer("l/x", "principle = 'Team::\"a\"'"),
            "unknown field `principle`",
            "principle",
        ),
        ("# cut short".to_owned(), "missing field `link`", ""),
        ("[[link]\n".to_owned(), "", ""),
    ] {
        let found = faults(POLICIES, &links);
        assert_eq!(found.len(), 1, "{found:?}");
        let fault = &found[0];
        assert!(fault.message.contains(says), "`{says}` in {fault:?}");
        assert_eq!(fault.file.name, "links.toml");
        if !at.is_empty() {
            assert!(pointed(fault).starts_with(at), "`{at}`: {fault:?}");
            assert!(fault.place().0 > 17, "{fault:?}");
        }
    }
}

#[test]
fn a_template_is_held_to_the_schema_for_whatever_is_linked() {
    for (template, says) in [
        (
            "@id(\"t/x\") permit (principal == ?principal, action, resource) when { principal.nme == \"\" };",
            "nme",
        ),
        (
            "@id(\"t/x\") permit (principal in ?principal, action, resource is Team in ?resource);",
            "unable to find an applicable action",
        ),
        (
            "@id(\"t/x\") permit (principal == ?principal, action, resource) when { resource == ?resource };",
            "slot",
        ),
        (
            "@id(\"own/see\") permit (principal == ?principal, action, resource);",
            "policy id `own/see` is taken",
        ),
    ] {
        let found = faults(&format!("{POLICIES}\n{template}"), LINKS);
        let fault = found.iter().find(|fault| fault.message.contains(says));
        let fault = fault.unwrap_or_else(|| panic!("`{says}` in {found:#?}"));
        assert_eq!(fault.file.name, "p.cedar");
        assert!(fault.place().0 > 14, "{fault:?}");
    }
    // Nothing has to link it. But a list that is not there may be one that was lost.
    load(&linked_sources(SCHEMA, POLICIES, Some("link = []"))).unwrap();
    let Err(lost) = load(&linked_sources(SCHEMA, POLICIES, None)) else {
        panic!("this loads without a list of links");
    };
    assert!(lost[0].message.contains("no `links.toml`"), "{lost:#?}");
}

#[test]
fn a_link_that_never_applies_is_taken_where_warnings_are() {
    let never = link("id = \"l/x\"\ntemplate = \"bar/one\"\nprincipal = 'Team::\"a\"'");
    let sources = linked_sources(SCHEMA, POLICIES, Some(&never)).with_warnings(Warnings::LOG);
    let bundle = load(&sources).unwrap();
    assert_eq!(bundle.warnings.len(), 1, "{:?}", bundle.warnings);
    let policies = bundle.policies();
    let link = policies.iter().find(|info| &*info.id == "l/x").unwrap();
    assert!(link.never_applies);
}
