//! The descriptions of real products, as far as they are public: `tests/openapi`.

use serde_json::Value;

use crate::author::Author;
use crate::check_command::json;
use crate::sidecar::project;

fn checked(author: &Author, products: &[&str], more: &[&str]) -> (Option<i32>, Vec<Value>) {
    let mut arguments = vec!["check".to_owned(), "--json".to_owned()];
    for product in products {
        let path = project(&format!("tests/openapi/{product}"));
        arguments.extend(["--openapi".to_owned(), path.to_str().unwrap().to_owned()]);
    }
    arguments.extend(more.iter().map(|it| (*it).to_owned()));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = author.run(&arguments);
    let found = json(&ended);
    (ended.code, found)
}

fn messages(found: &[Value]) -> Vec<&str> {
    found
        .iter()
        .map(|it| it["message"].as_str().unwrap())
        .collect()
}

/// All that these products have is in the shipped table, asked, public or denied, and nothing else is.
#[test]
fn the_shipped_table_is_whole() {
    let products = [
        "arratech.yaml",
        "econnect.yaml",
        "a-cube.json",
        "phoss-smp.yaml",
        "not-published.yaml",
    ];
    let (code, found) = checked(&Author::empty(), &products, &[]);
    assert_eq!((code, messages(&found)), (Some(0), vec![]));
}

/// A product that the table knows nothing of: each operation is told, with an entry to fill in.
#[test]
fn a_product_without_a_table_gets_one_to_fill_in() {
    for (product, operations, notes) in [
        (
            "storecove.yaml",
            18,
            &["`GET /api/v2/webhook_instances/` is always denied: a segment is empty, or dots"][..],
        ),
        ("recommand.yaml", 38, &[]),
    ] {
        let author = Author::empty();
        let (code, found) = checked(&author, &[product], &["--openapi-partial"]);
        assert_eq!(code, Some(3), "{product}");
        let is = |severity: &'static str| move |it: &&Value| it["severity"] == severity;
        let missing: Vec<Value> = found.iter().filter(is("error")).cloned().collect();
        assert_eq!(missing.len(), operations, "{product}");
        let noted: Vec<Value> = found.iter().filter(is("note")).cloned().collect();
        let noted = messages(&noted);
        assert_eq!(noted[..noted.len() - 1], *notes, "{product}");
        assert!(noted[noted.len() - 1].ends_with("requests are in no description"));
        let mut table = String::new();
        for fault in &missing {
            table += fault["skeleton"].as_str().unwrap();
        }
        // As it is, it is refused; each entry denied, it is whole.
        author.write("routes.toml", &table);
        let (code, found) = checked(&author, &[product], &["--routes", "routes.toml"]);
        assert_eq!(code, Some(3), "{product}");
        assert!(messages(&found).contains(&"a place that is still to be filled in"));
        let requests = table.lines().filter(|line| line.starts_with("request = "));
        let denied: Vec<_> = requests
            .map(|it| format!("[[route]]\n{it}\ndenied = \"not yet\"\n"))
            .collect();
        author.write("routes.toml", &denied.join("\n"));
        let (code, found) = checked(&author, &[product], &["--routes", "routes.toml"]);
        assert_eq!(
            (code, messages(&found)),
            (Some(0), notes.to_vec()),
            "{product}"
        );
    }
}

/// recommand's `DELETE /documents/all` is no document that is called so.
#[test]
fn an_operation_that_looks_like_an_id_is_not_forgotten() {
    let author = Author::empty();
    let entry = "[[route]]\nrequest = \"DELETE /api/v1/documents/{document}\"\n\n[[route.ask]]\naction = \"viewDocument\"\nresource = { Document = \"{path.document}\" }\n";
    author.write("routes.toml", entry);
    let (_, found) = checked(&author, &["recommand.yaml"], &["--routes", "routes.toml"]);
    let said = "`DELETE /api/v1/documents/all` has no entry in the route table of its own, and `DELETE /api/v1/documents/{document}` answers for it";
    let found = messages(&found);
    assert!(found.contains(&said), "{found:?}");
    assert!(
        !found
            .iter()
            .any(|it| it.starts_with("`DELETE /api/v1/documents/{documentId}` ")),
        "{found:?}"
    );
}

/// A legal entity of Storecove's is a number in a body, which is no name of an entity.
#[test]
fn numbers_in_a_body_are_no_names() {
    let author = Author::empty();
    let entry = "[[route]]\nrequest = \"POST /api/v2/invoice_submissions\"\n\n[[route.ask]]\naction = \"getLegalEntity\"\nresource = { LegalEntity = \"{body.legalEntityId}\" }\n\n[[route]]\nrequest = \"GET /api/v2/legal_entities/{id}\"\n\n[[route.ask]]\naction = \"getLegalEntity\"\nresource = { LegalEntity = \"{path.id}\" }\n";
    author.write("routes.toml", entry);
    let (_, found) = checked(&author, &["storecove.yaml"], &["--routes", "routes.toml"]);
    let said = "`body.legalEntityId` is a whole number by the description of `POST /api/v2/invoice_submissions`, and a string is wanted";
    let found = messages(&found);
    assert!(found.contains(&said), "{found:?}");
    assert!(!found.iter().any(|it| it.contains("path.id")), "{found:?}");
}
