//! The description of a request: `$ref`, parameters, bodies, members of schemas.

use std::collections::HashSet;
use std::fmt;

use super::tree::{Node, TextPlace};

/// References that lead to references.
const MOST_STEPS: usize = 64;

/// A reference that cannot be followed.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    reference: String,
    problem: &'static str,
    pub(super) place: TextPlace,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`$ref` to `{}`: {}", self.reference, self.problem)
    }
}

/// The schemas of a place in a request.
pub(super) enum LookedUp<'t> {
    /// At least one of these holds for it.
    Schemas(Vec<Node<'t>>),
    /// The description does not say.
    Anything,
    /// It is not there; these are.
    Nothing(Vec<String>),
}

/// A part of a schema, as `allOf`, `oneOf` and `anyOf` put it together.
#[derive(Clone, Copy)]
pub(super) struct SchemaPart<'t> {
    pub(super) node: Node<'t>,
    /// True if it holds for some values and not for all.
    pub(super) is_alternative: bool,
}

/// The node that a node stands for, where it is a reference.
pub(super) fn follow(mut node: Node<'_>) -> Result<Node<'_>, Broken> {
    for _ in 0..MOST_STEPS {
        let Some(reference) = node.get("$ref") else {
            return Ok(node);
        };
        node = target(reference)?;
    }
    let problem = "it leads to itself, or far";
    Err(node.get("$ref").map_or_else(
        || broken(node, problem),
        |reference| broken(reference, problem),
    ))
}

fn target(reference: Node<'_>) -> Result<Node<'_>, Broken> {
    let text = reference.text();
    let text = text.ok_or_else(|| broken(reference, "a text is wanted"))?;
    let Some(fragment) = text.strip_prefix('#') else {
        return Err(broken(
            reference,
            "only references within the file are read",
        ));
    };
    let found = reference.tree().at(&unescaped(fragment));
    found.ok_or_else(|| broken(reference, "there is no such place"))
}

fn broken(reference: Node<'_>, problem: &'static str) -> Broken {
    Broken {
        reference: reference.text().unwrap_or_default().to_owned(),
        problem,
        place: reference.place(),
    }
}

/// A fragment of a URL without its escapes; as it is, where they do not make a text.
fn unescaped(fragment: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = fragment.bytes();
    while let Some(byte) = rest.next() {
        let escaped = rest
            .clone()
            .take(2)
            .map(|digit| char::from(digit).to_digit(16));
        match escaped.collect::<Option<Vec<_>>>().as_deref() {
            Some(&[high, low]) if byte == b'%' => {
                bytes.extend(u8::try_from(high * 16 + low));
                rest.nth(1);
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| fragment.to_owned())
}

/// All parts of a schema. Each is visited once, so that a loop ends.
pub(super) fn parts(schema: Node<'_>) -> Result<Vec<SchemaPart<'_>>, Broken> {
    let mut all = Vec::new();
    let mut seen = HashSet::new();
    let mut open = vec![SchemaPart {
        node: schema,
        is_alternative: false,
    }];
    while let Some(part) = open.pop() {
        if !seen.insert((part.node.number(), part.is_alternative)) {
            continue;
        }
        all.push(part);
        if let Some(reference) = part.node.get("$ref") {
            let node = target(reference)?;
            open.push(SchemaPart { node, ..part });
        }
        for (name, is_alternative) in [("allOf", false), ("oneOf", true), ("anyOf", true)] {
            let inner = part.node.get(name).into_iter().flat_map(Node::elements);
            open.extend(inner.map(|node| SchemaPart {
                node,
                is_alternative: is_alternative || part.is_alternative,
            }));
        }
    }
    Ok(all)
}

/// The types that a part says; none where it does not.
pub(super) fn stated(part: Node<'_>) -> Vec<&str> {
    let said = part.get("type");
    let one = said.and_then(Node::text);
    let several = said.into_iter().flat_map(Node::elements);
    let mut kinds: Vec<&str> = one
        .into_iter()
        .chain(several.filter_map(Node::text))
        .collect();
    if kinds.is_empty() {
        for value in listed(part) {
            kinds.push(value.kind());
        }
    }
    for (member, kind) in [("properties", "object"), ("items", "array")] {
        if kinds.is_empty() && part.get(member).is_some() {
            kinds.push(kind);
        }
    }
    kinds.retain(|kind| *kind != "null");
    kinds
}

/// The values that a part lists.
pub(super) fn listed(part: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let several = part.get("enum").into_iter().flat_map(Node::elements);
    several.chain(part.get("const"))
}

/// A member of the objects of some schemas.
fn member<'t>(schemas: &[Node<'t>], name: &str) -> Result<LookedUp<'t>, Broken> {
    let (mut found, mut names) = (Vec::new(), Vec::new());
    let (mut is_open, mut is_other) = (false, false);
    for schema in schemas {
        for SchemaPart { node, .. } in parts(*schema)? {
            let properties = node.get("properties");
            found.extend(properties.and_then(|it| it.get(name)));
            let others = properties.into_iter().flat_map(Node::members);
            names.extend(others.map(|(name, ..)| name.to_owned()));
            let more = node.get("additionalProperties");
            is_open |= more.is_some_and(|more| more.truth() != Some(false));
            is_open |= node.get("patternProperties").is_some();
            let kinds = stated(node);
            is_other |= !kinds.is_empty() && !kinds.contains(&"object");
        }
    }
    Ok(if !found.is_empty() {
        LookedUp::Schemas(found)
    } else if is_open || (names.is_empty() && !is_other) {
        LookedUp::Anything
    } else {
        LookedUp::Nothing(names)
    })
}

/// The elements of the arrays of some schemas.
pub(super) fn elements<'t>(schemas: &[Node<'t>]) -> Result<LookedUp<'t>, Broken> {
    let (mut found, mut is_other) = (Vec::new(), false);
    for schema in schemas {
        for SchemaPart { node, .. } in parts(*schema)? {
            found.extend(node.get("items").filter(|items| items.is_map()));
            let kinds = stated(node);
            is_other |= !kinds.is_empty() && !kinds.contains(&"array");
        }
    }
    Ok(if !found.is_empty() {
        LookedUp::Schemas(found)
    } else if is_other {
        LookedUp::Nothing(Vec::new())
    } else {
        LookedUp::Anything
    })
}

/// The schemas at a path within some schemas.
pub(super) fn inside<'t>(
    schemas: Vec<Node<'t>>,
    path: impl Iterator<Item = impl AsRef<str>>,
) -> Result<LookedUp<'t>, Broken> {
    let mut at = schemas;
    for name in path {
        match member(&at, name.as_ref())? {
            LookedUp::Schemas(found) => at = found,
            other => return Ok(other),
        }
    }
    Ok(LookedUp::Schemas(at))
}

/// A parameter of an operation; of those of its path where it has none of its own.
pub(super) fn parameter<'t>(
    operation: Node<'t>,
    item: Node<'t>,
    place: &str,
    name: &str,
) -> Result<LookedUp<'t>, Broken> {
    let is_called = |other: &str| match place {
        "header" => other.eq_ignore_ascii_case(name),
        _ => other == name,
    };
    let mut names = Vec::new();
    for owner in [operation, item] {
        for parameter in owner.get("parameters").into_iter().flat_map(Node::elements) {
            let parameter = follow(parameter)?;
            let said = |member: &str| parameter.get(member).and_then(Node::text);
            let Some(other) = said("name").filter(|_| said("in") == Some(place)) else {
                continue;
            };
            if is_called(other) {
                // One in `content` is a text of its own.
                let schema = parameter.get("schema");
                return Ok(schema.map_or(LookedUp::Anything, |it| LookedUp::Schemas(vec![it])));
            }
            names.push(other.to_owned());
        }
    }
    let schemes = operation.tree().at("/components/securitySchemes");
    for (_, _, scheme) in schemes.into_iter().flat_map(Node::members) {
        let scheme = follow(scheme)?;
        let said = |member: &str| scheme.get(member).and_then(Node::text);
        if said("type") == Some("apiKey")
            && said("in") == Some(place)
            && said("name").is_some_and(is_called)
        {
            return Ok(LookedUp::Anything);
        }
    }
    Ok(LookedUp::Nothing(names))
}

/// The schemas of a body in JSON. `Nothing` with the types that the body has instead.
pub(super) fn body(operation: Node<'_>) -> Result<LookedUp<'_>, Broken> {
    let Some(body) = operation.get("requestBody") else {
        return Ok(LookedUp::Nothing(Vec::new()));
    };
    let body = follow(body)?;
    let (mut schemas, mut others, mut is_any) = (Vec::new(), Vec::new(), false);
    for (kind, _, media) in body.get("content").into_iter().flat_map(Node::members) {
        if !is_json(kind) {
            others.push(kind.to_owned());
            continue;
        }
        match media.get("schema") {
            Some(schema) => schemas.push(schema),
            None => is_any = true,
        }
    }
    Ok(match (schemas.is_empty(), is_any) {
        (_, true) => LookedUp::Anything,
        (false, false) => LookedUp::Schemas(schemas),
        (true, false) => LookedUp::Nothing(others),
    })
}

/// Returns true if a media type may be JSON, as the sidecar reads it.
fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    matches!(&*kind, "*/*" | "application/*" | "application/json")
        || (kind.starts_with("application/") && kind.ends_with("+json"))
}
