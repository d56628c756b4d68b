//! Additions: an export that would lose what they hold is refused.

use super::{Place, run};
use crate::postgres::server::SHARED;

const NOTE: &str = r#"{"type":"NOTE","id":"n","text":"hello"}"#;

const EXPORT: &str = "\
-- document NOTE
SELECT json_object('id', id, 'text', text) FROM note ORDER BY id;
-- document ORGANISATION
SELECT json_object(
  'id', id, 'legalIdentifierCode', legal_identifier_code, 'legalIdentifier', legal_identifier,
  'organisationMode', mode, 'suspended', json(iif(suspended, 'true', 'false')),
  'contacts', (SELECT json_group_array(json_object('contactType', value)) FROM json_each(contact_types))
) FROM organisation ORDER BY id;
";

const ORGANISATION: &str = r#"{"type":"ORGANISATION","id":"acme","legalIdentifierCode":"SE_ORGNR","legalIdentifier":"556123-4567","organisationMode":"DEMO","suspended":true}"#;

/// A directory of additions: a table of its own, and a column of a shipped one.
fn additions(place: &Place) -> String {
    place.file(
        "additions/documents.cedarschema",
        "namespace Document {
           @key(\"id\") type NOTE = { id: String, text: String };
           type ORGANISATION = { suspended?: Bool };
         }",
    );
    place.file(
        "additions/sqlite/migrations/1-note.sql",
        "CREATE TABLE note (id TEXT PRIMARY KEY NOT NULL, text TEXT NOT NULL) STRICT;
         ALTER TABLE organisation ADD COLUMN suspended INTEGER NOT NULL DEFAULT 0;",
    );
    place.file(
        "additions/sqlite/import.sql",
        "INSERT INTO note (id, text)
         SELECT document ->> 'id', document ->> 'text' FROM staged WHERE kind = 'NOTE'
         ON CONFLICT (id) DO UPDATE SET text = excluded.text;
         UPDATE organisation SET suspended = coalesce(staged.document ->> 'suspended', 0)
         FROM staged WHERE staged.kind = 'ORGANISATION' AND staged.document ->> 'id' = organisation.id;",
    );
    place.path("additions").display().to_string()
}

#[test]
fn what_additions_hold_is_exported_or_nothing_is() {
    let place = Place::new();
    let directory = additions(&place);
    let with = |command: &str, source: &str, more: &[&str]| {
        let first = [command, "--additions", &directory, "--tenancy", source];
        run(&[&first[..], more].concat())
    };
    let first = place.sqlite("first.db");
    let documents = place.file("notes.ndjson", &format!("{NOTE}\n{ORGANISATION}\n"));
    let imported = with("import", &first, &[&documents]);
    assert_eq!(imported.code, Some(0), "{imported:?}");

    let refused = with("export", &first, &[]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let lost = "would lose what additions hold: the documents NOTE, the documents ORGANISATION";
    for part in [lost, "`sqlite/export.sql`"] {
        assert!(refused.stderr.contains(part), "{refused:?}");
    }
    // Without the additions the database is refused altogether.
    let refused = run(&["export", "--tenancy", &first]);
    assert_eq!(refused.code, Some(1), "{refused:?}");

    let file = place.file("additions/sqlite/export.sql", EXPORT);
    let text = with("export", &first, &[]).text();
    assert!(text.contains(NOTE), "{text}");
    assert!(text.contains("\"suspended\":true"), "{text}");
    let second = place.sqlite("second.db");
    let again = place.file("again.ndjson", &text);
    assert_eq!(with("import", &second, &["--strict", &again]).code, Some(0));
    assert_eq!(with("export", &second, &[]).text(), text);

    // A member that a statement gives and no document has is named with its place.
    std::fs::write(
        &file,
        EXPORT.replace("'text', text", "'text', text, 'odd', 1"),
    )
    .unwrap();
    let refused = with("export", &first, &[]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let problem = "export.sql:1: NOTE cannot be exported: NOTE has no member `odd`";
    assert!(refused.stderr.contains(problem), "{refused:?}");
    std::fs::write(&file, EXPORT.replace("document NOTE", "document NOT")).unwrap();
    let refused = with("export", &first, &[]);
    assert!(refused.stderr.contains("the documents NOTE"), "{refused:?}");
}

#[test]
fn a_server_whose_additions_are_not_named_is_refused() {
    let place = Place::new();
    place.file(
        "additions/postgres/migrations/1-note.sql",
        "CREATE TABLE note (id text PRIMARY KEY);",
    );
    let directory = place.path("additions").display().to_string();
    let source = SHARED.database().url();
    let made = run(&["migrate", "--additions", &directory, "--tenancy", &source]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let refused = run(&["export", "--tenancy", &source]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("`1-note`"), "{refused:?}");
    let refused = run(&["export", "--additions", &directory, "--tenancy", &source]);
    assert!(refused.stderr.contains("1-note.sql` adds"), "{refused:?}");
    // A database without tables is not made by being read.
    let empty = SHARED.database();
    let refused = run(&["export", "--tenancy", &empty.url()]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("run `peppol-authz migrate`"),
        "{refused:?}"
    );
    assert_eq!(
        empty.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
        "0"
    );
}
