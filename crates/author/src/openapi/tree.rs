//! JSON or YAML as a tree in which everything has its place.
//!
//! An alias is the node that it repeats, so that no text becomes more than it says.

use std::collections::BTreeMap;
use std::ops::Range;

/// The most values of one description.
const MOST_NODES: usize = 2_000_000;

/// The most arrays and objects within each other.
pub(super) const MAX_DEPTH: usize = 100;

/// Bytes of the text.
pub(super) type TextPlace = Range<usize>;

/// A text that cannot be read.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) problem: String,
    pub(super) place: TextPlace,
}

impl Unreadable {
    pub(super) fn new(problem: impl Into<String>, place: TextPlace) -> Self {
        Self {
            problem: problem.into(),
            place,
        }
    }
}

/// A whole text.
#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: Vec<NodeData>,
    root: usize,
}

#[derive(Debug)]
struct NodeData {
    content: Content,
    place: TextPlace,
}

/// A value; values within it are numbers of nodes.
#[derive(Debug)]
pub(super) enum Content {
    Null,
    Truth(bool),
    /// As it is written.
    Number(Box<str>),
    Text(Box<str>),
    List(Vec<usize>),
    Map(Members),
}

/// The members of an object, by name.
pub(super) type Members = BTreeMap<Box<str>, Member>;

/// A member of an object.
#[derive(Debug)]
pub(super) struct Member {
    /// Where its name stands.
    pub(super) place: TextPlace,
    pub(super) value: usize,
}

/// One value of a tree.
#[derive(Clone, Copy)]
pub(super) struct Node<'t> {
    tree: &'t Tree,
    number: usize,
}

// === impl Tree ===

impl Tree {
    /// Adds a value, and returns its number.
    pub(super) fn add(&mut self, content: Content, place: TextPlace) -> Result<usize, Unreadable> {
        if self.nodes.len() >= MOST_NODES {
            let text = format!("more than {MOST_NODES} values");
            return Err(Unreadable::new(text, place));
        }
        self.nodes.push(NodeData { content, place });
        Ok(self.nodes.len() - 1)
    }

    /// The same tree, with its outermost value.
    pub(super) fn with_root(mut self, root: usize) -> Self {
        self.root = root;
        self
    }

    pub(super) fn root(&self) -> Node<'_> {
        self.node(self.root)
    }

    pub(super) fn node(&self, number: usize) -> Node<'_> {
        Node { tree: self, number }
    }

    /// The value at a JSON pointer.
    pub(super) fn at(&self, pointer: &str) -> Option<Node<'_>> {
        let mut node = self.root();
        for name in pointer
            .strip_prefix('/')
            .into_iter()
            .flat_map(|it| it.split('/'))
        {
            let name = name.replace("~1", "/").replace("~0", "~");
            node = match node.content()? {
                Content::Map(members) => self.node(members.get(&*name)?.value),
                Content::List(elements) => self.node(*elements.get(name.parse::<usize>().ok()?)?),
                _ => return None,
            };
        }
        (pointer.is_empty() || pointer.starts_with('/')).then_some(node)
    }
}

/// A name as a JSON pointer has it.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

// === impl Node ===

impl<'t> Node<'t> {
    fn content(self) -> Option<&'t Content> {
        self.tree.nodes.get(self.number).map(|it| &it.content)
    }

    /// It tells a value from another.
    pub(super) fn number(self) -> usize {
        self.number
    }

    pub(super) fn tree(self) -> &'t Tree {
        self.tree
    }

    /// Where it stands in the text.
    pub(super) fn place(self) -> TextPlace {
        let data = self.tree.nodes.get(self.number);
        data.map_or(0..0, |data| data.place.clone())
    }

    pub(super) fn is_map(self) -> bool {
        matches!(self.content(), Some(Content::Map(_)))
    }

    /// A member of an object.
    pub(super) fn get(self, name: &str) -> Option<Self> {
        match self.content()? {
            Content::Map(members) => Some(self.tree.node(members.get(name)?.value)),
            _ => None,
        }
    }

    /// The members of an object, with the places of their names.
    pub(super) fn members(self) -> impl Iterator<Item = (&'t str, &'t TextPlace, Self)> {
        let members = match self.content() {
            Some(Content::Map(members)) => Some(members),
            _ => None,
        };
        members.into_iter().flatten().map(move |(name, member)| {
            let value = self.tree.node(member.value);
            (&**name, &member.place, value)
        })
    }

    /// The elements of an array.
    pub(super) fn elements(self) -> impl Iterator<Item = Self> {
        let elements: &[usize] = match self.content() {
            Some(Content::List(elements)) => elements,
            _ => &[],
        };
        elements.iter().map(move |number| self.tree.node(*number))
    }

    pub(super) fn text(self) -> Option<&'t str> {
        match self.content()? {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn truth(self) -> Option<bool> {
        match self.content()? {
            Content::Truth(truth) => Some(*truth),
            _ => None,
        }
    }

    /// A text or a number, as it is written; `None` of `null`, arrays and objects.
    pub(super) fn scalar(self) -> Option<&'t str> {
        match self.content()? {
            Content::Text(text) | Content::Number(text) => Some(text),
            Content::Truth(true) => Some("true"),
            Content::Truth(false) => Some("false"),
            _ => None,
        }
    }

    /// The name that JSON Schema has for the type of this value.
    pub(super) fn kind(self) -> &'static str {
        match self.content() {
            None | Some(Content::Null) => "null",
            Some(Content::Truth(_)) => "boolean",
            Some(Content::Number(text)) if text.contains(['.', 'e', 'E']) => "number",
            Some(Content::Number(_)) => "integer",
            Some(Content::Text(_)) => "string",
            Some(Content::List(_)) => "array",
            Some(Content::Map(_)) => "object",
        }
    }
}
