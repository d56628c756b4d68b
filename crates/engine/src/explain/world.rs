//! The entities and the context of a question, to be evaluated and to be changed.

mod edit;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::pst::{BinaryOp, Expr, Literal, Var};
use cedar_policy::{
    Authorizer, Context, Entities, EntityUid, EvalResult, Policy, PolicySet, Request,
    eval_expression,
};

use super::cedar::{literal, size};
use super::place::{Edit, Spot, ValuePlace, made_up, value_of, within};
use super::weight::{of_record, of_result, of_row};
use crate::decide::{Decider, Decision, LinkedPolicies, Question};
use crate::schema::{Record, Row, SharedEntity, Value, expression as expression_of};
use crate::slice::{LinkTable, SeenEntity};

/// The limit of work for one explanation, in parts of expressions, values, entities and policies:
/// some tenths of a second.
const STEPS: usize = 300_000;

/// A world's steps that are one more for each expression that is evaluated in it: that may
/// look at all elements of a set, but does not copy them.
const LOOKED_AT: usize = 32;

/// The decision that is explained: its question, its policies and its slice.
pub(super) struct ExplainedDecision<'a> {
    pub(super) question: &'a Question,
    pub(super) decider: Decider<'a>,
    pub(super) slice: &'a [SeenEntity],
    /// The links of the store, where the policies rest on some.
    pub(super) link_table: Option<&'a LinkTable>,
    pub(super) steps: Cell<usize>,
}

/// The entities and the context of a question, as they are or changed.
#[derive(Clone)]
pub(super) struct World<'a> {
    pub(super) basis: &'a ExplainedDecision<'a>,
    pub(super) rows: BTreeMap<EntityUid, Arc<Row>>,
    pub(super) context: Record,
    /// The changes that were made.
    pub(super) touched: Vec<MadeChange>,
    /// The work to copy all of it, in steps.
    weight: usize,
    entities: Entities,
    /// The policies that links of the store make for these entities.
    linked: Arc<LinkedPolicies>,
    request: Request,
}

/// Something that was changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MadeChange {
    /// A value.
    Place(ValuePlace),
    /// The first is a child of the second.
    Parent(EntityUid, EntityUid),
}

impl ExplainedDecision<'_> {
    /// Returns true if the work is used up, so that no further expression is evaluated.
    pub(super) fn is_tired(&self) -> bool {
        self.steps.get() > STEPS
    }

    fn step(&self, parts: usize) {
        self.steps.set(self.steps.get().saturating_add(parts));
    }

    /// Counts work before it is done; `None` where it is too much.
    pub(super) fn spend(&self, parts: usize) -> Option<()> {
        self.step(parts);
        (!self.is_tired()).then_some(())
    }

    /// The policies that links of the store make for entities.
    fn linked(&self, entities: &Entities) -> Result<Arc<LinkedPolicies>, String> {
        let bundle = self.decider.bundle;
        let linked = LinkedPolicies::of(bundle, self.link_table, self.question, entities);
        linked.map(Arc::new).map_err(|failure| failure.to_string())
    }

    /// The same for as many values that are each compared with as many others.
    pub(super) fn compare(&self, some: usize, others: usize) -> Option<()> {
        self.spend(some.saturating_mul(others) / 16)
    }
}

impl<'a> World<'a> {
    /// As it was decided.
    pub(super) fn new(basis: &'a ExplainedDecision<'a>) -> Result<Self, String> {
        let rows = basis.slice.iter().map(SeenEntity::asked_row);
        let entities = basis.slice.iter().map(|seen| &seen.loaded.entity);
        let entities = basis.decider.entities(entities);
        let entities = entities.map_err(|error| error.to_string())?;
        let linked = basis.linked(&entities)?;
        let mut world = Self {
            basis,
            rows: rows
                .map(|row| (row.uid.clone(), Arc::new(row.into_owned())))
                .collect(),
            context: (*basis.question.context).clone(),
            touched: Vec::new(),
            weight: 0,
            entities,
            linked,
            request: basis.question.request.clone(),
        };
        world.weight = world.weigh();
        basis.step(world.weight);
        Ok(world)
    }

    fn weigh(&self) -> usize {
        let rows = self.rows.values().map(|row| of_row(row).max(20));
        20 + rows.sum::<usize>() + of_record(&self.context)
    }

    /// The same with changes; `None` where they cannot be made, or are too much work.
    pub(super) fn with<'e>(&self, edits: impl IntoIterator<Item = &'e Edit>) -> Option<Self> {
        self.basis.spend(self.rows.len())?;
        let mut world = self.clone();
        for edit in edits {
            world.apply(edit)?;
        }
        world.weight = world.weigh();
        self.basis.spend(world.weight)?;
        let rows = world.rows.values();
        let entities = rows.map(|row| row.to_entity().ok().map(SharedEntity::from));
        let entities: Vec<SharedEntity> = entities.collect::<Option<_>>()?;
        world.entities = self.basis.decider.entities(entities.iter()).ok()?;
        world.linked = self.basis.linked(&world.entities).ok()?;
        world.request = self.request_with(&world.context, None)?;
        Some(world)
    }

    /// The request with a context.
    fn request_with(
        &self,
        context: &Record,
        schema: Option<&cedar_policy::Schema>,
    ) -> Option<Request> {
        let question = self.basis.question;
        let pairs = context.iter();
        let pairs = pairs.map(|(name, value)| (name.to_string(), value.to_expression()));
        Request::new(
            question.principal.clone(),
            question.action.clone(),
            question.resource.clone(),
            Context::from_pairs(pairs).ok()?,
            schema,
        )
        .ok()
    }

    /// Returns true if entities and context fit the schema; false also where that is too much work
    /// to tell.
    pub(super) fn fits(&self) -> bool {
        if self.basis.spend(self.weight.saturating_mul(3)).is_none() {
            return false;
        }
        let schema = self.basis.decider.bundle.schema.cedar();
        let fits = |row: &Row| {
            let entity = row.to_entity().ok();
            entity.is_some_and(|entity| Entities::from_entities([entity], Some(schema)).is_ok())
        };
        self.rows.values().all(|row| fits(row))
            && self.request_with(&self.context, Some(schema)).is_some()
    }

    /// Evaluates an expression, if that is not too much work.
    pub(super) fn evaluate(&self, expression: &Expr) -> Result<EvalResult, String> {
        let work = size(expression) + self.weight / LOOKED_AT;
        let spent = self.basis.spend(work);
        spent.ok_or_else(|| "it is too much work".to_owned())?;
        let found = eval_expression(&self.request, &self.entities, &expression_of(expression))
            .map_err(|error| error.to_string())?;
        self.basis.step(of_result(&found));
        Ok(found)
    }

    pub(super) fn is(&self, expression: &Expr, want: bool) -> bool {
        matches!(self.evaluate(expression), Ok(EvalResult::Bool(found)) if found == want)
    }

    pub(super) fn value(&self, expression: &Expr) -> Option<Value> {
        value_of(&self.evaluate(expression).ok()?)
    }

    pub(super) fn entity(&self, expression: &Expr) -> Option<EntityUid> {
        // It is none, and may be large.
        if *expression == Expr::Var(Var::Context) {
            return None;
        }
        match self.evaluate(expression) {
            Ok(EvalResult::EntityUid(uid)) => Some(uid),
            _ => None,
        }
    }

    /// The policies that links of the store make for these entities.
    pub(super) fn linked(&self) -> &LinkedPolicies {
        &self.linked
    }

    /// The entities.
    pub(super) fn entities(&self) -> &Entities {
        &self.entities
    }

    /// Returns true if a policy, a permit or a forbid, is satisfied by itself; false also where that is too much work to
    /// tell.
    pub(super) fn satisfies(&self, policy: &Policy) -> bool {
        if self.basis.spend(50 + self.weight / LOOKED_AT).is_none() {
            return false;
        }
        let Ok(set) = PolicySet::from_policies([policy.clone()]) else {
            return false;
        };
        let response = Authorizer::new().is_authorized(&self.request, &set, &self.entities);
        let diagnostics = response.diagnostics();
        diagnostics.reason().next().is_some() && diagnostics.errors().next().is_none()
    }

    /// The decision by all policies, as the engine makes it.
    pub(super) fn decide(&self) -> Decision {
        let ExplainedDecision {
            question, decider, ..
        } = self.basis;
        let sets =
            decider
                .shard
                .policies_for(&question.principal, &question.resource, &self.entities);
        let each = 20 + self.weight / LOOKED_AT;
        for set in sets.chain(self.linked.set()) {
            self.basis.step(each.saturating_mul(set.num_of_policies()));
        }
        decider.decide_over(question, &self.request, &self.entities, &self.linked)
    }

    /// Where the value of an expression is kept, if it is kept anywhere.
    pub(super) fn spot(&self, expression: &Expr) -> Option<Spot> {
        let spot = match expression {
            Expr::GetAttr { expr, attr } => {
                let name: Arc<str> = Arc::from(attr.as_str());
                if **expr == Expr::Var(Var::Context) {
                    ValuePlace::Context(name).into()
                } else if let Some(uid) = self.entity(expr) {
                    ValuePlace::Attribute(uid, name).into()
                } else {
                    let mut spot = self.spot(expr)?;
                    spot.members.push(name);
                    spot
                }
            }
            Expr::BinaryOp {
                op: BinaryOp::GetTag,
                left,
                right,
            } => match (self.entity(left)?, self.value(right)?) {
                (uid, Value::String(key)) => ValuePlace::Tag(uid, key).into(),
                _ => return None,
            },
            _ => return None,
        };
        match &spot.place {
            ValuePlace::Attribute(uid, _) | ValuePlace::Tag(uid, _)
                if !self.rows.contains_key(uid) =>
            {
                None
            }
            _ => Some(spot),
        }
    }

    /// An expression with the ids that paths lead to in their place: what is looked at,
    /// and not how it was come to. Where that is too much work it is left as it is.
    pub(super) fn resolved(&self, expression: &Expr) -> Expr {
        if self.basis.is_tired() {
            return expression.clone();
        }
        let all = |expression: &Expr| Arc::new(self.resolved(expression));
        let entity = |expression: &Expr| match self.entity(expression) {
            Some(uid) => Arc::new(literal(&uid)),
            None => all(expression),
        };
        let mut resolved = expression.clone();
        match &mut resolved {
            Expr::GetAttr { expr, .. } | Expr::HasAttr { expr, .. } => *expr = entity(expr),
            Expr::BinaryOp {
                op: BinaryOp::GetTag | BinaryOp::HasTag,
                left,
                right,
            } => {
                *left = entity(left);
                *right = match self.value(right) {
                    Some(Value::String(key)) => {
                        Arc::new(Expr::Literal(Literal::String(key.as_ref().into())))
                    }
                    _ => all(right),
                };
            }
            Expr::BinaryOp { left, right, .. } => (*left, *right) = (all(left), all(right)),
            Expr::UnaryOp { expr, .. } | Expr::Like { expr, .. } => *expr = all(expr),
            Expr::Is { expr, in_expr, .. } => {
                *expr = all(expr);
                *in_expr = in_expr.as_deref().map(all);
            }
            Expr::IfThenElse {
                cond,
                then_expr,
                else_expr,
            } => {
                *cond = all(cond);
                *then_expr = all(then_expr);
                *else_expr = all(else_expr);
            }
            _ => {}
        }
        resolved
    }

    /// The value that is kept at a place.
    pub(super) fn root(&self, place: &ValuePlace) -> Option<&Value> {
        match place {
            ValuePlace::Attribute(uid, name) => self.rows.get(uid)?.attributes.get(name),
            ValuePlace::Tag(uid, key) => self.rows.get(uid)?.tags.get(key),
            ValuePlace::Context(name) => self.context.get(name),
        }
    }

    pub(super) fn at(&self, spot: &Spot) -> Option<&Value> {
        within(self.root(&spot.place), &spot.members)
    }

    /// Some value for a spot.
    pub(super) fn made_up(&self, spot: &Spot) -> Option<Value> {
        let schema = &self.basis.decider.bundle.schema;
        let mut ty = spot.place.type_in(schema, &self.basis.question.action)?;
        for member in &spot.members {
            let crate::schema::Type::Record(shape) = &ty else {
                return None;
            };
            ty = shape.attributes.get(member)?.ty.clone();
        }
        let key = match &spot.place {
            ValuePlace::Tag(_, key) if spot.members.is_empty() => Some(&**key),
            _ => None,
        };
        made_up(&ty, schema, &self.rows, key)
    }
}
