//! How views read tables. A record names the entity of its row: a view that shows rows of others, too,
//! changes with them.

use std::collections::BTreeMap;

use super::shape::{Kind, Object, Objects};
use crate::sql::{Word, gathering};

/// How many views deep it is looked for tables.
const MOST_VIEWS: usize = 16;

/// How many views are looked into for one, counting each as often as it is read.
const MOST_LOOKS: usize = 1_000;

/// The sign of a view whose end is not looked for.
const DEEP: &str = "views of views";

/// How a view reads tables, itself or by other views.
#[derive(Debug, Default)]
pub(super) struct Reads {
    /// How often, by name. Rather too often: a name that stands for something else counts as well, but
    /// not that of a column or of a row.
    pub(super) times: BTreeMap<String, usize>,
    /// The signs that it gathers rows, and how often each is there.
    pub(super) gathering: BTreeMap<String, usize>,
    looks: usize,
}

impl Reads {
    pub(super) fn of(objects: &Objects, view: &Object) -> Self {
        let mut reads = Self::default();
        reads.look_into(objects, view, MOST_VIEWS);
        reads
    }

    fn look_into(&mut self, objects: &Objects, view: &Object, depth: usize) {
        self.looks += 1;
        if depth == 0 || self.looks > MOST_LOOKS {
            self.gathering.insert(DEEP.to_owned(), 1);
            return;
        }
        // Behind CREATE VIEW and its name.
        let words: Vec<&str> = view.words.iter().skip(3).map(String::as_str).collect();
        for (sign, times) in gathering(&words) {
            *self.gathering.entry(sign).or_default() += times;
        }
        let names: Vec<String> = words.iter().map(|word| name(word)).collect();
        for (at, name) in names.iter().enumerate() {
            let before = |steps: usize| {
                let at = at.checked_sub(steps)?;
                names.get(at).map(String::as_str)
            };
            let is_column = match before(1) {
                Some(".") => !matches!(before(2), Some("main" | "temp")),
                other => other == Some("as"),
            };
            if is_column || names.get(at + 1).is_some_and(|after| after == ".") {
                continue;
            }
            if objects.contains_key(&(Kind::Table, name.clone())) {
                *self.times.entry(name.clone()).or_default() += 1;
            } else if let Some(inner) = objects.get(&(Kind::View, name.clone()))
                && inner.name != view.name
            {
                self.look_into(objects, inner, depth - 1);
            }
        }
    }
}

/// A name as the schema has it, in lower case; any other word as it is. SQLite takes a text for a name where one
/// is wanted.
fn name(word: &str) -> String {
    let named = Word { at: 0, text: word }.name();
    let inner = named.unwrap_or_else(|| word.trim_matches('\'').to_owned());
    inner.to_ascii_lowercase()
}
