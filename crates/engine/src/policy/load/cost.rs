//! The greatest cost of a validation.
//!
//! Cedar looks at each policy for each kind of question, and cannot be stopped. So the steps are
//! counted before it begins, in time that grows with the length of the texts alone.

use std::collections::BTreeMap;

use cedar_policy::{ActionConstraint, Entities, EntityTypeName};

use super::written::WrittenPolicies;
use crate::policy::fault::{Fault, Severity};
use crate::policy::info::PolicyInfo;
use crate::policy::scope::{applies_to, can_be_between};
use crate::schema::{RecordType, Schema, Type};

/// Kinds of questions for policies: the product of both numbers, and of the entries of a scope.
const MAX_SCOPES: u64 = 4_000_000;

/// Expressions that are looked at, each once for each kind of question that its policy is for. So
/// many take half a minute.
const MAX_STEPS: u64 = 2_000_000;

/// Attributes of a record that it takes as long to copy as to look at an expression.
const ATTRIBUTES: u64 = 64;

/// Returns true if the policies can be validated in bounded time. If not, the fault is of the
/// policy that needs most of it.
pub(super) fn is_bounded(
    schema: &Schema,
    written: &WrittenPolicies,
    faults: &mut Vec<Fault>,
) -> bool {
    let policies: Vec<&PolicyInfo> = written.all().collect();
    let Ok(entities) = schema.cedar().action_entities() else {
        // The schema is refused for it elsewhere.
        return true;
    };
    let kinds = Kinds::new(schema);
    let scopes = policies
        .iter()
        .map(|info| kinds.all.saturating_mul(entries(info)));
    let (total, heaviest) = sum(scopes);
    if total > MAX_SCOPES {
        let text = format!(
            "the schema has {} kinds of questions and there are {} policies: to compare them takes \
             {total} steps, where {MAX_SCOPES} are the most",
            kinds.all,
            policies.len()
        );
        faults.extend(policies.get(heaviest).map(|info| {
            let fault = at(info, text);
            fault.advise("write fewer policies, or fewer types that an action is for")
        }));
        return false;
    }
    // Cedar looks at a template for each type that an entity in its slots can have.
    let policies_alone = written.policies.iter().map(|info| (info, 1));
    let templates = written.templates.iter();
    let templates = templates.map(|it| {
        let slots = u32::try_from(it.slots().len()).unwrap_or(u32::MAX);
        (&it.info, kinds.above.saturating_pow(slots))
    });
    let steps = policies_alone.chain(templates).map(|(info, slots)| {
        let each = info.weight.steps().saturating_mul(kinds.widest);
        let each = each.saturating_mul(kinds.of(info, &entities));
        each.saturating_mul(slots)
    });
    let (total, heaviest) = sum(steps.clone());
    if total > MAX_STEPS {
        let own = steps.clone().nth(heaviest).unwrap_or_default();
        let text = format!(
            "to validate the policies takes {total} steps, where {MAX_STEPS} are the most, and {own} \
             of them are of this policy"
        );
        faults.extend(policies.get(heaviest).map(|info| {
            let fault = at(info, text);
            fault.advise(
                "name its action and the types of principal and resource, write a chain of `||` as \
                 `[…].contains(…)`, or leave out what it asks twice",
            )
        }));
        return false;
    }
    true
}

fn at(info: &PolicyInfo, text: String) -> Fault {
    Fault::new(&info.file, Severity::Invalid, text).at(info.place.start, info.place.len())
}

/// The sum, and the place of the greatest.
fn sum(all: impl Iterator<Item = u64>) -> (u64, usize) {
    let (mut total, mut greatest) = (0_u64, (0, 0));
    for (place, each) in all.enumerate() {
        total = total.saturating_add(each);
        greatest = greatest.max((each, usize::MAX - place));
    }
    (total, usize::MAX - greatest.1)
}

/// How much is compared of a policy's scope.
fn entries(info: &PolicyInfo) -> u64 {
    match info.policy.action_constraint() {
        ActionConstraint::In(groups) => 1 + groups.len() as u64,
        ActionConstraint::Any | ActionConstraint::Eq(_) => 1,
    }
}

/// The kinds of questions of a schema.
struct Kinds<'a> {
    schema: &'a Schema,
    all: u64,
    /// How many times as long an expression takes, since records are so wide.
    widest: u64,
    /// The most types that an entity can be in, its own among them.
    above: u64,
}

impl<'a> Kinds<'a> {
    fn new(schema: &'a Schema) -> Self {
        let actions = schema.actions();
        let all = actions
            .iter()
            .map(|action| action.principals.len() as u64 * action.resources.len() as u64);
        let contexts = actions.iter().map(|action| &*action.context);
        let types = schema.entity_types();
        let shapes = types.iter().map(|found| &*found.shape);
        let widest = contexts.chain(shapes).map(parts).max().unwrap_or_default();
        Self {
            schema,
            all: all.sum(),
            widest: 1 + widest / ATTRIBUTES,
            above: 1 + types
                .iter()
                .map(|found| found.ancestors.len() as u64)
                .max()
                .unwrap_or_default(),
        }
    }

    /// The number of those that a policy is for.
    fn of(&self, info: &PolicyInfo, entities: &Entities) -> u64 {
        let mut between: BTreeMap<(&EntityTypeName, &EntityTypeName), bool> = BTreeMap::new();
        let mut count = 0;
        for action in self.schema.actions() {
            if !applies_to(&info.policy, entities, &action.uid) {
                continue;
            }
            for principal in &action.principals {
                for resource in &action.resources {
                    let found = between.entry((principal, resource));
                    count += u64::from(
                        *found.or_insert_with(|| can_be_between(&info.policy, principal, resource)),
                    );
                }
            }
        }
        count
    }
}

/// The attributes of a record, and of the records in it.
fn parts(record: &RecordType) -> u64 {
    let attributes = record.attributes.values();
    attributes
        .map(|attribute| 1 + parts_of(&attribute.ty))
        .sum()
}

fn parts_of(of: &Type) -> u64 {
    match of {
        Type::Record(record) => parts(record),
        Type::Set(element) => parts_of(element),
        Type::Bool | Type::Long | Type::String | Type::Entity(_) | Type::Extension(_) => 0,
    }
}
