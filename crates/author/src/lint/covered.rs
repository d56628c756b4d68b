//! Permits that another permit covers: taking them away would change no decision.
//!
//! A permit that is found is covered, by the words alone: the scope of the other one is as wide or wider, and it has
//! no condition that the first does not have as well. What only a proof could find is not.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cedar_policy::Effect;
use serde_json::{Map, Value as Json};

use peppol_authz_engine::policy::{Bundle, Fault, PolicyInfo, Severity};

/// A permit, as far as it is compared.
struct Permit<'a> {
    info: &'a Arc<PolicyInfo>,
    /// Principal, action and resource.
    scope: [Json; 3],
    /// All of them have to hold.
    conditions: BTreeSet<String>,
}

/// A warning for each permit that another one covers.
pub(super) fn covered(bundle: &Bundle) -> Vec<Fault> {
    // Links are data: to compare each with each would take too long, and a surplus one is no slip.
    let permits = bundle.policies().into_iter();
    let permits = permits.filter(|info| info.effect == Effect::Permit && info.link.is_none());
    let permits: Vec<Permit<'_>> = permits.filter_map(Permit::of).collect();
    // A permit that covers another has its own first condition among that one's. So not every two are
    // compared.
    let mut by_condition: HashMap<Option<&str>, Vec<usize>> = HashMap::new();
    for (i, permit) in permits.iter().enumerate() {
        let first = permit.conditions.first().map(String::as_str);
        by_condition.entry(first).or_default().push(i);
    }
    let mut faults = Vec::new();
    for (i, permit) in permits.iter().enumerate() {
        let conditions = permit.conditions.iter().map(|it| Some(it.as_str()));
        let others = std::iter::once(None).chain(conditions);
        let mut others = others.flat_map(|first| by_condition.get(&first).into_iter().flatten());
        let covering = others.find_map(|&j| {
            let other = permits.get(j).filter(|_| i != j)?;
            // Of two that are the same, the first one is no surplus.
            let is_one = other.covers(permit) && !(permit.covers(other) && i < j);
            is_one.then_some(other.info)
        });
        faults.extend(covering.map(|other| fault(permit.info, other)));
    }
    faults
}

fn fault(info: &PolicyInfo, other: &PolicyInfo) -> Fault {
    let text = format!("`{}` permits nothing that `{}` does not", info.id, other.id);
    Fault::new(&info.file, Severity::Warning, text)
        .at(info.place.start, info.place.len())
        .advise("remove it, or narrow the other one")
}

impl<'a> Permit<'a> {
    /// `None` for one that cannot be written as JSON.
    fn of(info: &'a Arc<PolicyInfo>) -> Option<Self> {
        let Ok(Json::Object(mut json)) = info.policy.to_json() else {
            return None;
        };
        let mut part = |name: &str| json.remove(name);
        let scope = [part("principal")?, part("action")?, part("resource")?];
        let mut conditions = BTreeSet::new();
        for condition in part("conditions")?.as_array()? {
            let body = condition.get("body")?;
            if condition.get("kind")? == "when" {
                each_conjunct(body, &mut conditions);
            } else {
                conditions.insert(format!("unless {body}"));
            }
        }
        Some(Self {
            info,
            scope,
            conditions,
        })
    }

    /// Returns true if it permits all that the other one does, and obliges to the same.
    fn covers(&self, other: &Self) -> bool {
        let [principal, action, resource] = &self.scope;
        let [other_principal, other_action, other_resource] = &other.scope;
        let obliges = &other.info.obligation;
        (obliges.is_none() || *obliges == self.info.obligation)
            && self.conditions.is_subset(&other.conditions)
            && is_wider(principal, other_principal)
            && is_wider(resource, other_resource)
            && is_wider_action(action, other_action)
    }
}

/// The parts of a chain of `&&`.
fn each_conjunct(body: &Json, conjuncts: &mut BTreeSet<String>) {
    let both = body.get("&&").and_then(Json::as_object);
    match both.and_then(|both| Some((both.get("left")?, both.get("right")?))) {
        Some((left, right)) => {
            each_conjunct(left, conjuncts);
            each_conjunct(right, conjuncts);
        }
        None => {
            conjuncts.insert(body.to_string());
        }
    }
}

/// Returns true if a constraint on principals or resources holds wherever the other one does.
fn is_wider(wide: &Json, narrow: &Json) -> bool {
    let is_all = wide.get("op") == Some(&"All".into());
    let of_type = |constraint: &Json| {
        let named = constraint.get("entity_type");
        named.or(constraint.pointer("/entity/type")).cloned()
    };
    let is_of_type = wide.get("op") == Some(&"is".into()) && wide.get("in").is_none();
    is_all
        || wide == narrow
        || is_of_type && matches!(op(narrow), Some("is" | "==")) && of_type(wide) == of_type(narrow)
}

/// The same for actions.
fn is_wider_action(wide: &Json, narrow: &Json) -> bool {
    let all = |constraint: &Json| -> Vec<Json> {
        let many = constraint.get("entities").and_then(Json::as_array);
        let one = constraint.get("entity");
        many.into_iter().flatten().chain(one).cloned().collect()
    };
    let wide_ones = all(wide);
    let holds_all = matches!(op(wide), Some("in" | "=="))
        && matches!(op(narrow), Some("in" | "=="))
        // `==` a group is no action of the group.
        && !(op(wide) == Some("==") && op(narrow) == Some("in"))
        && all(narrow).iter().all(|action| wide_ones.contains(action));
    op(wide) == Some("All") || wide == narrow || holds_all
}

fn op(constraint: &Json) -> Option<&str> {
    constraint
        .as_object()
        .and_then(|it: &Map<_, _>| it.get("op")?.as_str())
}
