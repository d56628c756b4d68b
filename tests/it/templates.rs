//! Templates and their links: a grant is an entry of a file beside the policies. What a link makes is
//! decided, found, explained and reloaded as any other policy.

mod commands;
mod many;
mod refused;
pub(crate) mod stored;

use serde_json::{Value, json};

use crate::connection::Connection;
use crate::deciding::{Deciding, entity, linked_bundle, question};
use crate::eventually::until;
use crate::sidecar::{Sidecar, Start};
use peppol_authz_engine::Verdict;
use peppol_authz_engine::store::EntitiesFile;

pub(crate) const SCHEMA: &str = "
entity Team;
entity User in [Team] = { blocked: Bool };
entity Folder in [Folder] = { owner: User };
entity Plan in [Folder] = { owner: User, open: Bool };
action see, edit appliesTo { principal: User, resource: [Folder, Plan] };
";

pub(crate) const POLICIES: &str = r#"
@id("own/see") permit (principal, action == Action::"see", resource) when { resource.owner == principal };

@id("share/viewer")
permit (principal in ?principal, action == Action::"see", resource in ?resource)
unless { principal.blocked };

@id("share/editor")
permit (principal == ?principal, action, resource is Plan in ?resource) when { resource.open };

@id("bar/one")
@code("BARRED")
forbid (principal == ?principal, action, resource);
"#;

pub(crate) const LINKS: &str = r#"
[[link]]
id = "l/team-a"
template = "share/viewer"
principal = 'Team::"a"'
resource = 'Folder::"a"'

[[link]]
id = "l/bea-edits"
template = "share/editor"
principal = 'User::"bea"'
resource = 'Folder::"top"'

[[link]]
id = "l/bar-carl"
template = "bar/one"
principal = 'User::"carl"'
"#;

pub(crate) fn entities() -> Value {
    let owner = json!({"__entity": {"type": "User", "id": "olga"}});
    let user = |id: &str, blocked: bool, team: &str| {
        entity("User", id, json!({"blocked": blocked}), &[("Team", team)])
    };
    json!([
        entity("Team", "a", json!({}), &[]),
        entity("Team", "b", json!({}), &[]),
        user("anna", false, "a"),
        user("bea", false, "b"),
        user("carl", false, "a"),
        user("dora", true, "a"),
        user("olga", false, "b"),
        entity("Folder", "top", json!({"owner": owner}), &[]),
        entity("Folder", "a", json!({"owner": owner}), &[("Folder", "top")]),
        entity(
            "Plan",
            "p",
            json!({"owner": owner, "open": true}),
            &[("Folder", "a")]
        ),
        entity(
            "Plan",
            "shut",
            json!({"owner": owner, "open": false}),
            &[("Folder", "top")]
        ),
    ])
}

fn deciding() -> Deciding {
    let store = EntitiesFile::parse(entities().to_string().as_bytes()).unwrap();
    Deciding::over(store, linked_bundle(SCHEMA, POLICIES, Some(LINKS)))
}

/// The policies that a decision rests on, behind its verdict.
fn rests_on(deciding: &Deciding, principal: &str, action: &str, resource: &str) -> String {
    let asked = question(&format!("User::\"{principal}\""), action, resource);
    let decision = deciding.decide(&asked);
    let verdict = match decision.verdict {
        Verdict::Allow => "allow",
        Verdict::Deny => "deny",
    };
    let ids = decision.determining.iter().map(|id| &**id);
    std::iter::once(verdict)
        .chain(ids)
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn links_are_decided_by_their_scope_and_named_by_their_ids() {
    let deciding = deciding();
    let plan = "Plan::\"p\"";
    for (principal, action, resource, wanted) in [
        ("anna", "see", plan, "allow l/team-a"),
        ("anna", "see", "Folder::\"a\"", "allow l/team-a"),
        ("anna", "see", "Folder::\"top\"", "deny"),
        ("anna", "edit", plan, "deny"),
        ("bea", "edit", plan, "allow l/bea-edits"),
        ("bea", "edit", "Folder::\"a\"", "deny"),
        ("bea", "edit", "Plan::\"shut\"", "deny"),
        ("carl", "see", plan, "deny l/bar-carl"),
        ("dora", "see", plan, "deny"),
        ("olga", "see", plan, "allow own/see"),
    ] {
        let found = rests_on(&deciding, principal, action, resource);
        assert_eq!(found, wanted, "{principal} {action} {resource}");
    }
}

fn start() -> Start {
    let start = Start::new()
        .policies(SCHEMA, POLICIES)
        .entities(&entities())
        .variable("PEPPOL_AUTHZ_EXPLAIN__ALLOW", "all");
    std::fs::write(start.path("policies/links.toml"), LINKS).unwrap();
    start
}

fn ask(sidecar: &Sidecar, principal: &str) -> Value {
    let mut asked = question(&format!("User::\"{principal}\""), "see", "Plan::\"p\"");
    asked["explain"] = true.into();
    sidecar.ask(&asked)
}

/// Scripts for cedar-agent can read, and are refused where they write.
fn reads_as_of_cedar_agent(sidecar: &Sidecar) {
    let read = |path: &str| {
        let reply = sidecar.get(path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        reply.json()
    };
    let policies = read("/v1/policies");
    let policies = policies.as_array().unwrap();
    let ids: Vec<_> = policies
        .iter()
        .map(|it| it["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["l/bar-carl", "l/bea-edits", "l/team-a", "own/see"]);
    for (path, within) in [
        ("/v1/policies/l/team-a", "principal in Team::\"a\""),
        ("/v1/policies/own%2Fsee", "@id(\"own/see\") permit"),
    ] {
        let policy = read(path);
        let content = policy["content"].as_str().unwrap();
        assert!(content.contains(within), "{policy}");
        assert!(policies.contains(&policy));
        content.parse::<cedar_policy::Policy>().unwrap();
    }
    let schema = cedar_policy::Schema::from_json_value(read("/v1/schema")).unwrap();
    let data = read("/v1/data");
    let found = cedar_policy::Entities::from_json_value(data, Some(&schema)).unwrap();
    let given = cedar_policy::Entities::from_json_value(entities(), Some(&schema)).unwrap();
    assert_eq!(found, given);
    let reply = sidecar.get("/v1/policies/none");
    assert_eq!(
        (reply.status, &reply.json()["code"]),
        (404, &"NOT_FOUND".into())
    );
    for (line, instead) in [
        ("PUT /v1/policies", "`policies`"),
        ("POST /v1/policies", "`policies`"),
        ("DELETE /v1/policies/own/see", "`policies`"),
        ("PUT /v1/schema", "`schema`"),
        ("DELETE /v1/data", "`peppol-authz import`"),
    ] {
        let mut connection = Connection::open(sidecar);
        connection.write(format!(
            "{line} HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n[]"
        ));
        let reply = connection.reply();
        assert_eq!(reply.status, 405, "{line}: {}", reply.text);
        let detail = reply.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(instead), "{line}: {detail}");
        assert_eq!(reply.header("allow"), Some("GET,HEAD"), "{line}");
    }
}

#[test]
fn a_sidecar_reloads_links_and_refuses_to_lose_them() {
    let sidecar = start().start();
    let answer = ask(&sidecar, "anna");
    assert_eq!(answer["reasons"][0]["policy"], "l/team-a", "{answer}");
    let told = &answer["explanation"]["policies"][0];
    assert_eq!(told["link"]["template"], "share/viewer", "{told}");
    assert_eq!(told["link"]["principal"], "Team::\"a\"", "{told}");
    assert_eq!(told["link"]["line"], 2, "{told}");
    let revision = answer["policyRevision"].clone();
    reads_as_of_cedar_agent(&sidecar);

    // A grant is an entry more; one that is taken back is an entry less.
    let file = sidecar.path("policies/links.toml");
    let more = LINKS.replace("User::\"carl\"", "User::\"anna\"");
    std::fs::write(&file, &more).unwrap();
    until("anna is barred, and carl no longer", || {
        let (anna, carl) = (ask(&sidecar, "anna"), ask(&sidecar, "carl"));
        anna["decision"] == "Deny" && carl["decision"] == "Allow"
    });
    assert_ne!(ask(&sidecar, "anna")["policyRevision"], revision);

    // A link that does not fit refuses the set; those before stay.
    std::fs::write(&file, more.replace("share/viewer", "share/vewer")).unwrap();
    sidecar.wait_for_log("changed policies are refused; those before stay in force");
    assert_eq!(ask(&sidecar, "carl")["decision"], "Allow");
    // So does a file that is gone: nobody knows if the links were meant to go.
    std::fs::remove_file(&file).unwrap();
    until("the lost file is refused", || {
        sidecar.get("/readyz").text.contains("link = []")
    });
    assert_eq!(ask(&sidecar, "carl")["decision"], "Allow");
    std::fs::write(&file, "link = []\n").unwrap();
    until("nothing is linked", || {
        ask(&sidecar, "carl")["decision"] == "Deny"
    });
    assert_eq!(ask(&sidecar, "olga")["decision"], "Allow");
}
