//! A walk over the text of a policy, for which Cedar's parser says where its parts stand.

use std::ops::Range;

use super::edit::{Edit, MutationOperator, each_left_out};
use peppol_authz_engine::schema::Schema;

/// A part of Cedar's syntax tree; it has its contents wherever the text parses.
pub(super) type Node<T> = cedar_policy_core::parser::Node<Option<T>>;

/// Where a part stands.
pub(super) fn place<T>(node: &Node<T>) -> Option<Range<usize>> {
    node.loc().map(|loc| loc.start()..loc.end())
}

/// A walk over a policy, which notes the possible changes.
pub(super) struct MutationWalk<'a> {
    text: &'a str,
    pub(super) schema: &'a Schema,
    pub(super) edits: Vec<Edit>,
}

impl<'a> MutationWalk<'a> {
    pub(super) fn new(text: &'a str, schema: &'a Schema) -> Self {
        Self {
            text,
            schema,
            edits: Vec::new(),
        }
    }

    pub(super) fn text(&self, place: &Range<usize>) -> Option<&'a str> {
        self.text.get(place.clone())
    }

    pub(super) fn replace(
        &mut self,
        operator: MutationOperator,
        place: Option<Range<usize>>,
        by: &str,
    ) {
        let edit = place.map(|place| Edit::replace(operator, place, by));
        self.edits.extend(edit);
    }

    pub(super) fn leave_out(
        &mut self,
        operator: MutationOperator,
        shown: Range<usize>,
        gone: Range<usize>,
    ) {
        self.edits
            .push(Edit::leave_out(operator, shown, Some(gone)));
    }

    /// Notes the changes that leave out one part each of a chain or a list.
    pub(super) fn each_left_out<T>(&mut self, operator: MutationOperator, nodes: &[&Node<T>]) {
        let places: Vec<_> = nodes.iter().filter_map(|node| place(node)).collect();
        for (part, gone) in each_left_out(&places) {
            self.leave_out(operator, part, gone);
        }
    }

    /// The same place without white space and comments before it.
    pub(super) fn trimmed(&self, place: &Range<usize>) -> Range<usize> {
        let mut start = place.start;
        while let Some(rest) = self.text.get(start..place.end) {
            let gap = rest.len() - rest.trim_start().len();
            start += gap;
            if !rest.trim_start().starts_with("//") {
                break;
            }
            start += rest
                .trim_start()
                .find(['\n', '\r'])
                .unwrap_or(rest.len() - gap);
        }
        start..place.end
    }
}
