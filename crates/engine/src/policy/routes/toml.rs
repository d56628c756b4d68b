//! A TOML text as a tree in which everything has its place.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::text_fault::TextFault;
use crate::policy::fault::{Fault, Severity};
use crate::policy::source_file::SourceFile;
use crate::text::did_you_mean;

/// A value and its place.
pub(super) type TomlNode<'a> = Spanned<DeValue<'a>>;

/// Reads nodes, and notes what is wrong with them.
pub(super) struct TomlReader<'a> {
    pub(super) file: &'a Arc<SourceFile>,
    pub(super) faults: Vec<Fault>,
}

impl TomlReader<'_> {
    /// Notes a fault.
    pub(super) fn fault(&mut self, at: Range<usize>, message: impl Into<String>) {
        self.faults.push(self.fault_at(at, message));
    }

    /// A fault that is not noted yet.
    pub(super) fn fault_at(&self, at: Range<usize>, message: impl Into<String>) -> Fault {
        Fault::new(self.file, Severity::Invalid, message).at(at.start, at.len())
    }

    /// Notes the faults of a string.
    pub(super) fn text_faults(&mut self, node: &TomlNode<'_>, faults: Vec<TextFault>) {
        let whole = node.span();
        let written = self.file.text.get(whole.clone()).unwrap_or_default();
        let text = node.get_ref().as_str().unwrap_or_default();
        // As it is written, but for the quotes: then places within it are known.
        let is_plain = written.get(1..).is_some_and(|rest| rest.starts_with(text))
            && written.len() == text.len() + 2;
        for inner in faults {
            let at = if is_plain && !inner.at.is_empty() {
                whole.start + 1 + inner.at.start..whole.start + 1 + inner.at.end
            } else {
                whole.clone()
            };
            let fault = self.fault_at(at, inner.problem);
            self.faults.push(match inner.help {
                Some(help) => fault.advise(help),
                None => fault,
            });
        }
    }

    /// Notes unknown keys.
    pub(super) fn keys(&mut self, table: &DeTable<'_>, known: &[&str]) {
        for (key, _) in table {
            if !known.contains(&&**key.get_ref()) {
                let near = did_you_mean(key.get_ref(), known.iter().copied());
                let known: Vec<_> = known.iter().map(|key| format!("`{key}`")).collect();
                let text = format!("unknown key `{}`{near}", key.get_ref());
                let fault = self.fault_at(key.span(), text);
                self.faults
                    .push(fault.advise(format!("one of {}", known.join(", "))));
            }
        }
    }

    pub(super) fn text<'n>(&mut self, node: &'n TomlNode<'_>) -> Option<&'n str> {
        let text = node.get_ref().as_str();
        if text.is_none() {
            self.fault(node.span(), "a string is wanted");
        }
        text
    }

    pub(super) fn table<'n, 'a>(&mut self, node: &'n TomlNode<'a>) -> Option<&'n DeTable<'a>> {
        let table = node.get_ref().as_table();
        if table.is_none() {
            self.fault(node.span(), "a table is wanted");
        }
        table
    }

    pub(super) fn truth(&mut self, node: &TomlNode<'_>) -> Option<bool> {
        let truth = node.get_ref().as_bool();
        if truth.is_none() {
            self.fault(node.span(), "`true` or `false` is wanted");
        }
        truth
    }

    /// An array of tables, as `[[route]]` makes it.
    pub(super) fn tables<'n, 'a>(&mut self, node: &'n TomlNode<'a>) -> Vec<&'n TomlNode<'a>> {
        let Some(array) = node.get_ref().as_array() else {
            self.fault(node.span(), "an array of tables is wanted");
            return Vec::new();
        };
        let mut tables = Vec::new();
        for node in array {
            if self.table(node).is_some() {
                tables.push(node);
            }
        }
        tables
    }
}

/// One value, or each of an array.
pub(super) fn one_or_more<'n, 'a>(node: &'n TomlNode<'a>) -> Vec<&'n TomlNode<'a>> {
    match node.get_ref().as_array() {
        Some(array) => array.iter().collect(),
        None => vec![node],
    }
}
