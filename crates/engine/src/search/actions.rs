//! The search for actions: every one that could be asked is decided.

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::EntityUid;
use serde_json::{Map, Value as Json};

use super::{Residual, SearchPage, SearchResult};
use crate::decide::{Failure, Question, QuestionContext, Session};
use crate::policy::Bundle;
use crate::schema::{ActionType, JsonOrigin, Record, RecordType};
use crate::slice::{Demand, Described};

/// The search for actions: which may this principal do on this resource?
#[derive(Clone, Debug)]
pub struct ActionSearch {
    /// The principal.
    pub principal: EntityUid,
    /// The resource.
    pub resource: EntityUid,
    /// The same question for each action that takes these and the context.
    pub questions: Vec<Question>,
}

impl ActionSearch {
    /// A member of a context that none of the actions takes.
    pub(super) fn surplus<'a>(
        actions: &[&ActionType],
        context: &'a Map<String, Json>,
    ) -> Option<&'a str> {
        let mut names = context.keys();
        let taken = |name: &str| {
            let mut contexts = actions.iter().map(|action| &action.context);
            contexts.any(|context| context.attributes.contains_key(name))
        };
        names.find(|name| !taken(name)).map(String::as_str)
    }

    /// The questions that can be asked of these two. Members of the context that an action does
    /// not take are left out for it. An action that needs other members cannot be asked, and so
    /// is not allowed.
    pub(super) fn questions(
        principal: &EntityUid,
        resource: &EntityUid,
        context: &Map<String, Json>,
        described: &Arc<Described>,
        actions: &[&ActionType],
        bundle: &Bundle,
    ) -> Vec<Question> {
        let own = |action: &ActionType| {
            let own = context.iter();
            let own = own.filter(|(name, _)| action.context.attributes.contains_key(name.as_str()));
            let own: Map<String, Json> = own.map(|(n, v)| (n.clone(), v.clone())).collect();
            let own = Json::Object(own);
            let record = bundle
                .schema
                .record(&own, &action.context, JsonOrigin::Context);
            record.ok()
        };
        Self::made(principal, resource, described, actions, own)
    }

    /// The questions about these two, by the context that each action has; `None` where it cannot
    /// be asked. Actions whose contexts have one type share one context.
    pub(super) fn made(
        principal: &EntityUid,
        resource: &EntityUid,
        described: &Arc<Described>,
        actions: &[&ActionType],
        context: impl Fn(&ActionType) -> Option<Record>,
    ) -> Vec<Question> {
        let mut read: Vec<(&RecordType, Option<QuestionContext>)> = Vec::new();
        let mut questions = Vec::new();
        for action in actions {
            let known = read.iter().find(|(of, _)| **of == *action.context);
            let own = match known {
                Some((_, own)) => own.clone(),
                None => {
                    let own = context(action).and_then(|own| QuestionContext::new(own).ok());
                    read.push((&action.context, own.clone()));
                    own
                }
            };
            let question = own.and_then(|context| {
                Question::fitting(
                    principal.clone(),
                    action.uid.clone(),
                    resource.clone(),
                    context,
                    Arc::clone(described),
                )
                .ok()
            });
            questions.extend(question);
        }
        questions
    }

    /// Searches for actions, from one state of the store.
    ///
    /// # Errors
    /// See [`Failure`].
    pub(super) async fn find(
        &self,
        session: &Session,
        part: &SearchPage,
        demand: &Demand,
    ) -> Result<SearchResult, Failure> {
        let is_behind = |question: &&Question| {
            // Of two namespaces two may have the same id.
            let name = question.action.to_string();
            part.after.as_ref().is_none_or(|after| *name > **after)
        };
        let mut questions: Vec<&Question> = self.questions.iter().filter(is_behind).collect();
        questions.sort_by_cached_key(|question| question.action.to_string());
        let answers = session.decide_all(&questions, demand).await?;
        let mut found = SearchResult {
            entities: Vec::new(),
            obligations: BTreeMap::new(),
            more: false,
            last: None,
            decided: questions.len(),
            residual: Residual::never(),
            policy_revision: Arc::clone(&session.state.bundle.revision),
            tenancy_revision: None,
        };
        // One that fails says nothing of the others; that all fail is no answer.
        let is_answered = answers.iter().any(Result::is_ok);
        for (question, answer) in questions.iter().zip(answers) {
            let decision = match answer {
                Err(Failure::Tenancy(_)) if is_answered => continue,
                answer => answer?,
            };
            found.tenancy_revision = Some(Arc::clone(&decision.tenancy_revision));
            if let Some(allowed) = part.finds(decision) {
                found.add(question.action.clone(), allowed);
            }
        }
        found.end_at(part.limit);
        let name = |uid: &EntityUid| Arc::from(uid.to_string());
        found.last = found.entities.last().map(name);
        Ok(found)
    }
}

/// Those that can be asked of these two.
pub(super) fn actions<'a>(
    principal: &EntityUid,
    resource: &EntityUid,
    bundle: &'a Bundle,
) -> Vec<&'a ActionType> {
    let mut actions = bundle.schema.actions();
    actions.retain(|action| {
        action.principals.contains(principal.type_name())
            && action.resources.contains(resource.type_name())
    });
    actions
}
