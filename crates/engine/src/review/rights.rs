//! The rights, one resource after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use cedar_policy::{EntityTypeName, EntityUid};
use serde_json::Value as Json;

use super::contexts::contexts;
use super::parts::{MakeOfRights, Parts, Searched};
use super::scope::Resources;
use super::{OpenAction, ReviewError, ReviewScope, Reviewed};
use crate::decide::{QuestionContext, Session};
use crate::schema::{ActionType, EntityType, JsonOrigin, record_to_json};
use crate::search::{Search, Sought, WholeSearch};

/// An action with the contexts that it is asked in.
struct AskedAction<'a> {
    action: &'a ActionType,
    contexts: Vec<(Json, QuestionContext)>,
}

impl ReviewScope {
    /// Finds every right: by resource, action, context and principal, or with one principal by action, context and
    /// resource. What `make` makes of some of them is given to `take`, in this order. So many `workers` decide and
    /// make at once: one does so in this task, several do so in tasks of the runtime.
    ///
    /// # Errors
    /// Anything that keeps the review from being complete, and what `make` and `take` say.
    pub async fn review<T: Send + 'static>(
        &self,
        session: &Session,
        workers: usize,
        make: MakeOfRights<T>,
        take: &mut (dyn FnMut(T) -> Result<(), String> + Send),
    ) -> Result<Reviewed, ReviewError> {
        let (asked, open) = self.asked(session)?;
        let resources = Resources::of(session, self.within.as_ref()).await?;
        if let Some(principal) = &self.principal {
            resources.require(principal).await?;
        }
        let mut review = Review {
            session,
            make,
            take,
            resources,
            parts: Parts::new(workers),
            unlisted: BTreeSet::new(),
        };
        match &self.principal {
            Some(principal) => review.of_principal(principal, &asked).await?,
            None => review.of_all(&asked).await?,
        }
        review.parts.end(review.take).await?;
        Ok(Reviewed {
            open,
            unlisted: review.unlisted,
            policy_revision: Arc::clone(&session.state.bundle.revision),
            tenancy_revision: match review.parts.revision {
                Some(revision) => revision,
                None => session.newest_state().await?,
            },
            decided: review.parts.decided,
        })
    }

    /// The actions with their contexts, and those that are open.
    fn asked<'a>(
        &self,
        session: &'a Session,
    ) -> Result<(Vec<AskedAction<'a>>, Vec<OpenAction>), ReviewError> {
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
                asked.push(AskedAction { action, contexts });
            }
        }
        Ok((asked, open))
    }
}

/// A review that goes on.
struct Review<'a, 'b, T> {
    session: &'a Session,
    make: MakeOfRights<T>,
    take: &'b mut (dyn FnMut(T) -> Result<(), String> + Send),
    resources: Resources<'a>,
    parts: Parts<T>,
    unlisted: BTreeSet<EntityTypeName>,
}

impl<'a, T: Send + 'static> Review<'a, '_, T> {
    /// The principals with rights, on one resource after the other.
    async fn of_all(&mut self, asked: &[AskedAction<'_>]) -> Result<(), ReviewError> {
        let mut by_resource: BTreeMap<String, (&EntityTypeName, Vec<&AskedAction<'_>>)> =
            BTreeMap::new();
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
        asked: &[&AskedAction<'_>],
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
        asked: &[AskedAction<'_>],
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
        let within = match search.sought {
            Sought::Principals => None,
            Sought::Resources => self.resources.within(&search.of),
        };
        let searched = Searched {
            search: WholeSearch::new(self.session.clone(), search),
            context: plain.clone(),
            within,
            permits: Mutex::default(),
            make: Arc::clone(&self.make),
        };
        self.parts.add(searched, self.take).await
    }
}
