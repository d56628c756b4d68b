//! The forms that sets of policies come in: Cedar's JSON, schemas in several files, long ways through the
//! store, and what Cedar warns of.

use serde_json::json;

use crate::author::Author;
use crate::deciding::question;
use crate::eventually::until;
use crate::sidecar::Start;
use crate::templates::{LINKS, POLICIES, SCHEMA, entities};

/// The policies, templates and links of the tests of templates, as Cedar's JSON has them.
fn as_json() -> serde_json::Value {
    let mut set: cedar_policy::PolicySet = cedar_policy::PolicySet::new();
    let parsed: cedar_policy::PolicySet = POLICIES.parse().unwrap();
    for policy in parsed.policies() {
        set.add(policy.clone()).unwrap();
    }
    for template in parsed.templates() {
        // Called otherwise than by its `@id`, which links of the set go by.
        set.add_template(template.clone()).unwrap();
    }
    let links: toml::Table = LINKS.parse().unwrap();
    for link in links["link"].as_array().unwrap() {
        let text = |name: &str| link.get(name).and_then(toml::Value::as_str);
        let wanted = text("template").unwrap();
        let mut templates = parsed.templates();
        let template = templates.find(|it| it.annotation("id") == Some(wanted));
        let slots = [
            ("principal", cedar_policy::SlotId::principal()),
            ("resource", cedar_policy::SlotId::resource()),
        ];
        let values = slots
            .into_iter()
            .filter_map(|(name, slot)| Some((slot, text(name)?.parse().unwrap())));
        let id = cedar_policy::PolicyId::new(text("id").unwrap());
        let template = template.unwrap().id().clone();
        set.link(template, id, values.collect()).unwrap();
    }
    set.to_json().unwrap()
}

fn author() -> Author {
    let author = Author::empty();
    author.write("schema/peppol.cedarschema", SCHEMA);
    author.write("entities.json", &entities().to_string());
    author
}

fn asked(principal: &str, resource: &str) -> Vec<String> {
    let principal = format!("User::\"{principal}\"");
    [
        "explain",
        "--tenancy",
        "entities:entities.json",
        "--action",
        "see",
        "--principal",
        &principal,
        "--resource",
        resource,
    ]
    .map(str::to_owned)
    .to_vec()
}

#[test]
fn policies_templates_and_links_in_json_are_read() {
    let author = author();
    author.write("policies/set.json", &format!("{:#}", as_json()));
    // Another file in JSON beside them is no policy.
    author.write("policies/entities.json", "[]");
    author.write("policies/other.json", "{\"a\": 1}");
    let checked = author.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(
        checked
            .stdout
            .contains("4 policies (3 by links of 3 templates)"),
        "{checked:?}"
    );
    let noted = checked.stdout.clone() + &checked.stderr;
    assert!(
        noted.contains("`policies/other.json` is left out"),
        "{checked:?}"
    );
    for (principal, resource, says, code) in [
        ("anna", "Plan::\"p\"", "l/team-a", 0),
        ("olga", "Plan::\"p\"", "own/see", 0),
        ("carl", "Plan::\"p\"", "l/bar-carl", 2),
    ] {
        let arguments = asked(principal, resource);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let found = author.run(&arguments);
        assert_eq!(found.code, Some(code), "{found:?}");
        assert!(found.stdout.contains(says), "`{says}`: {found:?}");
        // It is shown as it is written, with its place.
        assert!(found.stdout.contains("\"effect\""), "{found:?}");
        assert!(found.stdout.contains("policies/set.json:"), "{found:?}");
    }
    // One policy by itself is called by its file.
    let parsed: cedar_policy::Policy = "forbid (principal, action, resource is Folder);"
        .parse()
        .unwrap();
    author.write("policies/one.json", &parsed.to_json().unwrap().to_string());
    let arguments = asked("anna", "Folder::\"a\"");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let found = author.run(&arguments);
    assert_eq!(found.code, Some(2), "{found:?}");
    assert!(found.stdout.contains("one/policy0"), "{found:?}");
}

#[test]
fn json_that_cannot_be_read_is_refused_by_its_name() {
    let whole = as_json();
    let mut typo = whole.clone();
    let templates = typo["templates"].as_object_mut().unwrap();
    let name = templates.keys().next().unwrap().clone();
    templates[&name]["principal"]["op"] = json!("is like");
    let mut unlinked = whole.clone();
    unlinked["templateLinks"][0]["templateId"] = json!("none");
    let mut invalid = whole.clone();
    let policies = invalid["staticPolicies"].as_object_mut().unwrap();
    let own = policies.values_mut().next().unwrap();
    own["conditions"][0]["body"] = json!({".": {"left": {"Var": "principal"}, "attr": "nothing"}});
    let cut = whole.to_string();
    // Of two members of one name the first would be lost, and be it a forbid.
    let twice = cut.replacen(
        "\"staticPolicies\":",
        "\"staticPolicies\": {}, \"staticPolicies\":",
        1,
    );
    assert_ne!(twice, cut);
    for (text, says) in [
        (twice, "occurs twice"),
        (cut.get(..cut.len() / 2).unwrap().to_owned(), "set.json"),
        (typo.to_string(), "`policies/set.json`"),
        (unlinked.to_string(), "`policies/set.json`"),
        (invalid.to_string(), "attribute `nothing`"),
        (
            "{\"staticPolicies\": {}, \"templates\": {}, \"templateLinks\": []}".to_owned(),
            "there is no policy in `policies/set.json`",
        ),
    ] {
        let author = author();
        author.write("policies/set.json", &text);
        let refused = author.run(&["check"]);
        assert_eq!(refused.code, Some(3), "{text}: {refused:?}");
        assert!(refused.stderr.contains(says), "`{says}`: {refused:?}");
        assert!(refused.stderr.contains("set.json"), "{refused:?}");
        assert!(
            !refused.stderr.contains("there are no policies"),
            "{refused:?}"
        );
    }
    // Neither is one in a directory below.
    let author = author();
    author.write(
        "policies/own.cedar",
        "permit (principal, action, resource);",
    );
    author.write("policies/more/set.json", &whole.to_string());
    let refused = author.run(&["check"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(
        refused.stderr.contains("it holds `set.json`"),
        "{refused:?}"
    );
}

#[test]
fn a_schema_is_a_directory_of_fragments() {
    let start = Start::new()
        .policies(SCHEMA, POLICIES)
        .entities(&entities());
    std::fs::write(start.path("policies/links.toml"), "link = []\n").unwrap();
    let schema = start.path("test.cedarschema");
    std::fs::remove_file(&schema).unwrap();
    std::fs::create_dir(&schema).unwrap();
    let (types, actions) = SCHEMA.split_once("action").unwrap();
    let actions = format!("action{actions}");
    std::fs::write(schema.join("1-types.cedarschema"), types).unwrap();
    std::fs::write(schema.join("2-actions.cedarschema"), &actions).unwrap();
    std::fs::write(schema.join("README.md"), "no schema").unwrap();
    let sidecar = start.start();
    let asked = question("User::\"olga\"", "see", "Plan::\"p\"");
    assert_eq!(sidecar.ask(&asked)["decision"], "Allow");
    // A fragment that changes is noticed, and a fault is said to be where it is.
    let fault = actions.replace("resource: [Folder", "resource: [Fodler");
    std::fs::write(
        sidecar.path("test.cedarschema/2-actions.cedarschema"),
        fault,
    )
    .unwrap();
    until("it is refused", || {
        let ready = sidecar.get("/readyz").text;
        ready.contains("Fodler")
    });
    assert_eq!(sidecar.ask(&asked)["decision"], "Allow");
    let more = format!("{actions}action share appliesTo {{ principal: User, resource: Plan }};\n");
    std::fs::write(sidecar.path("test.cedarschema/2-actions.cedarschema"), more).unwrap();
    let shared = question("User::\"olga\"", "share", "Plan::\"p\"");
    until("it is taken", || {
        sidecar.post("/v1/is_authorized", &shared).status == 200
    });

    let author = author();
    author.write("policies/own.cedar", POLICIES);
    author.write("fragments/types.cedarschema", types);
    let wrong = actions.replace("principal: User", "principal: Usr");
    author.write(
        "fragments/actions.cedarschema",
        &format!("// Actions.\n\n{wrong}"),
    );
    let refused = author.run(&["check", "--schema", "fragments", "--json"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stdout.contains("fragments"), "{refused:?}");
    author.write("fragments/actions.cedarschema", &actions);
    author.write("fragments/more.json", "{}");
    let refused = author.run(&["check", "--schema", "fragments"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(
        refused.stderr.contains("`fragments/more.json`"),
        "{refused:?}"
    );
    author.write("empty/README.md", "");
    let refused = author.run(&["check", "--schema", "empty"]);
    assert_ne!(refused.code, Some(0), "{refused:?}");
    assert!(refused.stderr.contains("`empty`"), "{refused:?}");
}

const DEEP: &str = "
entity Node = { next?: Node, open: Bool };
action see appliesTo { principal: Node, resource: Node };
";

/// A permit that follows so many references.
fn following(references: usize) -> String {
    let mut path = "resource".to_owned();
    let mut tests = Vec::new();
    for _ in 0..references {
        tests.push(format!("{path} has next"));
        path += ".next";
    }
    tests.push(format!("{path}.open"));
    format!(
        "@id(\"p/deep\") permit (principal, action, resource) when {{ {} }};",
        tests.join(" && ")
    )
}

#[test]
fn a_setting_bounds_the_references_that_are_followed() {
    let nodes = (0..9).map(|number| {
        let next = json!({"__entity": {"type": "Node", "id": (number + 1).to_string()}});
        // The last one alone is open.
        let attributes = match number {
            8 => json!({"open": true}),
            _ => json!({"open": false, "next": next}),
        };
        crate::deciding::entity("Node", &number.to_string(), attributes, &[])
    });
    let nodes = nodes.collect::<Vec<_>>().into();
    let author = Author::empty();
    author.write("schema/peppol.cedarschema", DEEP);
    author.write("policies/p.cedar", &following(6));
    let refused = author.run(&["check"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("`policy_level`"), "{refused:?}");
    author.run(&["check", "--policy-level", "7", "--fix"]);
    let taken = author.run(&["check", "--policy-level", "7"]);
    assert_eq!(taken.code, Some(0), "{taken:?}");
    assert!(taken.stdout.contains("in up to 7 steps"), "{taken:?}");
    for wrong in ["21", "-1", "many"] {
        let refused = author.run(&["check", &format!("--policy-level={wrong}")]);
        assert_eq!(refused.code, Some(64), "{refused:?}");
    }
    let sidecar = Start::new()
        .policies(DEEP, &following(6))
        .entities(&nodes)
        .variable("PEPPOL_AUTHZ_POLICY_LEVEL", "7")
        .start();
    for (resource, decision) in [("2", "Allow"), ("1", "Deny"), ("3", "Deny")] {
        let asked = question("Node::\"0\"", "see", &format!("Node::\"{resource}\""));
        assert_eq!(sidecar.ask(&asked)["decision"], decision, "{resource}");
    }
    let (code, said) = Start::new()
        .policies(DEEP, &following(6))
        .entities(&nodes)
        .fails();
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("policy_level"), "{said}");
}

#[test]
fn a_schema_that_cedar_warns_of_is_taken_where_warnings_are() {
    let author = Author::empty();
    let shadowed = "type decimal = String;\nentity User = { name: decimal };\n\
                    action see appliesTo { principal: User, resource: User };\n";
    author.write("schema/peppol.cedarschema", shadowed);
    author.write(
        "policies/p.cedar",
        "@id(\"p/see\")\npermit (principal, action, resource);\n",
    );
    let refused = author.run(&["check"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("decimal"), "{refused:?}");
    assert!(
        refused.stderr.contains("policy_warnings.shadowed_name"),
        "{refused:?}"
    );
    author.write(
        "peppol-authz.toml",
        "policy_warnings = { shadowed_name = \"log\" }\n",
    );
    let taken = author.run(&["check"]);
    assert_eq!(taken.code, Some(0), "{taken:?}");
    let says = "taken by the setting `policy_warnings.shadowed_name`";
    assert!(taken.stderr.contains(says), "{taken:?}");
}

#[test]
fn policies_without_ids_are_called_by_file_and_place() {
    let author = author();
    let text = "permit (principal, action, resource)\nwhen { resource.owner == principal };\n\n\
                forbid (principal, action, resource)\nwhen { principal.blocked };\n";
    author.write("policies/own.cedar", text);
    let checked = author.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    for (principal, says, code) in [
        ("olga", "own/policy0  policies/own.cedar:1", 0),
        ("dora", "own/policy1  policies/own.cedar:4", 2),
    ] {
        let arguments = asked(principal, "Plan::\"p\"");
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let found = author.run(&arguments);
        assert_eq!(found.code, Some(code), "{found:?}");
        assert!(found.stdout.contains(says), "`{says}`: {found:?}");
    }
}

#[test]
fn policies_links_and_schemas_are_converted_there_and_back() {
    let author = author();
    author.write("policies/share.cedar", POLICIES);
    author.write("policies/links.toml", LINKS);
    let stdout = |arguments: &[&str]| {
        let ended = author.run(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended.stdout
    };
    let json = stdout(&[
        "convert",
        "policies/share.cedar",
        "--links",
        "policies/links.toml",
    ]);
    author.write("json/set.json", &json);
    let refused = author.run(&["convert", "json/set.json"]);
    assert_eq!(refused.code, Some(64), "{refused:?}");
    let text = stdout(&["convert", "json/set.json", "--links", "links.toml"]);
    author.write("text/share.cedar", &text);
    author.write("text/links.toml", &author.read("links.toml"));
    // A file that is there is not written over.
    let refused = author.run(&["convert", "json/set.json", "--links", "links.toml"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let schema = stdout(&["convert", "schema/peppol.cedarschema"]);
    author.write("schema.cedarschema.json", &schema);
    let schema = stdout(&["convert", "schema.cedarschema.json"]);
    author.write("schema.cedarschema", &schema);
    for policies in ["policies", "json", "text"] {
        for schema in [
            "schema/peppol.cedarschema",
            "schema.cedarschema.json",
            "schema.cedarschema",
        ] {
            let mut arguments = asked("anna", "Plan::\"p\"");
            arguments.extend(["--policies", policies, "--schema", schema].map(str::to_owned));
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let found = author.run(&arguments);
            assert_eq!(found.code, Some(0), "{policies} {schema}: {found:?}");
            assert!(
                found.stdout.contains("l/team-a"),
                "{policies} {schema}: {found:?}"
            );
        }
    }
    let refused = author.run(&["convert", "entities.json"]);
    assert_ne!(refused.code, Some(0), "{refused:?}");
}
