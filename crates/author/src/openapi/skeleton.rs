//! An entry for an operation that the table lacks.
//!
//! It can be read, and is refused until its places are filled in: an author who pastes it blindly has
//! allowed nothing.

use peppol_authz_engine::policy::routes::UNFILLED;

use super::description::{Description, Operation};
use super::lookup::{LookedUp, SchemaPart, body, follow, parts};
use super::tree::Node;

/// The names of a kind that are listed.
const MOST_NAMES: usize = 20;

/// The entry, with comments that say what the request has.
pub(super) fn skeleton(description: &Description, operation: &Operation) -> String {
    let request = serde_json::Value::from(operation.request.as_str());
    let mut text = String::new();
    let node = description.node(operation);
    for (place, names) in [
        ("query", in_query(node, description.item(operation))),
        ("body", in_body(node)),
    ] {
        if !names.is_empty() {
            text.push_str(&format!("# In its {place}: {}\n", names.join(", ")));
        }
    }
    let parameter = last_parameter(&operation.request);
    let id = parameter.map_or_else(|| UNFILLED.to_owned(), |name| format!("{{path.{name}}}"));
    text.push_str(&format!(
        "# In place of the `ask`, where there is no question: public = \"{UNFILLED}\" or denied = \"{UNFILLED}\"\n\
         [[route]]\n\
         request = {request}\n\
         \n\
         [[route.ask]]\n\
         action = \"{UNFILLED}\"\n\
         resource = {{ {UNFILLED} = \"{id}\" }}\n"
    ));
    text
}

/// The last parameter of a path, as a table names it.
fn last_parameter(request: &str) -> Option<&str> {
    let (_, inner) = request.rsplit_once('{')?;
    inner.split(['}', '=']).next()
}

fn in_query(operation: Node<'_>, item: Node<'_>) -> Vec<String> {
    let all = [operation, item].into_iter();
    let all = all.flat_map(|owner| owner.get("parameters").into_iter().flat_map(Node::elements));
    let named = all.filter_map(|parameter| {
        let parameter = follow(parameter).ok()?;
        let said = |member: &str| parameter.get(member).and_then(Node::text);
        said("name").filter(|_| said("in") == Some("query"))
    });
    plain(named)
}

fn in_body(operation: Node<'_>) -> Vec<String> {
    let schemas = match body(operation) {
        Ok(LookedUp::Schemas(schemas)) => schemas,
        _ => Vec::new(),
    };
    let all = schemas.into_iter().filter_map(|schema| parts(schema).ok());
    let members = all.flatten().flat_map(|SchemaPart { node, .. }| {
        let properties = node.get("properties").into_iter();
        properties.flat_map(Node::members).map(|(name, ..)| name)
    });
    plain(members)
}

/// Names that a comment can hold, each once.
fn plain<'t>(names: impl Iterator<Item = &'t str>) -> Vec<String> {
    let is_of_it = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte);
    let mut all: Vec<String> = Vec::new();
    for name in names.filter(|name| name.len() <= 64 && name.bytes().all(is_of_it)) {
        if all.len() < MOST_NAMES && !all.iter().any(|other| other == name) {
            all.push(name.to_owned());
        }
    }
    all
}
