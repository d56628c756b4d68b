//! A new action, and a new type with its table, view, document and records of changes.

use serde_json::{Value, json};

use super::authoring::{Target, documents, table_of};
use super::{project, runs};
use crate::author::Author;
use crate::eventually::until;
use crate::sidecar::Start;

/// A rule that one policy holds.
fn add_rule(author: &Author, rule: &str, policy: &str) {
    let rules = author.read("policies/rules.toml");
    author.write(
        "policies/rules.toml",
        &format!(
            "{rules}\n[rules.{rule}]\ntext = \"orgadmins may\"\nheld_by = \"policies\"\npolicies = [\"{policy}\"]\n"
        ),
    );
}

/// A permit for orgadmins of an organisation that an expression gives.
fn permit(id: &str, rule: &str, action: &str, resource: &str, organisation: &str) -> String {
    format!(
        "@id(\"{id}\")\n@rule(\"{rule}\")\npermit (\n  principal is Peppol::User,\n  \
         action == Peppol::Action::\"{action}\",\n  resource is Peppol::{resource}\n)\nwhen\n{{\n  \
         principal.hasTag({organisation}.id) &&\n  \
         principal.getTag({organisation}.id).contains(Peppol::MemberRole::\"orgadmin\")\n}};\n"
    )
}

fn in_the_schema(author: &Author, text: &str) {
    let before = "  @doc(\"Ask for another mode.\")\n";
    author.edit(
        "schema/peppol.cedarschema",
        before,
        &format!("{text}\n{before}"),
    );
}

fn ask(action: &str, resource: &str) -> Value {
    json!({
        "principal": "Peppol::User::\"anna\"",
        "action": format!("Peppol::Action::\"{action}\""),
        "resource": resource,
    })
}

#[test]
fn an_action_is_added_without_building_anew() {
    let author = project();
    in_the_schema(
        &author,
        "  action auditOrganisation appliesTo {\n    principal: User,\n    resource: Organisation,\n  };\n",
    );
    author.write(
        "policies/audit.cedar",
        &permit(
            "audit/orgadmins-audit",
            "AUD-1",
            "auditOrganisation",
            "Organisation",
            "resource",
        ),
    );
    add_rule(&author, "AUD-1", "audit/orgadmins-audit");
    author.write(
        "tests/policies/audit.toml",
        "fixture = \"tenancy.ndjson\"\n\n[[case]]\nname = \"an orgadmin audits\"\n\
         principal = 'Peppol::User::\"anna\"'\naction = \"auditOrganisation\"\n\
         resource = 'Peppol::Organisation::\"acme-shared\"'\nallow = true\n\n\
         [[case]]\nname = \"a member does not\"\nprincipal = 'Peppol::User::\"mia\"'\n\
         action = \"auditOrganisation\"\nresource = 'Peppol::Organisation::\"acme-shared\"'\n\
         deny = [\"NOT_PERMITTED\"]\n",
    );
    author.write(
        "policies/invariants/aud-1-only-orgadmins-audit.cedar",
        &permit(
            "aud-1-only-orgadmins-audit",
            "AUD-1",
            "auditOrganisation",
            "Organisation",
            "resource",
        )
        .replace("@rule", "@invariant(\"implies\")\n@rule"),
    );
    // The cases that name all that an orgadmin may do.
    for name in [
        "tests/policies/last-member.toml",
        "tests/policies/roles.toml",
    ] {
        let text = author.read(name);
        let known = "\"grantMembership\",";
        author.write(
            name,
            &text.replace(known, &format!("{known} \"auditOrganisation\",")),
        );
    }
    let routes = author.read("schema/routes.toml");
    let route = "\n[[route]]\nrequest = \"GET /orgs/{orgId}/audit\"\n\n[[route.ask]]\n\
                 action = \"auditOrganisation\"\nresource = { Organisation = \"{path.orgId}\" }\n";
    author.write("schema/routes.toml", &(routes + route));
    runs(&author, &["check", "--fix"]);
    let ended = runs(&author, &["check"]);
    assert_eq!(ended.stderr, "", "{ended:?}");
    runs(&author, &["test", "--update"]);
    assert!(
        author
            .read("tests/policies/matrix.golden")
            .contains("\nauditOrganisation\t")
    );
    runs(&author, &["test", "--coverage"]);
    runs(&author, &["prove", "aud-1-only-orgadmins-audit"]);
    author.write("documents.ndjson", &documents(false));
    for target in Target::both(&author) {
        let source = target.source();
        let sidecar = Start::new()
            .inside(&author.path("."))
            .with(&["--config", "peppol-authz.toml", "--tenancy", &source])
            .with(&["--import", "documents.ndjson"])
            .start();
        let decision = sidecar.ask(&ask("auditOrganisation", "Peppol::Organisation::\"acme\""));
        assert_eq!(decision["decision"], "Allow", "{decision}");
        let route = [
            "route",
            "GET",
            "/orgs/acme/audit",
            "--principal",
            "Peppol::User::\"anna\"",
        ];
        runs(
            &author,
            &[
                &route[..],
                &["--config", "peppol-authz.toml", "--tenancy", &source],
            ]
            .concat(),
        );
    }
}

/// Projects of organisations, each with a name.
fn add_projects(author: &Author) {
    in_the_schema(
        author,
        "  entity Project = {\n    organisation: Organisation,\n    name: String,\n  };\n\n  \
         action viewProject appliesTo {\n    principal: User,\n    resource: Project,\n  };\n",
    );
    for database in ["sqlite", "postgres"] {
        table_of(author, database, "project", "Peppol::Project", 1);
        author.write(
            &format!("schema/additions/{database}/views.sql"),
            "CREATE VIEW \"Peppol::Project\" AS\nSELECT id, organisation_id AS organisation, name FROM project;\n",
        );
        let is_other = match database {
            "sqlite" => "IS NOT",
            _ => "IS DISTINCT FROM",
        };
        author.write(
            &format!("schema/additions/{database}/import.sql"),
            &format!(
                "INSERT INTO project (id, organisation_id, name)
                 SELECT document ->> 'id', document ->> 'organisationId', document ->> 'name'
                 FROM staged WHERE kind = 'PROJECT'
                 ON CONFLICT (id) DO UPDATE SET organisation_id = excluded.organisation_id, name = excluded.name
                 WHERE (project.organisation_id, project.name) {is_other} (excluded.organisation_id, excluded.name);\n"
            ),
        );
    }
    author.write(
        "schema/additions/documents.cedarschema",
        "namespace Document {\n  @key(\"id\")\n  type PROJECT = {\n    id: Peppol::Project,\n    \
         organisationId: Peppol::Organisation,\n    name: String,\n  };\n}\n",
    );
    author.write(
        "policies/projects.cedar",
        &permit(
            "projects/orgadmins-view",
            "PRJ-1",
            "viewProject",
            "Project",
            "resource.organisation",
        ),
    );
    add_rule(author, "PRJ-1", "projects/orgadmins-view");
    author.write(
        "tests/policies/projects.toml",
        "fixture = \"projects.ndjson\"\n\n[[case]]\nname = \"an orgadmin views a project\"\n\
         principal = 'Peppol::User::\"anna\"'\naction = \"viewProject\"\n\
         resource = 'Peppol::Project::\"p-1\"'\nallow = true\n",
    );
    author.write("tests/policies/projects.ndjson", &with_project("acme"));
}

fn with_project(organisation: &str) -> String {
    let project =
        json!({"type": "PROJECT", "id": "p-1", "organisationId": organisation, "name": "one"});
    format!(
        "{}{project}\n",
        documents(false).replace(",\"suspended\":false", "")
    )
}

#[test]
fn a_type_is_added_without_building_anew() {
    let author = project();
    add_projects(&author);
    runs(&author, &["check", "--fix"]);
    let ended = runs(&author, &["check"]);
    assert_eq!(ended.stderr, "", "{ended:?}");
    runs(&author, &["test", "--update"]);
    runs(&author, &["test", "--coverage"]);
    author.write("documents.ndjson", &with_project("acme"));
    for target in Target::both(&author) {
        let source = target.source();
        let over = ["--config", "peppol-authz.toml", "--tenancy", &source];
        let mut sidecar = Start::new()
            .inside(&author.path("."))
            .with(&over)
            .with(&["--import", "documents.ndjson"])
            .start();
        let view = ask("viewProject", "Peppol::Project::\"p-1\"");
        let decided = |sidecar: &crate::sidecar::Sidecar| sidecar.ask(&view)["decision"].clone();
        assert_eq!(decided(&sidecar), "Allow");
        target.sql(
            "INSERT INTO organisation (id, mode) VALUES ('globex', 'SHARED');
             UPDATE project SET organisation_id = 'globex' WHERE id = 'p-1'",
        );
        until("the denial", || decided(&sidecar) == "Deny");
        target.sql("UPDATE project SET organisation_id = 'acme' WHERE id = 'p-1'");
        until("the permit", || decided(&sidecar) == "Allow");
        target.sql("DELETE FROM project");
        until("the end of it", || {
            sidecar.ask(&view)["reasons"][0]["code"] == "UNKNOWN_RESOURCE"
        });
        // A document of a project that belongs to nobody, and one with a member more.
        author.write("wrong.ndjson", &with_project("nobody"));
        let import = [&["import"], &over[..], &["wrong.ndjson"]].concat();
        let ended = author.run(&import);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(
            ended.stderr.contains(
                "wrong.ndjson:4: PROJECT: `organisationId`: there is no ORGANISATION `nobody`"
            ),
            "{ended:?}"
        );
        author.write(
            "wrong.ndjson",
            &with_project("acme").replace("\"name\"", "\"colour\":\"red\",\"name\""),
        );
        let ended = author.run(&import);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stderr.contains("`colour` 1 time"), "{ended:?}");
        let ended = author.run(&[&import[..], &["--strict"]].concat());
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(
            ended.stderr.contains("PROJECT: `colour`: nothing reads it"),
            "{ended:?}"
        );
        for record in sidecar.stop() {
            let message = record["message"].as_str().unwrap_or_default();
            for words in ["nothing notes", "not as this program makes them"] {
                assert!(!message.contains(words), "{record}");
            }
        }
    }
}

/// Somebody takes a trigger of the project away, or puts another in its place.
#[test]
fn a_trigger_of_an_addition_is_looked_at_like_a_shipped_one() {
    for (change, write) in [
        (
            "DROP TRIGGER project_updated;",
            "UPDATE project SET organisation_id = 'globex' WHERE id = 'p-1'",
        ),
        (
            "DROP TRIGGER project_updated;
             CREATE TRIGGER project_updated AFTER UPDATE ON project WHEN 0
             BEGIN INSERT INTO tenancy_change (entity_type, entity_id) VALUES ('Peppol::Project', NEW.id); END;",
            "UPDATE project SET organisation_id = 'globex' WHERE id = 'p-1'",
        ),
        (
            "CREATE UNIQUE INDEX other ON project (name)",
            "INSERT OR REPLACE INTO project VALUES ('p-2', 'globex', 'one')",
        ),
    ] {
        let author = project();
        add_projects(&author);
        author.write("documents.ndjson", &with_project("acme"));
        let [target, _] = Target::both(&author);
        let mut sidecar = Start::new()
            .inside(&author.path("."))
            .with(&["--config", "peppol-authz.toml", "--tenancy", &target.source()])
            .with(&["--import", "documents.ndjson"])
            .start();
        target.sql("INSERT INTO organisation (id, mode) VALUES ('globex', 'SHARED')");
        let view = ask("viewProject", "Peppol::Project::\"p-1\"");
        assert_eq!(sidecar.ask(&view)["decision"], "Allow");
        target.sql(change);
        assert_eq!(sidecar.ask(&view)["decision"], "Allow");
        // With a record of something else in the same commit, which alone shows no more than a write.
        target.sql(&format!("BEGIN; {write}; UPDATE registered_user SET superadmin = superadmin; COMMIT"));
        assert_eq!(sidecar.ask(&view)["decision"], "Deny", "{change}");
        let told = sidecar.stop().into_iter().any(|record| {
            record["altered"].as_str().is_some_and(|altered| altered.contains("project"))
        });
        assert!(told, "{change}");
    }
}
