//! The values by which permits hold.
//!
//! Cedar evaluates them, as for an explanation. One search asks about many entities on its open side, and the
//! policies see the same of most: what a role is, and not whose. So where an entity has the same values as one before, in
//! all that the permits can see of it, their values are those of before.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use cedar_policy::pst::{BinaryOp, Clause, Expr, Var};
use cedar_policy::{EntityUid, Policy, PolicyId, PrincipalConstraint, ResourceConstraint};

use super::{PermitValues, ReviewError};
use crate::decide::{Decision, Question};
use crate::explain::Explanation;
use crate::policy::Bundle;
use crate::schema::{Row, Value};
use crate::search::{Sought, WholeSearch};

/// The most that is kept of one search.
const MOST: usize = 256;

/// The values of permits, as rights share them.
type Values = Arc<[PermitValues]>;

/// All that the permits of a right can see of an entity.
#[derive(PartialEq, Eq, Hash)]
struct Seen {
    policies: Vec<Arc<str>>,
    attributes: Vec<Option<Value>>,
    tags: Vec<(Arc<str>, Value)>,
    ancestors: Vec<EntityUid>,
}

/// Finds the values of the permits of one search.
#[derive(Default)]
pub(super) struct PermitReader {
    /// By policy, the attributes that it names; `None` where it can see who the entity is.
    names: HashMap<Arc<str>, Option<BTreeSet<String>>>,
    known: HashMap<Seen, Values>,
}

impl PermitReader {
    /// The values of the permits that a decision of a search rests on.
    ///
    /// # Errors
    /// A permit that cannot be explained.
    pub(super) fn values(
        this: &Mutex<Self>,
        search: &WholeSearch,
        question: &Question,
        decision: &Decision,
    ) -> Result<Values, ReviewError> {
        let bundle = &search.session().state.bundle;
        let reader = || this.lock().unwrap_or_else(PoisonError::into_inner);
        let sought = search.search().sought;
        let seen = reader().seen(bundle, sought, question, decision);
        if let Some(seen) = &seen
            && let Some(values) = reader().known.get(seen)
        {
            return Ok(Arc::clone(values));
        }
        let explained = Explanation::of(bundle, question, decision);
        let explained = explained.map_err(|error| ReviewError::Unexplained {
            about: Box::new(super::parts_of(question)),
            why: error.to_string(),
        })?;
        let values: Values = explained
            .policies
            .into_iter()
            .map(|explained| PermitValues {
                policy: Arc::clone(&explained.info.id),
                read: explained.values,
                cut: explained.cut,
            })
            .collect();
        if let Some(seen) = seen {
            let mut reader = reader();
            if reader.known.len() >= MOST {
                reader.known.clear();
            }
            reader.known.insert(seen, Arc::clone(&values));
        }
        Ok(values)
    }

    /// All that the permits can see of the entity on the open side; `None` where that may be who it is.
    fn seen(
        &mut self,
        bundle: &Bundle,
        sought: Sought,
        question: &Question,
        decision: &Decision,
    ) -> Option<Seen> {
        let (uid, var) = match sought {
            Sought::Principals => (&question.principal, Var::Principal),
            Sought::Resources => (&question.resource, Var::Resource),
        };
        let mut slice = decision.slice.iter();
        let seen = slice.find(|seen| seen.loaded.row.uid == *uid)?;
        let row: &Row = &seen.loaded.row;
        let policies: Vec<_> = decision
            .reasons
            .iter()
            .map(|reason| reason.policy.clone())
            .collect::<Option<_>>()?;
        let mut attributes = Vec::new();
        for policy in &policies {
            let names = match self.names.get(policy) {
                Some(names) => names,
                None => {
                    let info = bundle.policy(&PolicyId::new(&**policy));
                    let names = info.and_then(|info| names(&info.policy, &var));
                    self.names.entry(Arc::clone(policy)).or_insert(names)
                }
            };
            let values = names.as_ref()?.iter();
            attributes.extend(values.map(|name| row.attributes.get(name.as_str()).cloned()));
        }
        let tags = seen.asked_tags();
        Some(Seen {
            policies,
            attributes,
            tags: tags
                .map(|(key, tag)| (Arc::clone(key), tag.clone()))
                .collect(),
            ancestors: row.ancestors.clone(),
        })
    }
}

/// The attributes of an entity of the question that a policy names; `None` where it uses that entity otherwise than
/// to look into it, so that it may depend on who that is.
fn names(policy: &Policy, var: &Var) -> Option<BTreeSet<String>> {
    let scope_is_open = match var {
        Var::Principal => matches!(
            policy.principal_constraint(),
            PrincipalConstraint::Any | PrincipalConstraint::Is(_)
        ),
        _ => matches!(
            policy.resource_constraint(),
            ResourceConstraint::Any | ResourceConstraint::Is(_)
        ),
    };
    if !scope_is_open {
        return None;
    }
    let mut reader = NameReader {
        var: var.clone(),
        names: BTreeSet::new(),
    };
    let policy = policy.to_pst().ok()?;
    let mut clauses = policy.body().clauses().iter();
    let is_open = clauses.all(|clause| match clause {
        Clause::When(expression) | Clause::Unless(expression) => reader.read(expression),
    });
    is_open.then_some(reader.names)
}

struct NameReader {
    var: Var,
    names: BTreeSet<String>,
}

impl NameReader {
    /// Reads an expression. Returns false if it may depend on who the entity is.
    fn read(&mut self, expression: &Expr) -> bool {
        match expression {
            Expr::Literal(_) => true,
            Expr::Var(var) => *var != self.var,
            Expr::GetAttr { expr, attr } => self.name(expr, attr.as_str()),
            Expr::HasAttr { expr, attrs } => {
                attrs.iter().all(|attr| self.name(expr, attr.as_str()))
            }
            Expr::BinaryOp {
                op: BinaryOp::GetTag | BinaryOp::HasTag,
                left,
                right,
            } => self.within(left) && self.read(right),
            Expr::BinaryOp { left, right, .. } => self.read(left) && self.read(right),
            Expr::UnaryOp { expr, .. } | Expr::Like { expr, .. } => self.read(expr),
            Expr::Is { expr, in_expr, .. } => match in_expr {
                None => self.within(expr),
                Some(above) => self.read(expr) && self.read(above),
            },
            Expr::IfThenElse {
                cond,
                then_expr,
                else_expr,
            } => self.read(cond) && self.read(then_expr) && self.read(else_expr),
            Expr::Set(elements) => elements.iter().all(|element| self.read(element)),
            Expr::Record(members) => members.values().all(|member| self.read(member)),
            // A form that this reader does not know may do anything.
            _ => false,
        }
    }

    fn name(&mut self, of: &Expr, attribute: &str) -> bool {
        // The values of another entity are the same for all of a search, or are told by the attribute that leads to it.
        if *of == Expr::Var(self.var.clone()) {
            self.names.insert(attribute.to_owned());
        }
        self.within(of)
    }

    /// Reads an expression that is looked into.
    fn within(&mut self, expression: &Expr) -> bool {
        matches!(expression, Expr::Var(_)) || self.read(expression)
    }
}
