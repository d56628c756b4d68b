//! Circles of files: no file uses, in however many steps, a file that uses it.
//!
//! An edge is a path that a file's code names, resolved to the file that defines the item.
//! Re-exports (`pub use`) are no edges, and neither is what only tests use. Methods are not
//! seen: they have no path.

use std::collections::{BTreeMap, BTreeSet};

use super::code::{Code, last};
use crate::sidecar::project;

/// The files of one crate: their modules, as `schema::decode`, with what their code says.
struct Files(BTreeMap<String, Code>);

/// The modules that the file of a module uses.
type Edges = BTreeMap<String, BTreeSet<String>>;

impl Files {
    fn read(files: Vec<(String, String)>) -> Self {
        let modules: BTreeSet<_> = files.iter().map(|(module, _)| module.clone()).collect();
        let code = |(module, text): (String, String)| {
            let children = modules.iter().filter(|child| parent(child) == module);
            let children: Vec<_> = children.map(|child| last(child)).collect();
            let code = Code::read(&text, &children);
            (module, code)
        };
        Self(files.into_iter().map(code).collect())
    }

    /// The module whose file defines what a path of a module's file names.
    fn resolve(&self, module: &str, path: &str, hops: usize) -> Option<String> {
        let mut at = module.to_owned();
        for segment in path.split("::") {
            match segment {
                "crate" => at = String::new(),
                "self" => {}
                "super" => at = parent(&at).to_owned(),
                name => {
                    let child = format!("{at}::{name}");
                    let child = child.trim_start_matches("::");
                    if !self.0.contains_key(child) {
                        return match self.0.get(&at)?.names.get(name) {
                            Some(path) if hops > 0 => self.resolve(&at, path, hops - 1),
                            _ => Some(at),
                        };
                    }
                    at = child.to_owned();
                }
            }
        }
        Some(at)
    }

    fn edges(&self) -> Edges {
        let edges = |(module, code): (&String, &Code)| {
            let used = code.used.iter();
            let used = used.filter_map(|path| self.resolve(module, path, 8));
            let used = used.filter(|other| other != module).collect();
            (module.clone(), used)
        };
        self.0.iter().map(edges).collect()
    }

    /// The edges within each group of files that use each other.
    fn circles(&self) -> Vec<Vec<String>> {
        let edges = self.edges();
        let reach: BTreeMap<_, _> = edges.keys().map(|it| (it, reach(&edges, it))).collect();
        let in_circle =
            |one: &String, other: &String| reach[one].contains(other) && reach[other].contains(one);
        let circles = edges.keys().filter(|it| in_circle(it, it)).map(|it| {
            let group = edges.iter().filter(|(one, _)| in_circle(one, it));
            let group = group.flat_map(|(one, used)| used.iter().map(move |other| (one, other)));
            let group = group.filter(|(_, other)| in_circle(other, it));
            let group = group.map(|(one, other)| format!("{one} -> {other}"));
            group.collect::<Vec<_>>()
        });
        circles.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// All files that a file uses, in however many steps.
fn reach<'e>(edges: &'e Edges, start: &'e String) -> BTreeSet<&'e String> {
    let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
    while let Some(next) = open.pop() {
        open.extend(edges[next].iter().filter(|it| seen.insert(*it)));
    }
    seen
}

fn parent(module: &str) -> &str {
    module.rsplit_once("::").map_or("", |(parent, _)| parent)
}

/// Circles of a crate whose sources lie in a directory.
fn circles(directory: &str) -> Vec<Vec<String>> {
    let source = project(directory);
    let mut paths = Vec::new();
    super::files(&source, &mut paths);
    paths.retain(|path| !path.ends_with("tests.rs"));
    let files = paths.into_iter().map(|path| {
        let module = path.strip_prefix(&source).unwrap().with_extension("");
        let module = module.to_str().unwrap().replace('/', "::");
        let root = matches!(module.as_str(), "lib" | "main");
        let text = std::fs::read_to_string(path).unwrap();
        (if root { String::new() } else { module }, text)
    });
    Files::read(files.collect()).circles()
}

#[test]
fn no_files_use_each_other() {
    let mut faults = Vec::new();
    for directory in [
        "crates/engine/src",
        "crates/database/src",
        "crates/author/src",
        "crates/server/src",
        "crates/console/src",
        "src",
    ] {
        faults.extend(
            circles(directory)
                .into_iter()
                .map(|circle| (directory, circle)),
        );
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_planted_circle_is_found() {
    let files = |changed: &str| {
        let texts = [
            ("", "mod a; mod b; pub use a::A;"),
            (
                "a",
                "mod c;\npub use c::C;\nuse crate::b::{self, B};\npub struct A(B);",
            ),
            ("a::c", "/// As [`super::A`].\npub struct C;"),
            ("b", changed),
        ];
        let texts = texts.map(|(module, text)| (module.to_owned(), text.to_owned()));
        Files::read(texts.to_vec()).circles()
    };
    // The root's re-export is followed to the file that defines the item.
    let found = [["a -> b", "b -> a"]];
    assert_eq!(files("use crate::A;\npub struct B;"), found);
    assert_eq!(
        files("pub struct B;\nfn b() {\n    crate::A::new();\n}"),
        found
    );
    assert_eq!(
        files("pub struct B;\nfn b() {\n    use super::{a::A as It};\n}"),
        found
    );
    for apart in [
        "use crate::a::C;\npub struct B;",
        "pub struct B;\n#[cfg(test)]\nmod tests {\n    use crate::A;\n}",
        "pub struct B;\n// crate::A",
        "pub use crate::A;\npub struct B;",
    ] {
        assert_eq!(files(apart), Vec::<Vec<String>>::new(), "{apart}");
    }
}
