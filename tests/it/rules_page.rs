//! The table of rules in `docs/reference/rules.md` says what the policies say.

use peppol_authz_engine::policy::{HeldBy, Sources, load};

use crate::sidecar::project;

const START: &str = "<!-- rules: kept by a test; UPDATE_RULES=1 writes it -->\n";
const END: &str = "<!-- /rules -->";

#[test]
fn the_table_of_rules_is_that_of_the_policies() {
    let sources = Sources::read(
        Some(&project("policies")),
        Some(&project("schema/peppol.cedarschema")),
        None,
    )
    .unwrap();
    let bundle = load(&sources).unwrap();
    let rules = bundle.rules.as_ref().unwrap();
    let mut table = String::from("\n| rule | says | codes | held by |\n|---|---|---|---|\n");
    for (id, rule) in &rules.rules {
        let holders: Vec<String> = bundle
            .policies()
            .into_iter()
            .filter(|info| info.rule.as_deref() == Some(id))
            .map(|info| format!("`{}`", info.id))
            .collect();
        let held_by = match rule.held_by {
            HeldBy::Policies => holders.join(", "),
            HeldBy::Engine => "the engine and the schema".to_owned(),
            HeldBy::Absence => "no policy permits or forbids it".to_owned(),
        };
        let codes: Vec<String> = rule.codes.iter().map(|code| format!("`{code}`")).collect();
        table.push_str(&format!(
            "| {id} | {} | {} | {held_by} |\n",
            rule.text,
            codes.join(", ")
        ));
    }
    table.push('\n');
    let path = project("docs/reference/rules.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(START).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_RULES").is_some() {
        std::fs::write(&path, format!("{before}{START}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(found, table, "UPDATE_RULES=1 writes it anew");
}
