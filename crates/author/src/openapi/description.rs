//! A description of a service, as a list of operations.

use std::path::Path;
use std::sync::Arc;

use peppol_authz_engine::file::read_text;
use peppol_authz_engine::policy::routes::RequestTemplate;
use peppol_authz_engine::policy::{Fault, Severity, SourceFile};

use super::finding::Finding;
use super::lookup::follow;
use super::path::{PathTemplate, bases, joined};
use super::tree::{Node, TextPlace, Tree, Unreadable, escaped};
use super::{json, yaml};

const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// Other members of a path.
const BESIDE_METHODS: [&str; 5] = ["$ref", "summary", "description", "servers", "parameters"];

/// A description that could be read.
#[derive(Debug)]
pub struct Description {
    pub(super) file: Arc<SourceFile>,
    pub(super) tree: Tree,
    pub(super) operations: Vec<Operation>,
}

/// A method on a path.
#[derive(Debug)]
pub(super) struct Operation {
    /// As the table would have it, `PUT /orgs/{orgId}`.
    pub(super) request: String,
    pub(super) template: RequestTemplate,
    /// The parameters within each segment, as the description names them.
    pub(super) names: Vec<Vec<String>>,
    /// Where its method stands.
    pub(super) place: TextPlace,
    pub(super) pointer: String,
    /// The nodes of the operation, and of its path.
    node: usize,
    item: usize,
}

/// Reads operations, and notes what is wrong.
struct DescriptionReader<'d> {
    file: &'d Arc<SourceFile>,
    tree: &'d Tree,
    base: Option<&'d str>,
    operations: Vec<Operation>,
    findings: Vec<Finding>,
}

impl Description {
    /// Reads a file. `base` is the path before those of the description; without it, its `servers`
    /// say that.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn open(
        path: &Path,
        base: Option<&str>,
    ) -> Result<(Option<Self>, Vec<Finding>), std::io::Error> {
        let text = read_text(path)?;
        let text = match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        };
        Ok(Self::read(path.display().to_string(), text, base))
    }

    /// Reads a text; `None` where it is no description. What begins with `{` is JSON.
    #[must_use]
    pub fn read(name: String, text: String, base: Option<&str>) -> (Option<Self>, Vec<Finding>) {
        let file = Arc::new(SourceFile {
            name,
            path: None,
            text,
        });
        let read = match file.text.trim_start().starts_with('{') {
            true => json::read(&file.text),
            false => yaml::read(&file.text),
        };
        let tree = match read {
            Ok(tree) => tree,
            Err(Unreadable { problem, place }) => {
                let fault = Fault::new(&file, Severity::Invalid, problem);
                let fault = fault.at(place.start, place.len());
                return (None, vec![Finding::new(fault)]);
            }
        };
        let mut reader = DescriptionReader {
            file: &file,
            tree: &tree,
            base,
            operations: Vec::new(),
            findings: Vec::new(),
        };
        let is_read = reader.document();
        let DescriptionReader {
            operations,
            findings,
            ..
        } = reader;
        let description = is_read.then_some(Self {
            file,
            tree,
            operations,
        });
        (description, findings)
    }

    /// How many operations it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Returns true if it has no operation that a table could have an entry for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The name of its file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.file.name
    }

    pub(super) fn node(&self, operation: &Operation) -> Node<'_> {
        self.tree.node(operation.node)
    }

    pub(super) fn item(&self, operation: &Operation) -> Node<'_> {
        self.tree.node(operation.item)
    }
}

impl DescriptionReader<'_> {
    fn fault(
        &mut self,
        severity: Severity,
        text: impl Into<String>,
        place: TextPlace,
        pointer: &str,
    ) {
        let fault = Fault::new(self.file, severity, text).at(place.start, place.len());
        self.findings.push(Finding::new(fault).about(pointer));
    }

    /// Reads all; false if it is no description.
    fn document(&mut self) -> bool {
        let root = self.tree.root();
        let version = root.get("openapi").and_then(Node::scalar);
        let is_known = |version: &str| version.starts_with("3.0.") || version.starts_with("3.1.");
        if !version.is_some_and(is_known) {
            let place = root.get("openapi").or(root.get("swagger"));
            let place = place.map_or(0..0, Node::place);
            let text = "no OpenAPI 3.0 or 3.1, as `openapi` would have to say";
            self.fault(Severity::Invalid, text, place, "/openapi");
            return false;
        }
        for (path, place, item) in root.get("paths").into_iter().flat_map(Node::members) {
            let pointer = format!("/paths/{}", escaped(path));
            if path.starts_with("x-") {
                continue;
            }
            if !path.starts_with('/') {
                let text = "a path that does not start with `/`";
                self.fault(Severity::Invalid, text, place.clone(), &pointer);
                continue;
            }
            match follow(item) {
                Ok(item) => self.item(path, item, &pointer),
                Err(broken) => {
                    let (text, place) = (broken.to_string(), broken.place);
                    self.fault(Severity::Invalid, text, place, &pointer);
                }
            }
        }
        if self.operations.is_empty() && self.findings.is_empty() {
            // Nothing would be forgotten in it, and so it would never be noticed.
            let text = "it describes no operation";
            self.fault(Severity::Invalid, text, 0..0, "/paths");
        }
        true
    }

    /// The operations of one path.
    fn item(&mut self, path: &str, item: Node<'_>, pointer: &str) {
        for (name, place, node) in item.members() {
            let pointer = format!("{pointer}/{}", escaped(name));
            if METHODS.contains(&name) && node.is_map() {
                self.operation(name, path, item, node, place, &pointer);
            } else if !BESIDE_METHODS.contains(&name) && !name.starts_with("x-") {
                // It could be an operation that somebody has misspelt.
                let text = format!("`{name}` is no operation of a path");
                self.fault(Severity::Invalid, text, place.clone(), &pointer);
            }
        }
    }

    fn operation(
        &mut self,
        method: &str,
        path: &str,
        item: Node<'_>,
        node: Node<'_>,
        place: &TextPlace,
        pointer: &str,
    ) {
        let bases = match self.base {
            Some(base) => Ok(vec![joined(base)]),
            None => bases([node, item, self.tree.root()]),
        };
        let bases = match bases {
            Ok(bases) => bases,
            Err(url) => {
                let text = format!("it cannot be told which path the server `{url}` has");
                self.fault(Severity::Invalid, text, place.clone(), pointer);
                return;
            }
        };
        for base in bases {
            let PathTemplate { text, names } = PathTemplate::read(&format!("{base}{path}"));
            let request = format!("{} {text}", method.to_uppercase());
            if method == "trace" {
                let text = format!("`{request}` is always denied: no table has this method");
                self.fault(Severity::Note, text, place.clone(), pointer);
                continue;
            }
            let is_odd = |segment: &str| matches!(segment, "" | "." | "..");
            if text != "/" && text.split('/').skip(1).any(is_odd) {
                let text = format!("`{request}` is always denied: a segment is empty, or dots");
                self.fault(Severity::Note, text, place.clone(), pointer);
                continue;
            }
            match RequestTemplate::parse(&request) {
                Ok(template) => self.operations.push(Operation {
                    request,
                    template,
                    names,
                    place: place.clone(),
                    pointer: pointer.to_owned(),
                    node: node.number(),
                    item: item.number(),
                }),
                Err(problem) => {
                    let text = format!("no table can have an entry for `{request}`: {problem}");
                    self.fault(Severity::Invalid, text, place.clone(), pointer);
                }
            }
        }
    }
}
