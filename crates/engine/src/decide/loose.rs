//! The parts of a question, from programs that do not know the schema.
//!
//! [`Question::read`] refuses what does not fit, as its callers write Cedar. Here
//! types, actions and members have loose names ([`Schema::entity_type_called`]), and what cannot
//! be asked is a denial. A member that the schema does not have is dropped, but only where
//! nothing is absent that a policy looks at and that it could be meant for.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use cedar_policy::EntityUid;
use serde_json::{Map, Value as Json};

use super::decision::{Decision, Reason};
use super::malformed::Malformed;
use super::session::Session;
use crate::schema::{
    ActionType, EntityType, IgnoredMembers, JsonOrigin, Misfit, Record, Row, Schema, Surplus,
    absent_attributes, check_id, could_mean, meaning,
};
use crate::slice::Described;

/// The members of a JSON object.
pub type Members = Map<String, Json>;

/// An entity as a caller names it.
#[derive(Clone, Copy, Debug)]
pub struct NamedEntity<'a> {
    /// Its type, see [`Schema::entity_type_called`].
    pub kind: &'a str,
    /// Its id, in any spelling.
    pub id: &'a str,
    /// The properties that the caller gives it.
    pub properties: Option<&'a Members>,
}

/// The parts of a question.
#[derive(Clone, Copy, Debug)]
pub struct QuestionParts<'a> {
    /// The principal.
    pub subject: NamedEntity<'a>,
    /// The action, see [`Schema::action_called`].
    pub action: &'a str,
    /// The properties that the caller gives the action. They are context, and win over it.
    pub action_properties: Option<&'a Members>,
    /// The resource.
    pub resource: NamedEntity<'a>,
    /// The context.
    pub context: Option<&'a Members>,
}

/// How the parts of a question are read.
#[derive(Clone, Copy, Debug)]
pub struct PartsSettings<'a> {
    /// How many entities a caller may describe.
    pub entities: usize,
    /// Members of contexts that are ignored where the schema does not have them.
    pub ignored: &'a IgnoredMembers,
}

/// Members that the context of some action may have or not. Without one a question is another one,
/// and nobody would notice: so they are ignored nowhere else in a request.
#[derive(Clone, Copy, Debug)]
pub struct MembersOfContexts<'a> {
    names: &'a BTreeSet<Arc<str>>,
    ignored: &'a IgnoredMembers,
}

/// Parts that make no question. None of these is ever an Allow.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// There is no such type, id or action, or the action is not for these types.
    #[error("the schema has no such question: it is denied")]
    Denied(Box<Denial>),
    /// A context or a property that does not fit the schema.
    #[error(transparent)]
    Unfit(Malformed),
}

/// A denial by the schema, whatever the store holds.
#[derive(Clone, Debug)]
pub struct Denial {
    /// The action, where there is one of that name.
    pub action: Option<EntityUid>,
    /// The denial.
    pub decision: Decision,
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::Unfit(malformed)
    }
}

impl<'a> MembersOfContexts<'a> {
    /// Those of the schema, but for `ignored` ones.
    #[must_use]
    pub fn of(session: &'a Session, ignored: &'a IgnoredMembers) -> Self {
        let names = &session.schema().optional_members;
        Self { names, ignored }
    }

    /// The one that a member elsewhere could be meant for.
    #[must_use]
    pub fn meant_by(&self, written: &str) -> Option<&'a str> {
        if self.ignored.contains(written) {
            return None;
        }
        let mut names = self.names.iter().map(|name| &**name);
        names.find(|name| could_mean(written, name))
    }
}

impl QuestionParts<'_> {
    pub(super) fn check_names(&self) -> Result<(), Malformed> {
        self.subject.check("subject")?;
        self.resource.check("resource")?;
        check_id(self.action)
            .map_err(|misfit| Malformed::question(misfit.within("name").within("action")))
    }
}

impl NamedEntity<'_> {
    /// Checks its type and its id. `member` is what it is written in. A name that is not in the
    /// schema is denied, and so is repeated to observers: it has to be short.
    pub(crate) fn check(&self, member: &str) -> Result<(), Malformed> {
        for (name, text) in [("type", self.kind), ("id", self.id)] {
            check_id(text)
                .map_err(|misfit| Malformed::question(misfit.within(name).within(member)))?;
        }
        Ok(())
    }

    /// The entity; `None` where there can be none: no such type, or an id outside its
    /// vocabulary. Only the store knows if it exists.
    pub(crate) fn entity(&self, schema: &Schema) -> Option<EntityUid> {
        let entity_type = schema.entity_type_called(self.kind)?;
        entity_type.entity(self.id, JsonOrigin::Loose).ok()
    }
}

/// Reads the context of an action from its properties and the context.
///
/// # Errors
/// See [`Schema::picked`].
pub(crate) fn context_of(
    schema: &Schema,
    action: &ActionType,
    properties: Option<&Members>,
    context: Option<&Members>,
    ignored: &IgnoredMembers,
) -> Result<Record, Malformed> {
    let (properties, context) = (properties.unwrap_or(&NONE), context.unwrap_or(&NONE));
    let objects = [("action.properties", properties), ("context", context)];
    let read = schema.picked(&action.context, &objects, Surplus::Refused { ignored });
    read.map_err(Malformed::question)
}

/// Checks that no property of the entities is a member of the context that is absent there: it was
/// written in the wrong place. The named entities are those of [`described_by`].
///
/// # Errors
/// The first property that could be meant for such a member, and is none of its entity.
pub(crate) fn check_places(
    session: &Session,
    named: &[(&str, &EntityUid, Option<&Members>)],
    action: &ActionType,
    context: &Record,
    ignored: &IgnoredMembers,
) -> Result<(), Malformed> {
    let absent = absent_attributes(&action.context, context);
    if absent.is_empty() {
        return Ok(());
    }
    for &(member, uid, properties) in named {
        let described = described_type(session, uid);
        let is_of_entity = |written: &str| {
            described.is_some_and(|of| matches!(meaning(written, &of.shape), Ok(Some(_))))
        };
        for written in properties.into_iter().flat_map(Members::keys) {
            let meant = absent.iter().find(|name| could_mean(written, name));
            if let Some(name) = meant
                && !ignored.contains(written)
                && !is_of_entity(written)
            {
                let text = format!("write `{name}` into the context, if that is meant");
                let misfit = Misfit::new(text).within(written).within("properties");
                return Err(Malformed::question(misfit.within(member)));
            }
        }
    }
    Ok(())
}

/// The type of an entity that a caller may describe: the store does not speak of it.
fn described_type<'s>(session: &'s Session, uid: &EntityUid) -> Option<&'s EntityType> {
    let schema = session.schema();
    let entity_type = schema.entity_type(uid.type_name())?;
    let is_free =
        entity_type.choices.is_none() && !session.store().speaks_of(uid.type_name(), schema);
    is_free.then_some(entity_type)
}

/// Reads the entities that a caller describes, each with the member that it is written in. Only
/// types that the store does not speak of can be described; the properties of all others are dropped,
/// and so are those that the schema does not have.
///
/// # Errors
/// A property that does not fit ([`Schema::picked`]), more entities than `most`, or two
/// descriptions of one.
pub(crate) fn described_by(
    session: &Session,
    named: &[(&str, &EntityUid, Option<&Members>)],
    most: usize,
) -> Result<Arc<Described>, Malformed> {
    let mut rows: Vec<Row> = Vec::new();
    for &(member, uid, properties) in named {
        let (Some(properties), Some(of)) = (properties, described_type(session, uid)) else {
            continue;
        };
        let malformed =
            |misfit: Misfit| Malformed::question(misfit.within("properties").within(member));
        let schema = session.schema();
        let attributes = schema
            .picked(&of.shape, &[("", properties)], Surplus::Dropped)
            .map_err(malformed)?;
        let row = Row {
            uid: uid.clone(),
            attributes,
            ancestors: Vec::new(),
            tags: Default::default(),
        };
        match rows.iter().find(|other| other.uid == row.uid) {
            Some(other) if *other == row => {}
            Some(_) => {
                let text = "an entity occurs twice, with different contents";
                return Err(malformed(Misfit::new(text)));
            }
            None if rows.len() >= most => {
                let text = format!("more than {most} entities are described");
                return Err(malformed(Misfit::new(text)));
            }
            None => rows.push(row),
        }
    }
    Ok(Arc::new(Described::new(rows)))
}

pub(super) fn denial(session: &Session, action: Option<EntityUid>, reasons: Vec<Reason>) -> Denial {
    let decision = Decision::denial(&session.state.bundle.revision, Arc::default());
    Denial {
        action,
        decision: Decision {
            reasons,
            ..decision
        },
    }
}

/// No members.
static NONE: LazyLock<Members> = LazyLock::new(Members::new);
