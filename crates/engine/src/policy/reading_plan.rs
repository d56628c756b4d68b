//! The entities that a set of policies can read, found once at load.
//!
//! A policy reaches an entity by following attributes from the principal, the
//! resource or the context, and a tag by its key. The plan lists the names that
//! are followed and the tags that are asked for, so that of a relation with
//! 10,000 members one is loaded and of an entity's references only those that
//! matter. It may name too much, never too little: every attribute that occurs
//! anywhere below a dereference counts as followed.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy::pst::{self, BinaryOp, Clause, Expr, Literal, Var};
use cedar_policy::{
    EntityId, EntityTypeName, EntityUid, Policy, PrincipalConstraint, ResourceConstraint,
};

use super::weight::{Weight, each_child};

/// The greatest depth to which a policy's expressions may be nested. Cedar gives up at a depth that
/// depends on the thread's stack (478 on 2 MiB, 2,001 on 8 MiB), and then skips
/// the policy, even one that forbids.
pub const MAX_DEPTH: usize = 200;

/// The entities and tags to load for a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReadingPlan {
    /// Attributes whose entities are loaded.
    pub(crate) follow: BTreeSet<Arc<str>>,
    /// True if entities in tags are loaded.
    pub(crate) follow_tags: bool,
    /// The tags that are asked for.
    pub(crate) probes: BTreeSet<Probe>,
    /// True if tags are asked for in a way that cannot be foretold: all are loaded.
    pub(crate) all_tags: bool,
    /// The number of references that are followed from the question's own entities.
    pub(crate) level: u32,
    /// The entities that the policies themselves name and look into, each a root as those of the
    /// question are.
    pub(crate) literals: BTreeSet<EntityUid>,
    /// The same of policies whose scope names one principal, by it.
    of_principal: LiteralsOfOne,
    /// The same of those that name one resource.
    of_resource: LiteralsOfOne,
}

/// Entities that policies look into, by the one principal or resource that the policies are for.
type LiteralsOfOne = BTreeMap<EntityUid, BTreeSet<EntityUid>>;

/// One tag that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Probe {
    /// The entity.
    pub(crate) entity: Path,
    /// The key of the tag.
    pub(crate) key: TagKey,
}

/// A tag's key, as a policy writes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TagKey {
    /// The value at a path.
    At(Path),
    /// A literal.
    Literal(Arc<str>),
    /// An expression of another form: all tags of the entity are loaded.
    Any,
}

/// A sequence of attributes, from one of the three things that a question names or from an entity
/// that a policy names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path {
    /// Where it starts.
    pub(crate) root: Root,
    /// The attributes, from the outside in.
    pub(crate) attributes: Vec<Arc<str>>,
}

/// Where a path starts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Root {
    /// The principal.
    Principal,
    /// The resource.
    Resource,
    /// The context.
    Context,
    /// An entity that a policy names.
    Literal(EntityUid),
}

/// A policy whose expressions cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadingPlanError {
    /// Cedar gives no readable form of it.
    #[error("the policy cannot be analysed: {0}")]
    Unreadable(String),
    /// It is nested deeper than [`MAX_DEPTH`].
    #[error("nested {0} deep, where {MAX_DEPTH} is the most")]
    TooDeep(usize),
}

impl ReadingPlan {
    /// Adds the entities and tags that a policy can read. Returns the policy's weight, and true if it
    /// is switched off.
    ///
    /// # Errors
    /// A policy that has no readable form.
    pub(super) fn add(&mut self, policy: &Policy) -> Result<(Weight, bool), ReadingPlanError> {
        let scope = (policy.principal_constraint(), policy.resource_constraint());
        let policy = policy
            .to_pst()
            .map_err(|error| ReadingPlanError::Unreadable(error.to_string()))?;
        let mut weight = Weight::default();
        for clause in policy.body().clauses() {
            let (Clause::When(expression) | Clause::Unless(expression)) = clause;
            weight = weight.beside(Weight::of(expression));
        }
        // Cedar joins clauses by `&&`, each around the one before.
        weight.depth += policy.body().clauses().len();
        // The rest takes as long as the policy is long and deep.
        if weight.depth > MAX_DEPTH {
            return Err(ReadingPlanError::TooDeep(weight.depth));
        }
        for clause in policy.body().clauses() {
            let (Clause::When(expression) | Clause::Unless(expression)) = clause;
            self.walk(expression);
        }
        self.narrow(scope);
        let is_off = policy.body().clauses().iter().any(|clause| match clause {
            Clause::When(expression) => **expression == Expr::Literal(Literal::Bool(false)),
            Clause::Unless(expression) => **expression == Expr::Literal(Literal::Bool(true)),
        });
        Ok((weight, is_off))
    }

    /// Adds all that another plan loads.
    pub(crate) fn join(&mut self, other: &Self) {
        self.follow.extend(other.follow.iter().cloned());
        self.follow_tags |= other.follow_tags;
        self.all_tags |= other.all_tags;
        self.level = self.level.max(other.level);
        self.probes.extend(other.probes.iter().cloned());
        self.literals.extend(other.literals.iter().cloned());
        for (own, others) in [
            (&mut self.of_principal, &other.of_principal),
            (&mut self.of_resource, &other.of_resource),
        ] {
            for (one, literals) in others {
                let all = own.entry(one.clone()).or_default();
                all.extend(literals.iter().cloned());
            }
        }
    }

    /// The entities that the policies name and look into which can match these two. Of an unknown one all
    /// could match.
    pub(crate) fn literals_for<'a>(
        &'a self,
        principal: Option<&'a EntityUid>,
        resource: Option<&'a EntityUid>,
    ) -> impl Iterator<Item = &'a EntityUid> {
        let single = [
            (&self.of_principal, principal),
            (&self.of_resource, resource),
        ];
        let single = single.into_iter().flat_map(|(by_one, one)| {
            let all = by_one.iter().filter(move |_| one.is_none());
            let all = all.map(|(_, literals)| literals);
            all.chain(one.and_then(|one| by_one.get(one))).flatten()
        });
        self.literals.iter().chain(single)
    }

    /// The same plan for every principal and resource: all policies count.
    pub(crate) fn for_all(&self) -> Cow<'_, Self> {
        if self.of_principal.is_empty() && self.of_resource.is_empty() {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Self {
            literals: self.literals_for(None, None).cloned().collect(),
            ..self.clone()
        })
    }

    /// Returns true if all tags of some entity are loaded.
    pub(crate) fn loads_all_tags(&self) -> bool {
        self.all_tags || self.probes.iter().any(|probe| probe.key == TagKey::Any)
    }

    /// Returns true if this plan loads everything that another one loads.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let asked = |probe: &Probe| {
            let any = Probe {
                key: TagKey::Any,
                ..probe.clone()
            };
            self.probes.contains(probe) || self.probes.contains(&any)
        };
        self.level >= other.level
            && self.follow.is_superset(&other.follow)
            && self.literals.is_superset(&other.literals)
            && self.has_literals(&self.of_principal, &other.of_principal)
            && self.has_literals(&self.of_resource, &other.of_resource)
            && (self.follow_tags || !other.follow_tags)
            && (self.all_tags || (!other.all_tags && other.probes.iter().all(asked)))
    }

    fn has_literals(&self, own: &LiteralsOfOne, others: &LiteralsOfOne) -> bool {
        others.iter().all(|(one, literals)| {
            let own = own.get(one);
            let mut literals = literals.iter();
            literals
                .all(|uid| self.literals.contains(uid) || own.is_some_and(|own| own.contains(uid)))
        })
    }

    /// The plan is that of one policy: the entities that it looks into count where its scope can match.
    fn narrow(&mut self, scope: (PrincipalConstraint, ResourceConstraint)) {
        let literals = std::mem::take(&mut self.literals);
        let (by_one, one) = match scope {
            _ if literals.is_empty() => return,
            (_, ResourceConstraint::Eq(uid)) => (&mut self.of_resource, uid),
            (PrincipalConstraint::Eq(uid), _) => (&mut self.of_principal, uid),
            _ => {
                self.literals = literals;
                return;
            }
        };
        by_one.insert(one, literals);
    }

    fn walk(&mut self, expression: &Expr) {
        match expression {
            Expr::GetAttr { expr, .. } => self.follow(expr),
            Expr::HasAttr { expr, attrs } => {
                self.follow(expr);
                // `a has b.c` looks into `b`.
                let between = attrs.iter().take(attrs.len().saturating_sub(1));
                self.follow
                    .extend(between.map(|name| Arc::from(name.as_str())));
            }
            Expr::BinaryOp {
                op: BinaryOp::In,
                left,
                ..
            }
            | Expr::Is { expr: left, .. } => self.follow(left),
            Expr::BinaryOp {
                op: BinaryOp::GetTag | BinaryOp::HasTag,
                left,
                right,
            } => {
                self.follow(left);
                self.probe(left, right);
            }
            _ => {}
        }
        each_child(expression, &mut |child| self.walk(child));
    }

    /// The value of `expression` is looked into: every attribute or tag that it may come from
    /// is followed.
    fn follow(&mut self, expression: &Expr) {
        match expression {
            Expr::GetAttr { attr, .. } => {
                self.follow.insert(Arc::from(attr.as_str()));
            }
            Expr::BinaryOp {
                op: BinaryOp::GetTag,
                ..
            } => self.follow_tags = true,
            Expr::Literal(Literal::EntityUID(uid)) => self.literals.extend(entity(uid)),
            _ => {}
        }
        each_child(expression, &mut |child| self.follow(child));
    }

    fn probe(&mut self, of: &Expr, key: &Expr) {
        let Some(entity) = Path::of(of) else {
            self.all_tags = true;
            return;
        };
        let key = match key {
            Expr::Literal(Literal::String(text)) => TagKey::Literal(Arc::from(text.as_str())),
            other => Path::of(other).map_or(TagKey::Any, TagKey::At),
        };
        self.probes.insert(Probe { entity, key });
    }
}

impl Path {
    fn of(expression: &Expr) -> Option<Self> {
        match expression {
            Expr::Var(var) => {
                let root = match var {
                    Var::Principal => Root::Principal,
                    Var::Resource => Root::Resource,
                    Var::Context => Root::Context,
                    Var::Action => return None,
                };
                Some(Self {
                    root,
                    attributes: Vec::new(),
                })
            }
            Expr::Literal(Literal::EntityUID(uid)) => Some(Self {
                root: Root::Literal(entity(uid)?),
                attributes: Vec::new(),
            }),
            Expr::GetAttr { expr, attr } => {
                let mut path = Self::of(expr)?;
                path.attributes.push(Arc::from(attr.as_str()));
                Some(path)
            }
            _ => None,
        }
    }
}

/// The entity of a literal.
fn entity(uid: &pst::EntityUID) -> Option<EntityUid> {
    let name: EntityTypeName = uid.ty.to_string().parse().ok()?;
    let id = EntityId::new(&uid.eid);
    Some(EntityUid::from_type_name_and_id(name, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(level: u32, follow: &[&str], probes: &[(&[&str], TagKey)]) -> ReadingPlan {
        let path = |attributes: &[&str]| Path {
            root: Root::Principal,
            attributes: attributes.iter().copied().map(Arc::from).collect(),
        };
        let probes = probes.iter().map(|(entity, key)| Probe {
            entity: path(entity),
            key: key.clone(),
        });
        ReadingPlan {
            follow: follow.iter().copied().map(Arc::from).collect(),
            probes: probes.collect(),
            level,
            ..ReadingPlan::default()
        }
    }

    fn literal(key: &str) -> TagKey {
        TagKey::Literal(key.into())
    }

    fn all_tags() -> ReadingPlan {
        ReadingPlan {
            all_tags: true,
            ..plan(2, &["a"], &[])
        }
    }

    fn follows_tags() -> ReadingPlan {
        ReadingPlan {
            follow_tags: true,
            ..plan(2, &["a"], &[])
        }
    }

    /// Some, each of which loads something that the first does not.
    fn others() -> Vec<ReadingPlan> {
        vec![
            plan(3, &["a"], &[]),
            plan(2, &["a", "b"], &[]),
            plan(2, &["a"], &[(&["a"], literal("k"))]),
            plan(2, &["a"], &[(&["a"], TagKey::Any)]),
            all_tags(),
            follows_tags(),
        ]
    }

    #[test]
    fn a_plan_covers_what_loads_no_more() {
        let first = plan(2, &["a"], &[]);
        assert!(first.covers(&first) && first.covers(&ReadingPlan::default()));
        for other in others() {
            assert!(!first.covers(&other), "{other:?}");
            assert!(other.covers(&first), "{other:?}");
        }
    }

    #[test]
    fn whoever_loads_all_tags_loads_each() {
        let one = plan(2, &["a"], &[(&["a"], literal("k"))]);
        let any = plan(2, &["a"], &[(&["a"], TagKey::Any)]);
        let elsewhere = plan(2, &["a"], &[(&[], TagKey::Any)]);
        assert!(any.covers(&one) && all_tags().covers(&one) && all_tags().covers(&any));
        assert!(!one.covers(&any) && !elsewhere.covers(&one) && !any.covers(&all_tags()));
    }

    fn looks_into(policy: &str) -> ReadingPlan {
        let mut plan = ReadingPlan::default();
        plan.add(&policy.parse().unwrap()).unwrap();
        plan
    }

    #[test]
    fn a_policy_for_one_looks_into_entities_for_that_one_alone() {
        let of_all = looks_into("permit(principal, action, resource) when { S::\"all\".on };");
        let of_a =
            looks_into("permit(principal == U::\"a\", action, resource) when { S::\"a\".on };");
        let of_b =
            looks_into("forbid(principal, action, resource == D::\"b\") when { S::\"b\".on };");
        let mut plan = of_all.clone();
        plan.join(&of_a);
        plan.join(&of_b);
        let [a, b] = ["U::\"a\"", "D::\"b\""].map(|uid| uid.parse::<EntityUid>().unwrap());
        let ids = |principal, resource| {
            let found = plan.literals_for(principal, resource);
            found.map(|uid| uid.id().unescaped()).collect::<Vec<_>>()
        };
        assert_eq!(ids(Some(&b), Some(&a)), ["all"]);
        assert_eq!(ids(Some(&a), Some(&a)), ["all", "a"]);
        assert_eq!(ids(Some(&a), None), ["all", "a", "b"]);
        assert_eq!(ids(None, None), ["all", "a", "b"]);
        assert_eq!(plan.for_all().literals.len(), 3);
        for one in [&of_all, &of_a, &of_b] {
            assert!(plan.covers(one) && !one.covers(&plan));
        }
        assert!(plan.for_all().covers(&plan) && !plan.covers(&plan.for_all()));
    }

    #[test]
    fn two_together_cover_both() {
        for one in others() {
            for other in others() {
                let mut both = one.clone();
                both.join(&other);
                assert!(
                    both.covers(&one) && both.covers(&other),
                    "{one:?} {other:?}"
                );
            }
        }
    }
}
