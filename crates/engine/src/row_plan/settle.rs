//! Claims about entities, settled by the store: for which of them do they hold?

use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;

use cedar_policy::pst::{Expr, Var};
use cedar_policy::{EntityId, EntityTypeName, EntityUid};

use super::RowPlanOptions;
use super::condition::{RelatedRow, RowAttribute, RowCondition, RowTest};
use super::formula::{Claim, Formula, Terms};
use super::translate::Translator;
use super::trial::{Evaluable, Trial, Tried};
use super::uses::{AttributePlace, Level};
use crate::decide::Failure;
use crate::policy::{Bundle, Shard};
use crate::search::{ConditionReader, Search};
use crate::slice::{InState, Moved, SeenEntity, StateReading};
use crate::store::{Candidates, Condition, Store};
use crate::turn::Turn;

/// Candidates that are read and tried together.
const CHUNK: usize = 1024;

/// Tests that the store is asked to make, as for a search.
const TESTS: usize = 300;

/// Why settling ends early.
pub(super) enum Stop {
    /// A later state has taken the place of the one that was begun with.
    Moved,
    /// There is no plan.
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// A future that ends early.
type Settling<'f> = Pin<Box<dyn Future<Output = Result<RowCondition, Stop>> + Send + 'f>>;

/// Settles the claims of one plan.
pub(super) struct Settler<'a> {
    pub(super) search: &'a Search,
    pub(super) bundle: &'a Bundle,
    pub(super) shard: &'a Shard,
    pub(super) store: &'a dyn Store,
    pub(super) options: &'a RowPlanOptions,
    /// The entities that are known.
    pub(super) known: &'a [SeenEntity],
    /// Ids in the lists of the plan.
    pub(super) ids: usize,
    /// Expressions that were read.
    pub(super) steps: usize,
}

impl Settler<'_> {
    /// Settles all claims of a formula on the rows of a level.
    pub(super) fn settle<'f>(
        &'f mut self,
        formula: Formula,
        level: &'f Level,
        reading: &'f mut StateReading<'_>,
    ) -> Settling<'f> {
        Box::pin(async move {
            let mut constants = Vec::new();
            formula.constants(&mut constants);
            let mut holds = Vec::with_capacity(constants.len());
            for terms in constants {
                let trial = Trial::of_nothing(&self.search.of)?;
                let found = self.tried(&[trial], &Evaluable::of(terms), reading).await?;
                holds.push(found == [true]);
            }
            let formula = formula.settled(&mut holds.into_iter()).strengthened();
            let condition = self.settled(formula, level, reading).await?;
            Ok(condition.of_whole_rows())
        })
    }

    fn settled<'f>(
        &'f mut self,
        formula: Formula,
        level: &'f Level,
        reading: &'f mut StateReading<'_>,
    ) -> Settling<'f> {
        Box::pin(async move {
            let (parts, all) = match formula {
                Formula::Row(condition) => return Ok(condition),
                Formula::Claim(claim) => return self.claim(&claim, level, reading).await,
                Formula::All(parts) => (parts, true),
                Formula::Any(parts) => (parts, false),
            };
            let mut settled = Vec::with_capacity(parts.len());
            for part in parts {
                let part = self.settled(part, level, reading).await?;
                if all && part == RowCondition::Never || !all && part == RowCondition::Always {
                    return Ok(part);
                }
                settled.push(part);
            }
            Ok(match all {
                true => RowCondition::all(settled),
                false => RowCondition::any(settled),
            })
        })
    }

    /// The rows that name an entity for which a claim holds.
    async fn claim(
        &mut self,
        claim: &Claim,
        level: &Level,
        reading: &mut StateReading<'_>,
    ) -> Result<RowCondition, Stop> {
        let nowhere = || Failure::Tenancy("a claim about nothing".to_owned());
        let about = claim.about.as_ref().ok_or_else(nowhere)?;
        let schema = &self.bundle.schema;
        let of = level.type_at(about, schema).ok_or_else(nowhere)?;
        let attribute = attribute(level, about, &of, self.bundle).ok_or_else(nowhere)?;
        if let Some(ids) = self.ids(claim, about, level, &of, reading).await? {
            self.ids += ids.len();
            return Ok(match ids.is_empty() {
                true => RowCondition::Never,
                false => RowCondition::Holds(attribute, RowTest::IsOneOf(ids.into())),
            });
        }
        if about.is_empty()
            && let Some(others) = self.other_ids(claim, level, reading).await?
        {
            self.ids += others.len();
            return Ok(match others.is_empty() {
                true => RowCondition::Always,
                false => RowCondition::Holds(attribute, RowTest::IsNoneOf(others.into())),
            });
        }
        if about.is_empty() || !self.options.tables.contains(&of) {
            return Err(Stop::Failed(Failure::PlanTooWide {
                attribute: Arc::clone(&attribute.name),
                of: of.to_string().into(),
                most: self.options.ids,
            }));
        }
        let mut base = level.base.clone();
        base.extend(about.iter().cloned());
        let related = Level {
            base,
            of: of.clone(),
        };
        let formula = self.formula(&claim.terms, &related)?;
        let condition = self.settle(formula, &related, reading).await?;
        let of = of.to_string().into();
        Ok(match condition {
            RowCondition::Never => RowCondition::Never,
            condition => RowCondition::Related(attribute, Arc::new(RelatedRow { of, condition })),
        })
    }

    /// The ids of the rows of a related table for which a claim about them does not hold: they may be
    /// few where it holds for many. `None` if they are too many as well, and where ids or the claim do not
    /// allow of it. The service's own rows are not asked so: some could be none of the store's.
    async fn other_ids(
        &self,
        claim: &Claim,
        level: &Level,
        reading: &mut StateReading<'_>,
    ) -> Result<Option<Vec<Arc<str>>>, Stop> {
        let found = self.bundle.schema.entity_type(&level.of);
        let has_one_spelling = found.is_some_and(|found| found.identifier.keeps_all());
        if level.base.is_empty() || !has_one_spelling {
            return Ok(None);
        }
        let Some(terms) = self.negated(&claim.terms, level) else {
            return Ok(None);
        };
        let about = Some(Vec::new());
        let others = Claim { about, terms };
        self.ids(&others, &[], level, &level.of, reading).await
    }

    /// Terms that hold of rows of a level exactly where these do not; `None` where these can fail.
    fn negated(&self, terms: &Terms, level: &Level) -> Option<Terms> {
        let steps = Cell::new(self.steps);
        let translator = self.translator(level, &steps);
        terms.negated(&|expression| translator.can_fail(expression))
    }

    /// Terms as a formula on the rows of another level.
    fn formula(&mut self, terms: &Terms, level: &Level) -> Result<Formula, Failure> {
        let steps = Cell::new(self.steps);
        let formula = on_level(terms, &self.translator(level, &steps));
        self.steps = steps.get();
        formula
    }

    fn translator<'t>(&'t self, level: &'t Level, steps: &'t Cell<usize>) -> Translator<'t> {
        let known = self.known.iter().map(|seen| &seen.loaded.row);
        Translator {
            schema: &self.bundle.schema,
            store: self.store,
            known: known.map(|row| (&row.uid, row)).collect(),
            level,
            policy: "a policy",
            steps,
        }
    }

    /// The ids of the entities for which a claim holds; `None` if they are too many, or too many
    /// would have to be tried.
    async fn ids(
        &self,
        claim: &Claim,
        about: &[Arc<str>],
        level: &Level,
        of: &EntityTypeName,
        reading: &mut StateReading<'_>,
    ) -> Result<Option<Vec<Arc<str>>>, Stop> {
        let mut path = level.base.clone();
        path.extend(about.iter().cloned());
        let mut wanted = Candidates {
            of: of.clone(),
            condition: self.condition(&claim.terms, &path, of),
            after: None,
            limit: CHUNK,
        };
        let schema = &self.bundle.schema;
        let entity_type = schema.entity_type(of);
        let evaluable = Evaluable::of(&claim.terms);
        let (mut found, mut tried) = (Vec::new(), 0);
        loop {
            let InState::Same(ids) = reading.candidates(&wanted).await? else {
                return Err(Stop::Moved);
            };
            let ended = ids.len() < wanted.limit;
            wanted.after = ids.last().map(|last| Arc::from(last.as_str()));
            tried += ids.len();
            if tried > self.options.candidates {
                return Ok(None);
            }
            // Another spelling of an id is never found under it, and what is no id under none.
            let ids: Vec<String> = ids
                .into_iter()
                .filter(|id| entity_type.is_some_and(|found| found.is_asked_about(id)))
                .collect();
            let mut trials = Vec::with_capacity(ids.len());
            for id in &ids {
                let uid = EntityUid::from_type_name_and_id(of.clone(), EntityId::new(id));
                trials.push(Trial::naming(uid, &path, &self.search.of, schema)?);
            }
            let holds = self.tried(&trials, &evaluable, reading).await?;
            let those = ids.iter().zip(holds).filter(|(_, holds)| *holds);
            found.extend(those.map(|(id, _)| Arc::from(id.as_str())));
            if self.ids + found.len() > self.options.ids {
                return Ok(None);
            }
            if ended {
                return Ok(Some(found));
            }
        }
    }

    /// A condition for the store, which holds wherever a claim may hold.
    fn condition(&self, terms: &Terms, path: &[Arc<str>], of: &EntityTypeName) -> Condition {
        let search = Search {
            of: of.clone(),
            ..self.search.clone()
        };
        let reader = ConditionReader::new(&search, self.known, &self.bundle.schema, self.store);
        may_hold(terms, path, &reader).bounded(TESTS)
    }

    /// Tries a claim on rows, in order.
    async fn tried(
        &self,
        trials: &[Trial],
        claim: &Evaluable,
        reading: &mut StateReading<'_>,
    ) -> Result<Vec<bool>, Stop> {
        let mut holds = vec![false; trials.len()];
        let mut open: Vec<(usize, &Trial)> = trials.iter().enumerate().collect();
        let mut turn = Turn::begin();
        // The made-up row stands for each that a policy may be for.
        let plan = self.shard.plan.for_all();
        loop {
            let (mut missing, mut still_open) = (Vec::new(), Vec::new());
            for (place, trial) in open {
                turn.pass().await;
                let of = (self.bundle, self.shard, &*plan);
                match trial.tries(claim, self.search, of, reading)? {
                    Tried::Settled(found) => {
                        if let Some(holds) = holds.get_mut(place) {
                            *holds = found;
                        }
                    }
                    Tried::Missing(more) => {
                        missing.extend(more);
                        still_open.push((place, trial));
                    }
                }
            }
            open = still_open;
            if open.is_empty() {
                return Ok(holds);
            }
            if reading.load(missing).await? == Moved::Yes {
                return Err(Stop::Moved);
            }
        }
    }
}

/// The attribute that names an entity.
fn attribute(
    level: &Level,
    about: &[Arc<str>],
    of: &EntityTypeName,
    bundle: &Bundle,
) -> Option<RowAttribute> {
    let mut path = level.base.clone();
    path.extend(about.iter().cloned());
    let AttributePlace::Row { required, .. } = level.place(&named(&path), &bundle.schema)? else {
        return None;
    };
    Some(RowAttribute {
        name: RowAttribute::name_of(about)?,
        entity: Some(of.to_string().into()),
        required,
    })
}

/// The expression that follows attributes from the resource.
fn named(path: &[Arc<str>]) -> Expr {
    path.iter()
        .fold(Expr::Var(Var::Resource), |expression, name| Expr::GetAttr {
            expr: Arc::new(expression),
            attr: (&**name).into(),
        })
}

fn on_level(terms: &Terms, translator: &Translator<'_>) -> Result<Formula, Failure> {
    let each = |parts: &[Terms]| -> Result<Vec<Formula>, Failure> {
        parts
            .iter()
            .map(|part| on_level(part, translator))
            .collect()
    };
    Ok(match terms {
        Terms::All(parts) => Formula::all(each(parts)?),
        // Here it cannot fail any more for want of the entity.
        Terms::Any(parts) if Terms::are_exhaustive(parts, &|it| translator.can_fail(it)) => {
            Formula::ALWAYS
        }
        Terms::Any(parts) => Formula::any(each(parts)?),
        Terms::Is(expression, want) => translator.formula(expression, *want)?,
    })
}

fn may_hold(terms: &Terms, path: &[Arc<str>], reader: &ConditionReader<'_>) -> Condition {
    match terms {
        Terms::All(parts) => Condition::all(parts.iter().map(|part| may_hold(part, path, reader))),
        Terms::Any(parts) => Condition::any(parts.iter().map(|part| may_hold(part, path, reader))),
        Terms::Is(expression, want) => reader.may_be(&about_it(expression, &named(path)), *want),
    }
}

/// The same expression, with the entity in place of the path that leads to it.
fn about_it(expression: &Expr, path: &Expr) -> Expr {
    if expression == path {
        return Expr::Var(Var::Resource);
    }
    let inner = |expression: &Arc<Expr>| Arc::new(about_it(expression, path));
    match expression.clone() {
        Expr::UnaryOp { op, expr } => Expr::UnaryOp {
            op,
            expr: inner(&expr),
        },
        Expr::BinaryOp { op, left, right } => Expr::BinaryOp {
            op,
            left: inner(&left),
            right: inner(&right),
        },
        Expr::GetAttr { expr, attr } => Expr::GetAttr {
            expr: inner(&expr),
            attr,
        },
        Expr::HasAttr { expr, attrs } => Expr::HasAttr {
            expr: inner(&expr),
            attrs,
        },
        Expr::Like { expr, pattern } => Expr::Like {
            expr: inner(&expr),
            pattern,
        },
        Expr::Is {
            expr,
            entity_type,
            in_expr,
        } => Expr::Is {
            expr: inner(&expr),
            entity_type,
            in_expr: in_expr.as_ref().map(inner),
        },
        Expr::IfThenElse {
            cond,
            then_expr,
            else_expr,
        } => Expr::IfThenElse {
            cond: inner(&cond),
            then_expr: inner(&then_expr),
            else_expr: inner(&else_expr),
        },
        Expr::Set(elements) => Expr::Set(elements.iter().map(inner).collect()),
        Expr::Record(members) => Expr::Record(
            members
                .into_iter()
                .map(|(name, member)| (name, inner(&member)))
                .collect(),
        ),
        other => other,
    }
}
