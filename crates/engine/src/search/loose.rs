//! A search out of parts, from programs that do not know the schema: what the schema
//! does not have is dropped, and where nothing could be asked nothing is found.

use super::actions::actions;
use super::read::{ActionSearch, Wanted};
use super::{Search, Sought};
use crate::decide::Session;
use crate::decide::{Malformed, Question};
use crate::decide::{Members, Named};
use crate::slice::Demand;

/// The parts of a search for principals or resources.
#[derive(Clone, Copy, Debug)]
pub struct SearchParts<'a> {
    /// What is looked for.
    pub sought: Sought,
    /// Its type, see [`crate::schema::Schema::entity_type_called`].
    pub of: &'a str,
    /// The other one, with the member that it is written in.
    pub known: (&'a str, Named<'a>),
    /// What is asked, see [`crate::schema::Schema::action_called`].
    pub action: &'a str,
    /// What the caller says of the action: context, and wins over it.
    pub action_properties: Option<&'a Members>,
    /// With what.
    pub context: Option<&'a Members>,
}

impl Session<'_> {
    /// Makes a search out of its parts; `None` where nothing can be found, since there
    /// is no such type, id or action, or the action is not for these types. `most` is
    /// how many entities a caller may describe.
    ///
    /// # Errors
    /// A context or a property that does not fit the schema.
    pub fn search_of(
        &self,
        parts: &SearchParts<'_>,
        most: usize,
    ) -> Result<Option<Wanted>, Malformed> {
        let schema = &self.state.bundle.schema;
        let (member, named) = &parts.known;
        let (Some(of), Some(known), Some(action)) = (
            schema.entity_type_called(parts.of),
            self.entity_called(named),
            schema.action_called(parts.action),
        ) else {
            return Ok(None);
        };
        let (principal, resource) = match parts.sought {
            Sought::Principals => (&of.name, known.type_name()),
            Sought::Resources => (known.type_name(), &of.name),
        };
        if !action.principals.contains(principal) || !action.resources.contains(resource) {
            return Ok(None);
        }
        let context = self.context_of(action, parts.action_properties, parts.context)?;
        let described = self.described_by(&[(member, &known, named.properties)], most)?;
        Ok(Some(Wanted::Entities(Search {
            sought: parts.sought,
            of: of.name.clone(),
            action: action.uid.clone(),
            known,
            context,
            described,
            demand: Demand::default(),
        })))
    }

    /// Makes a search for actions; `None` where there is no such type or id.
    ///
    /// # Errors
    /// A property that does not fit the schema.
    pub fn action_search_of(
        &self,
        subject: &Named<'_>,
        resource: &Named<'_>,
        context: Option<&Members>,
        most: usize,
    ) -> Result<Option<Wanted>, Malformed> {
        let (Some(principal), Some(found)) =
            (self.entity_called(subject), self.entity_called(resource))
        else {
            return Ok(None);
        };
        let described = self.described_by(
            &[
                ("subject", &principal, subject.properties),
                ("resource", &found, resource.properties),
            ],
            most,
        )?;
        let questions = actions(&principal, &found, &self.state.bundle)
            .into_iter()
            .filter_map(|action| {
                // One that needs another context cannot be asked with this one.
                let context = self.context_of(action, None, context).ok()?;
                Question::new(
                    principal.clone(),
                    action.uid.clone(),
                    found.clone(),
                    context,
                    described.clone(),
                )
                .ok()
            });
        Ok(Some(Wanted::Actions(ActionSearch {
            questions: questions.collect(),
            principal,
            resource: found,
            demand: Demand::default(),
        })))
    }
}
