//! Changes of a policy as a whole: effect, scope, clauses.

use std::ops::Range;

use cedar_policy::EntityUid;
use cedar_policy_core::parser::cst::{self, Ident, PolicyImpl, VariableDef};
use cedar_policy_core::parser::text_to_cst::parse_policy;

use super::edit::{Edit, MutationOperator};
use super::walk::{MutationWalk, Node, place};
use peppol_authz_engine::schema::Schema;

/// All changes of a policy's text. `others` are the actions that could be added to it.
pub(super) fn edits(
    text: &str,
    schema: &Schema,
    others: &[EntityUid],
) -> Result<Vec<Edit>, String> {
    let parsed = parse_policy(text).map_err(|error| error.to_string())?;
    let Some(cst::Policy::Policy(policy)) = &parsed.node else {
        return Err("it does not parse".to_owned());
    };
    let mut walk = MutationWalk::new(text, schema);
    walk.policy(policy);
    for variable in policy.variables.iter().filter_map(|v| v.node.as_ref()) {
        if variable.variable.node == Some(Ident::Action) {
            walk.more_actions(variable, others);
        }
    }
    Ok(walk.edits)
}

impl MutationWalk<'_> {
    fn policy(&mut self, policy: &PolicyImpl) {
        if let Some(effect) = place(&policy.effect) {
            let whole = Edit::leave_out(MutationOperator::DropPolicy, effect.clone(), None);
            self.edits.push(whole);
            let other = match &policy.effect.node {
                Some(Ident::Permit) => "forbid",
                _ => "permit",
            };
            self.replace(MutationOperator::FlipEffect, Some(effect), other);
        }
        for variable in &policy.variables {
            self.variable(variable);
        }
        for clause in &policy.conds {
            self.clause(clause);
        }
    }

    fn variable(&mut self, node: &Node<VariableDef>) {
        let (Some(definition), Some(whole)) = (&node.node, place(node)) else {
            return;
        };
        let Some(name) = place(&definition.variable) else {
            return;
        };
        let mut parts = Vec::new();
        if let Some(ty) = definition.entity_type.as_ref().and_then(place) {
            parts.push(name.end..ty.end);
        }
        if let Some((_, entity)) = &definition.ineq {
            let start = parts
                .last()
                .map_or(name.end, |part: &Range<usize>| part.end);
            parts.extend(place(entity).map(|entity| start..entity.end));
            self.expression(entity);
        }
        if parts.len() > 1 {
            for part in &parts {
                self.leave_out(
                    MutationOperator::WidenScope,
                    self.trimmed(part),
                    part.clone(),
                );
            }
        }
        if !parts.is_empty() {
            let shown = self.trimmed(&(name.end..whole.end));
            self.leave_out(MutationOperator::WidenScope, shown, name.end..whole.end);
        }
    }

    /// Each of the other actions in the scope beside those that are there.
    fn more_actions(&mut self, definition: &VariableDef, others: &[EntityUid]) {
        let Some((_, listed)) = &definition.ineq else {
            return;
        };
        let (Some(name), Some(listed)) = (place(&definition.variable), place(listed)) else {
            return;
        };
        let whole = self.trimmed(&(name.end..listed.end));
        let Some(text) = self.text(&listed) else {
            return;
        };
        let list = text
            .strip_prefix('[')
            .and_then(|list| list.strip_suffix(']'));
        let known = list
            .unwrap_or(text)
            .trim_end()
            .trim_end_matches(',')
            .to_owned();
        for other in others {
            // The last one may end in a comment.
            let line = if known.contains("//") { "\n" } else { "" };
            let by = format!("in [{known}{line}, {other}]");
            self.edits.push(Edit {
                says: format!("applies to `{other}` too"),
                ..Edit::replace(MutationOperator::AddAction, whole.clone(), by)
            });
        }
    }

    fn clause(&mut self, node: &Node<cst::Cond>) {
        let (Some(clause), Some(whole)) = (&node.node, place(node)) else {
            return;
        };
        if let Some(keyword) = place(&clause.cond) {
            self.leave_out(MutationOperator::DropClause, keyword.clone(), whole);
            let other = match &clause.cond.node {
                Some(Ident::When) => "unless",
                _ => "when",
            };
            self.replace(MutationOperator::FlipClause, Some(keyword), other);
        }
        if let Some(condition) = &clause.expr {
            self.expression(condition);
        }
    }
}
