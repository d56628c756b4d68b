//! A search out of parts, from programs that do not know the schema, which are read as those of a
//! question; where nothing could be asked, nothing is found.

use super::actions::{ActionSearch, actions};
use super::read::Wanted;
use super::{Search, Sought};
use crate::decide::{
    Malformed, Members, NamedEntity, PartsSettings, QuestionContext, Session, check_places,
    context_of, described_by,
};
use crate::schema::ActionType;

/// The parts of a search for principals or resources.
#[derive(Clone, Copy, Debug)]
pub struct SearchParts<'a> {
    /// The part that is looked for.
    pub sought: Sought,
    /// Its type, see [`crate::schema::Schema::entity_type_called`].
    pub of: &'a str,
    /// The other one, with the member that it is written in.
    pub known: (&'a str, NamedEntity<'a>),
    /// The action, see [`crate::schema::Schema::action_called`].
    pub action: &'a str,
    /// The properties that the caller gives the action. They are context, and win over it.
    pub action_properties: Option<&'a Members>,
    /// The context.
    pub context: Option<&'a Members>,
}

impl SearchParts<'_> {
    /// Makes a search out of them; `None` where nothing can be found, since there
    /// is no such type, id or action, or the action is not for these types.
    ///
    /// # Errors
    /// A context or a property that does not fit the schema.
    pub fn search(
        &self,
        session: &Session,
        settings: &PartsSettings<'_>,
    ) -> Result<Option<Wanted>, Malformed> {
        let schema = session.schema();
        let (member, named) = &self.known;
        named.check(member)?;
        let (Some(of), Some(known), Some(action)) = (
            schema.entity_type_called(self.of),
            named.entity(schema),
            schema.action_called(self.action),
        ) else {
            return Ok(None);
        };
        let (principal, resource) = match self.sought {
            Sought::Principals => (&of.name, known.type_name()),
            Sought::Resources => (known.type_name(), &of.name),
        };
        if !action.principals.contains(principal) || !action.resources.contains(resource) {
            return Ok(None);
        }
        let (properties, context) = (self.action_properties, self.context);
        let context = context_of(schema, action, properties, context, settings.ignored)?;
        let named = [(*member, &known, named.properties)];
        check_places(session, &named, action, &context, settings.ignored)?;
        let described = described_by(session, &named, settings.entities)?;
        let context = QuestionContext::new(context).map_err(Malformed::question)?;
        Ok(Some(Wanted::Entities(Search {
            sought: self.sought,
            of: of.name.clone(),
            action: action.uid.clone(),
            known,
            context,
            described,
        })))
    }
}

impl ActionSearch {
    /// Makes a search for actions; `None` where there is no such type or id.
    ///
    /// # Errors
    /// A property that does not fit the schema.
    pub fn of_parts(
        session: &Session,
        subject: &NamedEntity<'_>,
        resource: &NamedEntity<'_>,
        context: Option<&Members>,
        settings: &PartsSettings<'_>,
    ) -> Result<Option<Wanted>, Malformed> {
        let schema = session.schema();
        subject.check("subject")?;
        resource.check("resource")?;
        let (Some(principal), Some(found)) = (subject.entity(schema), resource.entity(schema))
        else {
            return Ok(None);
        };
        let named = [
            ("subject", &principal, subject.properties),
            ("resource", &found, resource.properties),
        ];
        let described = described_by(session, &named, settings.entities)?;
        // One that needs another context cannot be asked with this one.
        let own = |action: &ActionType| {
            let ignored = settings.ignored;
            let own = context_of(schema, action, None, context, ignored).ok()?;
            let placed = check_places(session, &named, action, &own, ignored);
            placed.ok().map(|()| own)
        };
        let all = actions(&principal, &found, &session.state.bundle);
        let questions = ActionSearch::made(&principal, &found, &described, &all, own);
        Ok(Some(Wanted::Actions(Self {
            questions,
            principal,
            resource: found,
        })))
    }
}
