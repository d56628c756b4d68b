//! Making a plan.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::Effect;

use super::condition::{ROW_ID, RowCondition};
use super::formula::Formula;
use super::settle::{Settler, Stop};
use super::translate::Translator;
use super::uses::Level;
use super::{RowPlan, RowPlanOptions, RowPlanRequest};
use crate::decide::{Decider, Failure, Session};
use crate::moment::Moment;
use crate::policy::{PolicyInfo, Shard};
use crate::search::{KnownSide, LinkUse, PartialPolicies, Residual, Search, evaluate, one_sided};
use crate::slice::{Demand, StateReading};

/// A plan in the making, by one state of the policies.
struct Making<'a> {
    session: &'a Session,
    search: &'a Search,
    shard: &'a Shard,
    options: &'a RowPlanOptions,
}

impl RowPlanRequest {
    /// Makes the plan, from one state of the store such as is demanded.
    ///
    /// # Errors
    /// See [`Failure`]; [`Failure::NotExact`] and [`Failure::PlanTooWide`] where there is no plan.
    pub async fn plan(
        &self,
        session: &Session,
        options: &RowPlanOptions,
        demand: &Demand,
    ) -> Result<RowPlan, Failure> {
        let making = self.making(session, options)?;
        let freshness = session.freshness([&self.search.action]);
        let mut reading = session.reading(freshness, demand).await?.of_search();
        loop {
            match making.made(&mut reading, demand).await {
                Ok(plan) => return Ok(plan),
                Err(Stop::Moved) => {}
                Err(Stop::Failed(failure)) => return Err(failure),
            }
        }
    }

    /// The part of the policies that depends on the row, even if there is no plan.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn residual(
        &self,
        session: &Session,
        options: &RowPlanOptions,
        demand: &Demand,
    ) -> Result<Residual, Failure> {
        let making = self.making(session, options)?;
        let freshness = session.freshness([&self.search.action]);
        let mut reading = session.reading(freshness, demand).await?.of_search();
        Ok(match making.known(&mut reading).await? {
            Some(known) => Residual::shown(&making.evaluated(&known)?),
            None => Residual::never(),
        })
    }

    fn making<'a>(
        &'a self,
        session: &'a Session,
        options: &'a RowPlanOptions,
    ) -> Result<Making<'a>, Failure> {
        let search = &self.search;
        let bundle = &session.state.bundle;
        let shard = bundle.shard(&search.action, search.known.type_name(), &search.of);
        Ok(Making {
            session,
            search,
            shard: shard.ok_or(Failure::NoShard)?,
            options,
        })
    }
}

impl Making<'_> {
    /// The facts that are known; `None` where the question names entities that are not there.
    async fn known(&self, reading: &mut StateReading<'_>) -> Result<Option<KnownSide>, Failure> {
        let (bundle, shard) = (&*self.session.state.bundle, self.shard);
        let decider = Decider { bundle, shard };
        let (single, most) = (true, self.options.ids);
        let known = KnownSide::of(self.search, decider, reading, LinkUse { single, most }).await?;
        let linked = known.as_ref().and_then(|known| known.linked.as_ref());
        match linked.is_some_and(|linked| linked.is_cut) {
            false => Ok(known),
            true => Err(Failure::PlanTooWide {
                attribute: ROW_ID.into(),
                of: self.search.of.to_string().into(),
                most,
            }),
        }
    }

    /// Evaluates the policies, also those that are for one resource alone.
    fn evaluated(&self, known: &KnownSide) -> Result<PartialPolicies, Failure> {
        let policies = one_sided(self.search, self.shard, known);
        let mut sets = policies.open;
        sets.extend(policies.named.into_iter().map(|(_, set)| set));
        evaluate(self.search, &sets, known, &self.session.state.bundle)
    }

    async fn made(&self, reading: &mut StateReading<'_>, demand: &Demand) -> Result<RowPlan, Stop> {
        let Self {
            session,
            search,
            options,
            ..
        } = self;
        let known = self.known(reading).await?;
        let bundle = &session.state.bundle;
        let action = bundle.schema.action(&search.action);
        let ages = [action.and_then(|action| action.max_stale), demand.max_age];
        let most = ages.into_iter().flatten().fold(options.max_age, Ord::min);
        let until =
            |reading: &StateReading<'_>| Moment::now().plus(most.saturating_sub(reading.age()));
        let mut plan = RowPlan {
            of: search.of.clone(),
            condition: RowCondition::Never,
            obligations: BTreeSet::new(),
            until: until(reading),
            residual: options.explain.then(Residual::never),
            policy_revision: Arc::clone(&bundle.revision),
            tenancy_revision: Arc::clone(reading.revision()),
        };
        let Some(known) = known else {
            return Ok(plan);
        };
        let evaluated = self.evaluated(&known)?;
        if options.explain {
            plan.residual = Some(Residual::shown(&evaluated));
        }
        if evaluated.denied_by.is_empty() {
            let level = Level {
                base: Vec::new(),
                of: search.of.clone(),
            };
            let steps = Cell::new(0);
            let formula = self.formula(&evaluated, &known, &level, &steps)?;
            let mut settler = Settler {
                search,
                bundle,
                shard: self.shard,
                store: session.store(),
                options,
                known: &known.seen,
                ids: 0,
                steps: steps.get(),
            };
            plan.condition = settler.settle(formula, &level, reading).await?;
        }
        if plan.condition != RowCondition::Never {
            let left = evaluated.left.iter().map(|left| &left.info);
            let permits = evaluated.permits.iter().chain(left);
            let obligations = permits.filter_map(|info| info.obligation.clone());
            plan.obligations = obligations.filter(|_| options.binds).collect();
        }
        plan.tenancy_revision = Arc::clone(reading.revision());
        plan.until = until(reading);
        Ok(plan)
    }

    /// Holds exactly where no policy fails or forbids, and one permits.
    fn formula(
        &self,
        evaluated: &PartialPolicies,
        known: &KnownSide,
        level: &Level,
        steps: &Cell<usize>,
    ) -> Result<Formula, Failure> {
        let bundle = &self.session.state.bundle;
        let known = known.seen.iter().map(|seen| &seen.loaded.row);
        let mut translator = Translator {
            schema: &bundle.schema,
            store: self.session.store(),
            known: known.map(|row| (&row.uid, row)).collect(),
            level,
            policy: "",
            steps,
        };
        // A permit with an obligation is a denial to a caller that understands none.
        let forbids = |info: &PolicyInfo| {
            info.effect == Effect::Forbid || (!self.options.binds && info.obligation.is_some())
        };
        let (mut all, mut permits) = (Vec::new(), Vec::new());
        for info in &evaluated.permits {
            match forbids(info) {
                true => return Ok(Formula::NEVER),
                false => permits.push(Formula::ALWAYS),
            }
        }
        for left in &evaluated.left {
            translator.policy = &left.info.id;
            if forbids(&left.info) {
                all.push(translator.policy(&left.policy, false)?);
                continue;
            }
            if translator.may_fail(&left.policy) {
                all.push(Formula::any([
                    translator.policy(&left.policy, true)?,
                    translator.policy(&left.policy, false)?,
                ]));
            }
            // Another one permits already.
            if !evaluated.permits.is_empty() {
                continue;
            }
            permits.push(translator.policy(&left.policy, true)?);
        }
        all.push(Formula::any(permits));
        Ok(Formula::all(all))
    }
}
