//! From the parts of a question to the question.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use cedar_policy::EntityUid;

use super::context::QuestionContext;
use super::decision::Reason;
use super::loose::{
    Members, PartsSettings, QuestionParts, Refusal, check_places, context_of, denial, described_by,
};
use super::malformed::Malformed;
use super::question::Question;
use super::session::Session;
use crate::schema::{ActionType, IgnoredMembers, Schema};
use crate::slice::{Absent, Described};

/// Makes questions of the parts of one request. What several of them share is read once.
#[derive(Debug, Default)]
pub struct PartsReader<'a> {
    contexts: HashMap<(EntityUid, SharedMembers<'a>, SharedMembers<'a>), QuestionContext>,
    /// By principal and resource.
    entities: HashMap<[(EntityUid, SharedMembers<'a>); 2], Arc<Described>>,
}

/// Members that are the same only where they stand in the same place.
#[derive(Clone, Copy, Debug)]
struct SharedMembers<'a>(Option<&'a Members>);

impl SharedMembers<'_> {
    fn place(self) -> *const Members {
        self.0.map_or(std::ptr::null(), std::ptr::from_ref)
    }
}

impl PartialEq for SharedMembers<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for SharedMembers<'_> {}

impl Hash for SharedMembers<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.place().hash(state);
    }
}

impl<'a> PartsReader<'a> {
    /// Makes a question out of parts.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn question(
        &mut self,
        parts: &QuestionParts<'a>,
        session: &Session,
        settings: &PartsSettings<'_>,
    ) -> Result<Question, Refusal> {
        let schema = session.schema();
        parts.check_names()?;
        let principal = parts.subject.entity(schema);
        let resource = parts.resource.entity(schema);
        let action = schema.action_called(parts.action);
        let denied = |reasons| {
            let action = action.map(|action| action.uid.clone());
            Refusal::Denied(Box::new(denial(session, action, reasons)))
        };
        let absent: Vec<Reason> = [
            (&principal, Absent::Principal),
            (&resource, Absent::Resource),
        ]
        .into_iter()
        .filter(|(found, _)| found.is_none())
        .map(|(_, what)| Reason::absent(what))
        .collect();
        let (Some(principal), Some(resource)) = (principal, resource) else {
            return Err(denied(absent));
        };
        let Some(action) = action else {
            let near = schema.action_meant(parts.action);
            let mut denial = denial(session, None, vec![Reason::no_action()]);
            denial.decision.meant = Some(near.into());
            return Err(Refusal::Denied(Box::new(denial)));
        };
        if !action.principals.contains(principal.type_name())
            || !action.resources.contains(resource.type_name())
        {
            return Err(denied(vec![Reason::other_action()]));
        }
        let context = self.context(schema, action, parts, settings.ignored)?;
        let named = [
            ("subject", &principal, parts.subject.properties),
            ("resource", &resource, parts.resource.properties),
        ];
        check_places(session, &named, action, context.record(), settings.ignored)?;
        let described = self.described(session, named, settings.entities)?;
        Question::fitting(principal, action.uid.clone(), resource, context, described)
            .map_err(|misfit| Malformed::question(misfit).into())
    }

    /// The context of an action, read once for all that share it.
    fn context(
        &mut self,
        schema: &Schema,
        action: &ActionType,
        parts: &QuestionParts<'a>,
        ignored: &IgnoredMembers,
    ) -> Result<QuestionContext, Malformed> {
        let (properties, context) = (parts.action_properties, parts.context);
        let key = (
            action.uid.clone(),
            SharedMembers(properties),
            SharedMembers(context),
        );
        if let Some(read) = self.contexts.get(&key) {
            return Ok(read.clone());
        }
        let read = context_of(schema, action, properties, context, ignored)?;
        let read = QuestionContext::new(read).map_err(Malformed::question)?;
        self.contexts.insert(key, read.clone());
        Ok(read)
    }

    /// The entities that are described, read once for all that share them.
    fn described(
        &mut self,
        session: &Session,
        named: [(&str, &EntityUid, Option<&'a Members>); 2],
        most: usize,
    ) -> Result<Arc<Described>, Malformed> {
        if named.iter().all(|(_, _, properties)| properties.is_none()) {
            return Ok(Arc::default());
        }
        let key = named.map(|(_, uid, properties)| (uid.clone(), SharedMembers(properties)));
        if let Some(read) = self.entities.get(&key) {
            return Ok(Arc::clone(read));
        }
        let read = described_by(session, &named, most)?;
        self.entities.insert(key, Arc::clone(&read));
        Ok(read)
    }
}
