//! The rights, one resource after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid};
use serde_json::Value as Json;

use super::contexts::contexts;
use super::scope::Resources;
use super::values::PermitReader;
use super::{OpenAction, ReviewError, ReviewScope, Reviewed, Right};
use crate::decide::{Decision, Question, QuestionContext, Session};
use crate::schema::{ActionType, EntityType, JsonOrigin, record_to_json};
use crate::search::{Search, Sought};
use crate::slice::InState;

/// Takes the rights, one by one.
pub type TakeRight<'a> = &'a mut (dyn FnMut(Right) -> Result<(), String> + Send);

/// An action with the contexts that it is asked in.
struct Asked<'a> {
    action: &'a ActionType,
    contexts: Vec<(Json, QuestionContext)>,
}

impl ReviewScope {
    /// Finds every right, and gives each to `take`: by resource, action, context and principal, or with
    /// one principal by action, context and resource.
    ///
    /// # Errors
    /// Anything that keeps the review from being complete, and what `take` says.
    pub async fn review(
        &self,
        session: &Session,
        take: TakeRight<'_>,
    ) -> Result<Reviewed, ReviewError> {
        let (asked, open) = self.asked(session)?;
        let resources = Resources::of(session, self.within.as_ref()).await?;
        if let Some(principal) = &self.principal {
            resources.require(principal).await?;
        }
        let mut review = Review {
            session,
            take,
            resources,
            permits: PermitReader::default(),
            revision: None,
            decided: 0,
            unlisted: BTreeSet::new(),
        };
        match &self.principal {
            Some(principal) => review.of_principal(principal, &asked).await?,
            None => review.of_all(&asked).await?,
        }
        Ok(Reviewed {
            open,
            unlisted: review.unlisted,
            policy_revision: Arc::clone(&session.state.bundle.revision),
            tenancy_revision: match review.revision {
                Some(revision) => revision,
                None => session.newest_state().await?,
            },
            decided: review.decided,
        })
    }

    /// The actions with their contexts, and those that are open.
    fn asked<'a>(
        &self,
        session: &'a Session,
    ) -> Result<(Vec<Asked<'a>>, Vec<OpenAction>), ReviewError> {
        let schema = session.schema();
        let mut actions = schema.actions();
        actions.sort_by_cached_key(|action| action.uid.to_string());
        actions.retain(|action| self.action.as_ref().is_none_or(|it| *it == action.uid));
        if let Some(unknown) = self.contexts.keys().find(|it| schema.action(it).is_none()) {
            return Err(ReviewError::Scope(format!("there is no action {unknown}")));
        }
        let (mut asked, mut open) = (Vec::new(), Vec::new());
        for action in actions {
            let listed = match self.contexts.get(&action.uid) {
                Some(given) => given.clone(),
                None => {
                    let found = contexts(action, schema);
                    open.extend(found.open);
                    found.listed
                }
            };
            let read = listed.into_iter().map(|json| {
                let wrong = |misfit: &dyn std::fmt::Display| {
                    ReviewError::Scope(format!("the context of {}: {misfit}", action.uid))
                };
                let record = schema.record(&json, &action.context, JsonOrigin::Context);
                let record = record.map_err(|misfit| wrong(&misfit))?;
                let plain = record_to_json(&record);
                let context = QuestionContext::new(record).map_err(|misfit| wrong(&misfit))?;
                Ok((plain, context))
            });
            let contexts = read.collect::<Result<Vec<_>, ReviewError>>()?;
            if !contexts.is_empty() {
                asked.push(Asked { action, contexts });
            }
        }
        Ok((asked, open))
    }
}

/// A review that goes on.
struct Review<'a, 'b> {
    session: &'a Session,
    take: TakeRight<'b>,
    resources: Resources<'a>,
    permits: PermitReader,
    revision: Option<Arc<str>>,
    decided: usize,
    unlisted: BTreeSet<EntityTypeName>,
}

impl<'a> Review<'a, '_> {
    /// The principals with rights, on one resource after the other.
    async fn of_all(&mut self, asked: &[Asked<'_>]) -> Result<(), ReviewError> {
        let mut by_resource: BTreeMap<String, (&EntityTypeName, Vec<&Asked<'_>>)> = BTreeMap::new();
        for one in asked {
            for of in &one.action.resources {
                let known = by_resource.entry(of.to_string());
                known.or_insert((of, Vec::new())).1.push(one);
            }
        }
        for (of, asked) in by_resource.values() {
            let Some(of) = self.listed(of) else {
                continue;
            };
            let mut after = None;
            loop {
                let (uids, next) = self.resources.page(of, after).await?;
                for resource in &uids {
                    self.of_resource(resource, asked).await?;
                }
                after = next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn of_resource(
        &mut self,
        resource: &EntityUid,
        asked: &[&Asked<'_>],
    ) -> Result<(), ReviewError> {
        for one in asked {
            for of in &one.action.principals {
                if self.listed(of).is_none() {
                    continue;
                }
                for (plain, context) in &one.contexts {
                    let search = Search {
                        sought: Sought::Principals,
                        of: of.clone(),
                        known: resource.clone(),
                        action: one.action.uid.clone(),
                        context: context.clone(),
                        described: Arc::default(),
                    };
                    self.search(search, plain).await?;
                }
            }
        }
        Ok(())
    }

    /// The rights of one principal.
    async fn of_principal(
        &mut self,
        principal: &EntityUid,
        asked: &[Asked<'_>],
    ) -> Result<(), ReviewError> {
        for one in asked {
            if !one.action.principals.contains(principal.type_name()) {
                continue;
            }
            for of in &one.action.resources {
                if self.listed(of).is_none() {
                    continue;
                }
                for (plain, context) in &one.contexts {
                    let search = Search {
                        sought: Sought::Resources,
                        of: of.clone(),
                        known: principal.clone(),
                        action: one.action.uid.clone(),
                        context: context.clone(),
                        described: Arc::default(),
                    };
                    self.search(search, plain).await?;
                }
            }
        }
        Ok(())
    }

    /// The type, if somebody knows which of its entities there are; it is noted if nobody does.
    fn listed(&mut self, of: &EntityTypeName) -> Option<&'a EntityType> {
        let session = self.session;
        let found = session.schema().entity_type(of)?;
        // Of an id that is not there, an entity has attributes all the same.
        let lists =
            found.choices.is_some() || session.store().serves(of) && found.when_absent.is_none();
        if !lists {
            self.unlisted.insert(of.clone());
        }
        lists.then_some(found)
    }

    async fn search(&mut self, search: Search, plain: &Json) -> Result<(), ReviewError> {
        let (principal, resource) = match search.sought {
            Sought::Principals => (format!("each {}", search.of), search.known.to_string()),
            Sought::Resources => (search.known.to_string(), format!("each {}", search.of)),
        };
        let about = [principal, search.action.to_string(), resource];
        let Self {
            session,
            take,
            resources,
            permits,
            ..
        } = self;
        permits.begin();
        let mut take = |question: Question, decision: Decision| {
            if !resources.contains(&question.resource) {
                return Ok(());
            }
            let bundle = &session.state.bundle;
            let values = permits.values(bundle, search.sought, &question, &decision)?;
            let right = Right {
                principal: question.principal,
                action: question.action,
                context: plain.clone(),
                resource: question.resource,
                permits: decision.reasons,
                values,
                obligations: decision.obligations,
            };
            take(right).map_err(ReviewError::Taken)
        };
        let found = search
            .each(session, &mut take)
            .await
            .map_err(|error| match error {
                ReviewError::Failed(failure) => ReviewError::Undecided {
                    about: Box::new(about),
                    failure,
                },
                error => error,
            })?;
        let InState::Same(found) = found else {
            return Err(ReviewError::Changed);
        };
        self.decided += found.decided;
        let revision = found.tenancy_revision;
        match *self.revision.get_or_insert_with(|| Arc::clone(&revision)) == revision {
            true => Ok(()),
            false => Err(ReviewError::Changed),
        }
    }
}
