//! `init --from` and `convert`, over sets that other programs keep.

use serde_json::{Value, json};

use super::runs;
use crate::author::{Author, Ended};
use crate::templates::{SCHEMA, entities};

const POLICIES: &str = r#"// Who sees what is theirs.
permit (principal, action == Action::"see", resource) when { resource.owner == principal };
@id("share/viewer")
permit (principal in ?principal, action == Action::"see", resource in ?resource) unless { principal.blocked };
forbid (principal, action == Action::"edit", resource) when { !(resource is Plan) };
"#;

/// A command in the project `new`.
fn in_project(author: &Author, arguments: &[&str]) -> Ended {
    let output = crate::sidecar::program()
        .current_dir(author.path("new"))
        .args(arguments)
        .output();
    Ended::from(output.unwrap())
}

/// The decision of the new project: may this user see the plan?
fn decided_for(author: &Author, user: &str) -> Ended {
    let user = format!("User::\"{user}\"");
    let asked = [
        "--principal",
        &user,
        "--action",
        "see",
        "--resource",
        "Plan::\"p\"",
    ];
    in_project(
        author,
        &[&["authorize", "--config", "peppol-authz.toml"][..], &asked].concat(),
    )
}

fn holds(author: &Author) {
    for arguments in [&["check"][..], &["test"]] {
        let ended = in_project(author, arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
    }
}

fn refused(author: &Author, arguments: &[&str], said: &str) {
    let ended = author.run(arguments);
    assert!(matches!(ended.code, Some(1 | 3)), "{ended:?}");
    assert!(ended.stderr.contains(said), "{said}: {ended:?}");
    assert!(!author.path("new").exists(), "{said}");
}

/// A set as Cedar's command line takes it.
fn of_cedar() -> Author {
    let author = Author::empty();
    author.write("old/set/policies.cedar", POLICIES);
    author.write("old/set/model.cedarschema", SCHEMA);
    author.write("old/entities.json", &entities().to_string());
    let links = json!([{
        "template_id": "share/viewer",
        "link_id": "l/team-a",
        "args": {"?principal": "Team::\"a\"", "?resource": "Folder::\"a\""},
    }]);
    author.write("old/linked", &links.to_string());
    let question = json!({
        "principal": "User::\"anna\"", "action": "Action::\"see\"", "resource": "Plan::\"p\"", "context": {},
    });
    author.write("old/ALLOW/anna.json", &question.to_string());
    author.write("old/notes.txt", "…");
    author.write("old/package.json", "{\"name\": \"x\"}");
    author
}

const FROM: [&str; 4] = ["init", "--from", "old", "new"];

#[test]
fn a_set_of_cedar_becomes_a_project_that_pins_what_it_decides() {
    let author = of_cedar();
    let made = runs(&author, &FROM);
    for name in ["notes.txt", "package.json"] {
        assert!(
            made.stderr.contains(&format!("left out: {name}")),
            "{made:?}"
        );
    }
    holds(&author);
    let suite = author.read("new/tests/policies/pinned.toml");
    let asked = "name = \"ALLOW/anna.json\"\nprincipal = 'User::\"anna\"'\naction = 'Action::\"see\"'\n\
                 resource = 'Plan::\"p\"'\nallow = true\n";
    assert!(suite.contains(asked), "{suite}");
    assert!(
        author
            .read("new/policies/set-policies.cedar")
            .starts_with("// Who sees what is theirs.\n")
    );
    let decided = decided_for(&author, "anna");
    assert_eq!(decided.code, Some(0), "{decided:?}");
    assert!(decided.stdout.contains("because l/team-a\n"), "{decided:?}");
    // A policy without an id is shown with its place.
    let decided = decided_for(&author, "olga");
    let said = "because set-policies/policy0  policies/set-policies.cedar:2\n";
    assert!(decided.stdout.contains(said), "{decided:?}");
    // Each policy is noticed, and so is the link.
    for (file, old, new) in [
        (
            "set-policies.cedar",
            "resource.owner == principal",
            "resource.owner != principal",
        ),
        (
            "set-policies.cedar",
            "!(resource is Plan)",
            "resource is Plan",
        ),
        ("links.toml", "Team::\\\"a\\\"", "Team::\\\"b\\\""),
    ] {
        let file = format!("new/policies/{file}");
        let text = author.read(&file);
        std::fs::write(author.path(&file), text.replace(old, new)).unwrap();
        let tested = in_project(&author, &["test"]);
        std::fs::write(author.path(&file), &text).unwrap();
        assert_eq!(tested.code, Some(4), "{old}: {tested:?}");
    }
}

#[test]
fn warnings_and_depth_of_a_set_become_settings_that_authors_commands_go_by() {
    let author = Author::empty();
    let mut schema = "entity T0 = { open: Bool };\n".to_owned();
    for number in 1..8 {
        schema += &format!("entity T{number} = {{ up: T{} }};\n", number - 1);
    }
    schema += "action see appliesTo { principal: T0, resource: T7, context: { at: datetime, who?: Set<T0> } };\n";
    author.write("old/a.cedarschema", &schema);
    author.write(
        "old/a.cedar",
        "permit (principal, action, resource) when { resource.up.up.up.up.up.up.up.open };\n\
         forbid (principal is T1, action, resource);\n",
    );
    runs(&author, &FROM);
    let settings = author.read("new/peppol-authz.toml");
    for line in [
        "policy_warnings = { impossible = \"log\" }\n",
        "policy_level = 8\n",
        "tenancy = \"entities:entities.json\"\n",
    ] {
        assert!(settings.contains(&format!("\n{line}")), "{line} {settings}");
    }
    holds(&author);
    // They are the project's: another set is not held to them.
    author.write("new/a.cedarschema", &schema);
    let checked = in_project(&author, &["check", "--schema", "a.cedarschema"]);
    assert_eq!(checked.code, Some(3), "{checked:?}");
    std::fs::write(author.path("new/peppol-authz.toml"), "policies = 1\n").unwrap();
    let checked = in_project(&author, &["check"]);
    assert_eq!(checked.code, Some(64), "{checked:?}");
    assert!(checked.stderr.contains("peppol-authz.toml"), "{checked:?}");
}

#[test]
fn what_is_not_whole_makes_no_project() {
    let author = of_cedar();
    author.write("old/other.cedarschema", SCHEMA);
    refused(&author, &FROM, "several schemas");
    runs(
        &author,
        &[
            "init",
            "--from",
            "old",
            "named",
            "--schema",
            "old/set/model.cedarschema",
        ],
    );
    std::fs::remove_file(author.path("old/other.cedarschema")).unwrap();
    author.write("old/more.json", &entities().to_string());
    refused(&author, &FROM, "`--entities FILE`");
    author.write(
        "old/more.json",
        "{\"staticPolicies\": {\"a\": 1, \"a\": 2}}",
    );
    refused(&author, &FROM, "may hold policies");
    std::fs::remove_file(author.path("old/more.json")).unwrap();
    author.edit("old/linked", "share/viewer", "share/vewer");
    refused(&author, &FROM, "no template `share/vewer`");
    author.edit("old/linked", "share/vewer", "share/viewer");
    author.edit("old/entities.json", "\"blocked\":false", "\"blocked\":1");
    refused(&author, &FROM, "have to fit its schema");
    std::fs::remove_file(author.path("old/set/model.cedarschema")).unwrap();
    refused(&author, &FROM, "there is no schema");
    std::fs::remove_file(author.path("old/set/policies.cedar")).unwrap();
    author.write("old/set/model.cedarschema", SCHEMA);
    refused(&author, &FROM, "there are no policies");
}

fn listed(id: &str, definition: &Value) -> Value {
    json!({"policyStoreId": "s", "policyId": id, "policyType": "STATIC", "definition": definition})
}

/// A policy store as Amazon's command line writes it.
fn of_amazon() -> Author {
    let author = Author::empty();
    let schema = author_schema_json();
    let linked = json!({"templateLinked": {
        "policyTemplateId": "T1",
        "principal": {"entityType": "Team", "entityId": "a"},
        "resource": {"entityType": "Folder", "entityId": "a"},
    }});
    let of_list = json!({"static": {"description": "owners"}});
    let whole = json!({"static": {
        "description": "owners",
        "statement": "permit (principal, action == Action::\"see\", resource) when { resource.owner == principal };",
    }});
    let template = json!({
        "policyStoreId": "s", "policyTemplateId": "T1",
        "statement": "permit (principal in ?principal, action == Action::\"see\", resource in ?resource);",
    });
    for (name, document) in [
        (
            "get-schema",
            json!({"policyStoreId": "s", "schema": schema, "namespaces": [""]}),
        ),
        (
            "list-policies",
            json!({"policies": [listed("P1", &of_list), listed("L1", &linked)]}),
        ),
        ("get-policy-P1", listed("P1", &whole)),
        (
            "list-policy-templates",
            json!({"policyTemplates": [{"policyTemplateId": "T1"}]}),
        ),
        ("get-policy-template-T1", template),
    ] {
        author.write(&format!("old/{name}.json"), &document.to_string());
    }
    author
}

/// A schema in Cedar's JSON.
fn author_schema_json() -> String {
    let author = Author::empty();
    author.write("a.cedarschema", SCHEMA);
    runs(&author, &["convert", "a.cedarschema"]).stdout
}

#[test]
fn a_store_of_amazon_verified_permissions_is_read_whole() {
    let author = of_amazon();
    runs(&author, &FROM);
    holds(&author);
    let policies = author.read("new/policies/store.cedar");
    for id in ["@id(\"P1\")", "@id(\"T1\")"] {
        assert!(policies.contains(id), "{policies}");
    }
    let suite = author.read("new/tests/policies/pinned.toml");
    assert!(suite.contains("allow = true"), "{suite}");
    assert!(
        author
            .read("new/policies/links.toml")
            .contains("id = \"L1\"\ntemplate = \"T1\"")
    );

    let converted = runs(&author, &["convert", "old", "--links", "links.toml"]);
    assert!(
        converted.stdout.contains("@id(\"P1\")\npermit"),
        "{converted:?}"
    );
    assert_eq!(
        author.read("links.toml").trim(),
        author.read("new/policies/links.toml").trim()
    );
    let schema = runs(&author, &["convert", "old/get-schema.json"]).stdout;
    assert!(schema.contains("entity User in [Team]"), "{schema}");
    assert_eq!(
        runs(&author, &["convert", "old", "--is-schema"]).stdout,
        schema
    );

    std::fs::remove_dir_all(author.path("new")).unwrap();
    let list = author.read("old/list-policies.json");
    author.write(
        "old/list-policies.json",
        &list.replacen('{', "{\"nextToken\": \"n\", ", 1),
    );
    refused(&author, &FROM, "`nextToken`");
    author.write("old/list-policies.json", &list.replace("\"P1\"", "\"P2\""));
    refused(&author, &FROM, "`aws verifiedpermissions get-policy`");
    author.write("old/list-policies.json", &list.replace("\"T1\"", "\"T2\""));
    refused(
        &author,
        &FROM,
        "linked to template `T2`, which is not there",
    );
    author.write("old/list-policies.json", &list);
    author.write(
        "old/again.json",
        &author
            .read("old/get-policy-P1.json")
            .replace("permit", "forbid"),
    );
    refused(&author, &FROM, "with two texts");
    author.write(
        "old/again.json",
        "{\"results\": [], \"errors\": [{\"code\": \"x\"}], \"policies\": []}",
    );
    author.write(
        "old/again.json",
        &json!({"results": [listed("P1", &json!({"static": {}}))], "errors": [{}]}).to_string(),
    );
    refused(&author, &FROM, "it has `errors`");
}

#[test]
fn the_data_files_of_cedar_agent_are_read() {
    let author = Author::empty();
    author.write("old/schema.json", &author_schema_json());
    let mut all = entities();
    // Its own example lists actions among the entities.
    let action = json!({"uid": {"type": "Action", "id": "see"}, "attrs": {}, "parents": []});
    all.as_array_mut().unwrap().push(action);
    author.write("old/data.json", &all.to_string());
    let policies = json!([
        {"id": "own", "content": "permit(principal, action == Action::\"see\", resource) when { resource.owner == principal };"},
        {"id": "team", "content": "permit(principal in Team::\"a\",action in [Action::\"see\"],resource);"},
    ]);
    author.write("old/policies.json", &policies.to_string());
    runs(&author, &FROM);
    holds(&author);
    let converted = runs(&author, &["convert", "old/policies.json"]);
    assert!(
        converted
            .stdout
            .contains("@id(\"team\")\npermit(principal in Team"),
        "{converted:?}"
    );
    let schema = runs(&author, &["convert", "old/schema.json"]);
    assert!(schema.stdout.contains("entity Folder"), "{schema:?}");
    author.edit(
        "old/policies.json",
        "permit(principal in Team",
        "permit(principal);permit(principal in Team",
    );
    std::fs::remove_dir_all(author.path("new")).unwrap();
    refused(&author, &FROM, "`team`: ");
}
