//! The edits of an author, as `schema/additions/README.md` describes them.

use std::path::PathBuf;

use rusqlite::Connection;

use crate::author::Author;
use crate::postgres::server::{Database, SHARED};

/// A database that a project is used with.
pub(super) enum Target {
    Sqlite(PathBuf),
    Postgres(Database),
}

impl Target {
    /// One of each kind.
    pub(super) fn both(author: &Author) -> [Self; 2] {
        [
            Self::Sqlite(author.path("tenancy.db")),
            Self::Postgres(SHARED.database()),
        ]
    }

    pub(super) fn source(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(database) => database.url(),
        }
    }

    pub(super) fn sql(&self, sql: &str) {
        match self {
            Self::Sqlite(path) => Connection::open(path).unwrap().execute_batch(sql).unwrap(),
            Self::Postgres(database) => drop(database.sql(sql)),
        }
    }

    /// The only value that a statement gives, as text.
    pub(super) fn value(&self, sql: &str) -> String {
        match self {
            Self::Sqlite(path) => {
                let connection = Connection::open(path).unwrap();
                let value =
                    connection.query_row(sql, [], |row| row.get::<_, rusqlite::types::Value>(0));
                match value.unwrap() {
                    rusqlite::types::Value::Integer(number) => number.to_string(),
                    rusqlite::types::Value::Text(text) => text,
                    other => format!("{other:?}"),
                }
            }
            Self::Postgres(database) => database.sql(sql),
        }
    }

    /// The directory of its additions.
    pub(super) fn directory(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "schema/additions/sqlite",
            Self::Postgres(_) => "schema/additions/postgres",
        }
    }
}

/// The newest text of a shipped view in a file of migrations, as `CREATE VIEW`.
fn shipped_view(author: &Author, file: &str, view: &str) -> String {
    let text = author.read(file);
    let (_, rest) = text.rsplit_once(&format!("VIEW \"{view}\" AS")).unwrap();
    let (body, _) = rest.split_once(';').unwrap();
    format!("CREATE VIEW \"{view}\" AS{body};\n")
}

/// The views of organisations with one column more.
pub(super) fn organisations_with(author: &Author, column: &str) {
    for (database, file) in [
        (
            "sqlite",
            "schema/sqlite/migrations/9-members-and-invitations/up.sql",
        ),
        (
            "postgres",
            "schema/postgres/migrations/V7__members_and_invitations.sql",
        ),
    ] {
        let view = shipped_view(author, file, "Peppol::Organisation");
        let view = view.replace(
            "\nFROM organisation;",
            &format!(",\n  {column}\nFROM organisation;"),
        );
        author.write(&format!("schema/additions/{database}/views.sql"), &view);
    }
}

/// The column `suspended`, in the tables, the views and the documents.
pub(super) fn add_column(author: &Author) {
    author.edit(
        "schema/peppol.cedarschema",
        "    mode: Mode,\n",
        "    mode: Mode,\n    suspended: Bool,\n",
    );
    author.write(
        "schema/additions/sqlite/migrations/1-suspended.sql",
        "ALTER TABLE organisation ADD COLUMN suspended INTEGER NOT NULL DEFAULT 0 CHECK (suspended IN (0, 1));\n",
    );
    author.write(
        "schema/additions/postgres/migrations/1-suspended.sql",
        "ALTER TABLE organisation ADD COLUMN suspended boolean NOT NULL DEFAULT false;\n",
    );
    organisations_with(author, "suspended");
    author.write(
        "schema/additions/documents.cedarschema",
        "namespace Document {\n  type ORGANISATION = { suspended?: Bool };\n}\n",
    );
    author.write(
        "schema/additions/sqlite/import.sql",
        "UPDATE organisation SET suspended = coalesce(staged.document ->> 'suspended', 0)
         FROM staged
         WHERE staged.kind = 'ORGANISATION' AND staged.document ->> 'id' = organisation.id
           AND organisation.suspended IS NOT coalesce(staged.document ->> 'suspended', 0);\n",
    );
    author.write(
        "schema/additions/postgres/import.sql",
        "UPDATE organisation SET suspended = coalesce((staged.document ->> 'suspended')::boolean, false)
         FROM staged
         WHERE staged.kind = 'ORGANISATION' AND staged.document ->> 'id' = organisation.id
           AND organisation.suspended <> coalesce((staged.document ->> 'suspended')::boolean, false);\n",
    );
}

/// A rule over the column, with what holds it: a policy, a case, an invariant and a route.
pub(super) fn add_rule(author: &Author) {
    let policy = |id: &str, more: &str| {
        format!(
            "@id(\"{id}\")\n{more}@rule(\"SUS-1\")\n@code(\"ORGANISATION_SUSPENDED\")\n\
             @message(\"the organisation is suspended\")\nforbid (\n  principal is Peppol::User,\n  \
             action == Peppol::Action::\"updateOrganisation\",\n  resource is Peppol::Organisation\n)\n\
             when {{ resource.suspended && !principal.superadmin }};\n"
        )
    };
    author.write(
        "policies/suspended.cedar",
        &policy("suspended/changes-nothing", ""),
    );
    author.write(
        "policies/invariants/sus-1-suspended-organisations-stay.cedar",
        &policy(
            "sus-1-suspended-organisations-stay",
            "@invariant(\"always denies\")\n",
        )
        .replace("@message(\"the organisation is suspended\")\n", ""),
    );
    let rules = author.read("policies/rules.toml");
    author.write(
        "policies/rules.toml",
        &format!(
            "{rules}\n[rules.SUS-1]\ntext = \"a suspended organisation is not updated, but by a superadmin\"\n\
             codes = [\"ORGANISATION_SUSPENDED\"]\nheld_by = \"policies\"\n\
             policies = [\"suspended/changes-nothing\"]\n"
        ),
    );
    author.write(
        "tests/policies/suspended.toml",
        "fixture = \"suspended.ndjson\"\n\n[[case]]\nname = \"a suspended organisation is not updated\"\n\
         principal = 'Peppol::User::\"anna\"'\naction = \"updateOrganisation\"\n\
         resource = 'Peppol::Organisation::\"acme\"'\ndeny = [\"ORGANISATION_SUSPENDED\"]\n",
    );
    author.write("tests/policies/suspended.ndjson", &documents(true));
    let routes = author.read("schema/routes.toml");
    author.write(
        "schema/routes.toml",
        &format!(
            "{routes}\n[[route]]\nrequest = \"POST /orgs/{{orgId}}/rename\"\n\n[[route.ask]]\n\
             action = \"updateOrganisation\"\nresource = {{ Organisation = \"{{path.orgId}}\" }}\n"
        ),
    );
}

/// Anna, orgadmin of `acme`.
pub(super) fn documents(suspended: bool) -> String {
    format!(
        "{}\n{}\n{}\n",
        r#"{"type": "USER", "id": "anna", "email": "anna@acme.example", "emailVerified": true}"#,
        serde_json::json!({
            "type": "ORGANISATION", "id": "acme", "legalIdentifierCode": "SE_ORGNR",
            "legalIdentifier": "556123-4567", "organisationMode": "SHARED", "suspended": suspended,
        }),
        r#"{"type": "MEMBERSHIP", "userId": "anna", "organisationId": "acme", "memberRole": "orgadmin"}"#,
    )
}

/// A copy of the template of a new table, with names.
pub(super) fn table_of(author: &Author, database: &str, table: &str, of: &str, version: usize) {
    let text = author.read(&format!("schema/additions/{database}/template.sql"));
    let text = text.replace("Peppol::Thing", of).replace("thing", table);
    author.write(
        &format!("schema/additions/{database}/migrations/{version}-{table}.sql"),
        &text,
    );
}
