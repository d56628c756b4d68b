//! The paths of a description, and the base that its servers put before them.

use super::tree::Node;

/// The path of an operation.
pub(super) struct PathTemplate {
    /// As the route table writes it.
    pub(super) text: String,
    /// The parameters within each segment, as the description names them.
    pub(super) names: Vec<Vec<String>>,
}

impl PathTemplate {
    /// Reads `/orgs/{org-id}/report.{format}`, which is `/orgs/{org_id}/{format=report.*}` in a table.
    pub(super) fn read(path: &str) -> Self {
        let (mut text, mut names) = (String::new(), Vec::new());
        let mut used: Vec<String> = Vec::new();
        for segment in path.strip_prefix('/').unwrap_or(path).split('/') {
            let (shape, inner) = shape(segment);
            text.push('/');
            match inner.first() {
                // Also a segment that no table has; its reader says why.
                None => text.push_str(segment),
                Some(first) => {
                    let name = unique(first, &mut used);
                    match shape == "*" {
                        true => text.push_str(&format!("{{{name}}}")),
                        false => text.push_str(&format!("{{{name}={shape}}}")),
                    }
                }
            }
            names.push(inner);
        }
        Self { text, names }
    }
}

/// A segment with `*` for each parameter, and their names. Of braces that do not match nothing is read.
fn shape(segment: &str) -> (String, Vec<String>) {
    let (mut shape, mut names) = (String::new(), Vec::new());
    let mut rest = segment;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            return (segment.to_owned(), Vec::new());
        };
        shape.push_str(before);
        if !(before.is_empty() && shape.ends_with('*')) {
            shape.push('*');
        }
        names.push(name.to_owned());
        rest = after;
    }
    shape.push_str(rest);
    (shape, names)
}

/// A name that a table can have, and that no other parameter of the path has.
fn unique(name: &str, used: &mut Vec<String>) -> String {
    let plain = |letter: char| match letter {
        _ if letter.is_ascii_alphanumeric() => letter,
        _ => '_',
    };
    let mut found: String = name.chars().map(plain).collect();
    while found.is_empty() || used.contains(&found) {
        found.push('_');
    }
    used.push(found.clone());
    found
}

/// The paths that the servers of an operation put before it, each once. `Err` with a server's URL
/// whose path cannot be told.
pub(super) fn bases(places: [Node<'_>; 3]) -> Result<Vec<String>, String> {
    let servers = places.into_iter().find_map(|node| {
        let servers = node.get("servers")?;
        servers.elements().next().is_some().then_some(servers)
    });
    let mut all = Vec::new();
    for server in servers.into_iter().flat_map(Node::elements) {
        let url = server.get("url").and_then(Node::text).unwrap_or_default();
        let base = base(url, server.get("variables")).ok_or_else(|| url.to_owned())?;
        if !all.contains(&base) {
            all.push(base);
        }
    }
    if all.is_empty() {
        all.push(String::new());
    }
    Ok(all)
}

/// The path of a server's URL, with the defaults of its variables.
fn base(url: &str, variables: Option<Node<'_>>) -> Option<String> {
    let mut whole = url.to_owned();
    for (name, _, variable) in variables.into_iter().flat_map(Node::members) {
        if let Some(default) = variable.get("default").and_then(Node::scalar) {
            whole = whole.replace(&format!("{{{name}}}"), default);
        }
    }
    let local = match whole.split_once("//") {
        Some((scheme, rest)) if scheme.is_empty() || scheme.ends_with(':') => {
            rest.split_once('/').map_or("", |(_, path)| path)
        }
        _ => whole.trim_start_matches("./"),
    };
    let local = local.split(['?', '#']).next().unwrap_or_default();
    (!local.contains(['{', '}'])).then(|| joined(local))
}

/// A base as it stands before a path: with a `/` at its beginning and none at its end, or empty.
pub(super) fn joined(base: &str) -> String {
    match base.trim_matches('/') {
        "" => String::new(),
        path => format!("/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::yaml;

    #[test]
    fn a_path_is_as_a_table_has_it() {
        for (path, expected) in [
            ("/", "/"),
            ("/orgs/{orgId}", "/orgs/{orgId}"),
            ("/orgs/{org-id}/{org.id}", "/orgs/{org_id}/{org_id_}"),
            ("/a/{id}.json", "/a/{id=*.json}"),
            ("/a/{id}:{verb}", "/a/{id=*:*}"),
            ("/a/{x}{y}", "/a/{x}"),
            ("/a/{}", "/a/{_}"),
            ("/a/", "/a/"),
            ("/a/{id", "/a/{id"),
        ] {
            assert_eq!(PathTemplate::read(path).text, expected, "{path}");
        }
        let names = PathTemplate::read("/a/{id}:{verb}/b").names;
        assert_eq!(
            names,
            [vec![], vec!["id".to_owned(), "verb".to_owned()], vec![]]
        );
    }

    #[test]
    fn a_base_is_the_path_of_a_url() {
        for (server, expected) in [
            ("url: https://api.example/v1", Some("/v1")),
            ("url: https://api.example", Some("")),
            ("url: //api.example/v1/", Some("/v1")),
            ("url: /", Some("")),
            ("url: v2/x", Some("/v2/x")),
            ("url: ./v2?x=1", Some("/v2")),
            ("url: 'https://{host}/v1'", Some("/v1")),
            (
                "url: 'https://h/{v}/x'\n  variables: {v: {default: v3}}",
                Some("/v3/x"),
            ),
            ("url: 'https://h/{v}'", None),
        ] {
            let tree = yaml::read(&format!("servers:\n- {server}\n")).unwrap();
            let root = tree.root();
            let found = bases([root, root, root]).ok();
            assert_eq!(
                found,
                expected.map(|base| vec![base.to_owned()]),
                "{server}"
            );
        }
    }
}
