//! YAML 1.2, with places.
//!
//! An alias is the node that its anchor names, and never a copy: a text of aliases to aliases costs
//! no more than its length. Merge keys (`<<`) are no part of YAML 1.2: an operation in one would be passed
//! over, so they are refused.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};

use super::tree::{Content, MAX_DEPTH, Member, Members, TextPlace, Tree, Unreadable};

/// Characters between the places that are kept.
const STEP: usize = 64;

/// Where each of some characters begins, in bytes. The parser counts characters.
struct Characters<'t> {
    text: &'t str,
    every: Vec<usize>,
}

/// An array or object that is not at its end.
struct Open {
    anchor: usize,
    start: usize,
    content: OpenContent,
}

enum OpenContent {
    List(Vec<usize>),
    /// With the name of the member whose value comes next.
    Map(Members, Option<(Box<str>, TextPlace)>),
}

struct YamlReader<'t> {
    characters: Characters<'t>,
    tree: Tree,
    open: Vec<Open>,
    /// The node of each anchor.
    anchors: HashMap<usize, usize>,
    root: Option<usize>,
}

/// Reads a text of one document.
pub(super) fn read(text: &str) -> Result<Tree, Unreadable> {
    let mut reader = YamlReader {
        characters: Characters::new(text),
        tree: Tree::default(),
        open: Vec::new(),
        anchors: HashMap::new(),
        root: None,
    };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            let at = reader.characters.byte(*error.marker());
            Unreadable::new(error.info(), at..at)
        })?;
        let place = reader.characters.place(span);
        reader.take(event, place)?;
    }
    let root = reader.root;
    let root = root.ok_or_else(|| Unreadable::new("there is nothing in it", 0..0))?;
    Ok(reader.tree.with_root(root))
}

impl YamlReader<'_> {
    fn take(&mut self, event: Event<'_>, place: TextPlace) -> Result<(), Unreadable> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.as_deref();
                if self.wants_name() {
                    let is_plain = style == ScalarStyle::Plain;
                    return self.name(text, is_plain, place);
                }
                let node = self.tree.add(scalar(text, style, tag), place)?;
                self.done(node, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                self.begin(anchor, place, OpenContent::List(Vec::new()))
            }
            Event::MappingStart(anchor, _) => {
                self.begin(anchor, place, OpenContent::Map(BTreeMap::new(), None))
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(&place),
            Event::Alias(anchor) => match self.anchors.get(&anchor).copied() {
                _ if self.wants_name() => Err(no_name(place)),
                Some(node) => self.done(node, 0),
                None => Err(Unreadable::new("an alias within what it stands for", place)),
            },
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(Unreadable::new("a second document", place))
            }
            Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::StreamStart
            | Event::StreamEnd
            | Event::Nothing => Ok(()),
        }
    }

    /// Returns true if the next value is the name of a member.
    fn wants_name(&self) -> bool {
        let innermost = self.open.last().map(|open| &open.content);
        matches!(innermost, Some(OpenContent::Map(_, None)))
    }

    fn name(
        &mut self,
        text: Cow<'_, str>,
        is_plain: bool,
        place: TextPlace,
    ) -> Result<(), Unreadable> {
        if is_plain && text == "<<" {
            let text = "a merge key, which YAML 1.2 does not have";
            return Err(Unreadable::new(text, place));
        }
        if let Some(Open {
            content: OpenContent::Map(members, name),
            ..
        }) = self.open.last_mut()
        {
            if members.contains_key(&*text) {
                let text = format!("a second member `{text}`");
                return Err(Unreadable::new(text, place));
            }
            *name = Some((Box::from(text), place));
        }
        Ok(())
    }

    fn begin(
        &mut self,
        anchor: usize,
        place: TextPlace,
        content: OpenContent,
    ) -> Result<(), Unreadable> {
        if self.wants_name() {
            return Err(no_name(place));
        }
        if self.open.len() >= MAX_DEPTH {
            let text = format!("nested deeper than {MAX_DEPTH} levels");
            return Err(Unreadable::new(text, place));
        }
        let start = place.start;
        self.open.push(Open {
            anchor,
            start,
            content,
        });
        Ok(())
    }

    fn end(&mut self, place: &TextPlace) -> Result<(), Unreadable> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let content = match open.content {
            OpenContent::List(elements) => Content::List(elements),
            OpenContent::Map(members, _) => Content::Map(members),
        };
        let end = place.end.max(open.start);
        let node = self.tree.add(content, open.start..end)?;
        self.done(node, open.anchor)
    }

    /// A value is whole: it goes into what is around it.
    fn done(&mut self, node: usize, anchor: usize) -> Result<(), Unreadable> {
        if anchor != 0 {
            self.anchors.insert(anchor, node);
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(OpenContent::List(elements)) => elements.push(node),
            Some(OpenContent::Map(members, name)) => {
                if let Some((name, place)) = name.take() {
                    members.insert(name, Member { place, value: node });
                }
            }
        }
        Ok(())
    }
}

fn no_name(place: TextPlace) -> Unreadable {
    Unreadable::new("a name that is no text", place)
}

/// A scalar by the core schema.
fn scalar(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>) -> Content {
    if style != ScalarStyle::Plain || tag.is_some() {
        return Content::Text(Box::from(text));
    }
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => Content::Null,
        "true" | "True" | "TRUE" => Content::Truth(true),
        "false" | "False" | "FALSE" => Content::Truth(false),
        number if is_number(number) => Content::Number(Box::from(number)),
        _ => Content::Text(Box::from(text)),
    }
}

fn is_number(text: &str) -> bool {
    let is_of_it = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    text.bytes().all(is_of_it) && text.parse::<f64>().is_ok()
}

impl<'t> Characters<'t> {
    fn new(text: &'t str) -> Self {
        let places = text.char_indices().map(|(at, _)| at);
        Self {
            text,
            every: places.step_by(STEP).collect(),
        }
    }

    /// Where a character begins, in bytes.
    fn byte(&self, marker: Marker) -> usize {
        let near = self.every.get(marker.index() / STEP).copied();
        let near = near.unwrap_or(self.text.len());
        let rest = self.text.get(near..).unwrap_or_default();
        let found = rest.char_indices().nth(marker.index() % STEP);
        found.map_or(self.text.len(), |(at, _)| near + at)
    }

    fn place(&self, span: Span) -> TextPlace {
        let start = self.byte(span.start);
        start..self.byte(span.end).max(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        let wrong = read(text).unwrap_err();
        let before = text.get(..wrong.place.start).unwrap();
        let line = before.matches('\n').count() + 1;
        format!("{} in line {line}", wrong.problem)
    }

    #[test]
    fn everything_has_its_place_and_its_type() {
        let text = "# ä\na: [1, 'ä', ~, yes]\n\"b\":\n  c/d: true\n  e: 1.50\n  '1': |\n    x\n";
        let tree = read(text).unwrap();
        for (pointer, kind, expected) in [
            ("/a/0", "integer", "1"),
            ("/a/1", "string", "'ä'"),
            ("/a/2", "null", "~"),
            ("/a/3", "string", "yes"),
            ("/b/c~1d", "boolean", "true"),
            ("/b/e", "number", "1.50"),
        ] {
            let node = tree.at(pointer).unwrap();
            assert_eq!(node.kind(), kind, "{pointer}");
            assert_eq!(text.get(node.place()), Some(expected), "{pointer}");
        }
        assert_eq!(tree.at("/b/1").unwrap().text(), Some("x\n"));
        assert_eq!(tree.at("/b").unwrap().kind(), "object");
    }

    #[test]
    fn what_is_repeated_is_one_node() {
        let text = "a: &x {k: [1]}\nb: *x\nc: {d: *x}\n";
        let tree = read(text).unwrap();
        let number = |pointer: &str| tree.at(pointer).unwrap().number();
        assert_eq!(number("/a/k"), number("/b/k"));
        assert_eq!(number("/a"), number("/c/d"));
        // Ten to the power of thirty values, where each was written out.
        let mut bomb = "a0: &a0 [x]\n".to_owned();
        for level in 1..30 {
            let before = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb += &format!("a{level}: &a{level} [{before}]\n");
        }
        assert!(read(&bomb).is_ok());
    }

    #[test]
    fn what_could_hide_something_is_refused() {
        for (text, expected) in [
            ("", "there is nothing in it in line 1"),
            ("a: 1\nb: 2\na: 3\n", "a second member `a` in line 3"),
            ("a: 1\n---\nb: 2\n", "a second document in line 2"),
            (
                "a: &x {}\nb:\n  <<: *x\n",
                "a merge key, which YAML 1.2 does not have in line 3",
            ),
            (
                "a: &x\n  b: *x\n",
                "an alias within what it stands for in line 2",
            ),
            ("? [a]\n: b\n", "a name that is no text in line 1"),
            ("a: &x k\n*x : b\n", "a name that is no text in line 2"),
        ] {
            assert_eq!(problem(text), expected, "{text}");
        }
        for text in ["a: [1\n", "a: *unknown\n", "a:\n\t- b\n", "a: \"\\q\"\n"] {
            assert!(read(text).is_err(), "{text}");
        }
        for deep in ["[", "{a: ", "- "] {
            let problem = problem(&deep.repeat(100_000));
            let expected = ["nested deeper than 100 levels", "recursion limit exceeded"];
            assert!(
                expected.iter().any(|it| problem.starts_with(it)),
                "{problem}"
            );
        }
        // A name within a name is none already.
        let problem = problem(&"? ".repeat(100_000));
        assert!(problem.starts_with("a name that is no text"), "{problem}");
    }
}
