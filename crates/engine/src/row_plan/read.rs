//! A request for a plan in its native form, checked against the schema.

use std::fmt;
use std::sync::Arc;

use cedar_policy::{EntityTypeName, EntityUid};
use serde_json::{Map, Value as Json};

use super::RowPlanRequest;
use crate::decide::{Fields, Malformed, QuestionContext, Session, demand, described_entities};
use crate::schema::{ActionType, Misfit, record_to_json};
use crate::search::{EntityOrType, Search, Sought, Wanted, named};
use crate::slice::{Demand, Described};

const CODE: &str = "MALFORMED_PLAN";

impl RowPlanRequest {
    /// Reads a request: a question whose resource is given by its type alone, as `{"type": "…"}`;
    /// and what it demands of the state that it is answered from. `most_entities` is how many a
    /// caller may describe.
    ///
    /// # Errors
    /// The first member that does not fit the schema.
    pub fn read(
        session: &Session,
        json: &Json,
        most_entities: usize,
    ) -> Result<(Self, Demand), Malformed> {
        let bundle = &session.state.bundle;
        let fields = Fields::of(json, &bundle.schema, CODE, |_, _| false)?;
        let described = described_entities(fields.members, bundle, session.store(), most_entities)?;
        let demand = demand::read(fields.members, session.store())?;
        let known = fields.entity("principal")?;
        let action = fields.action()?;
        let EntityOrType::Type(of) = named(&fields, "resource", bundle)? else {
            let misfit = Misfit::new("its type alone is wanted, as {\"type\": \"…\"}");
            return Err(fields.malformed("resource", misfit));
        };
        let request = Self::fitting(&fields, known, action, of, described)?;
        Ok((request, demand))
    }

    /// The request for a plan of what a principal may do on resources of a type, without a context and
    /// without entities that somebody describes.
    ///
    /// # Errors
    /// An action that takes no such principal or resource, or that needs a context.
    pub fn without_context(
        session: &Session,
        principal: EntityUid,
        action: &EntityUid,
        of: EntityTypeName,
    ) -> Result<Self, Malformed> {
        let none = Map::new();
        let fields = Fields::of_members(&none, &session.state.bundle.schema, CODE);
        let action = fields.known_action(action)?;
        let described = Arc::new(Described::new(Vec::new()));
        Self::fitting(&fields, principal, action, of, described)
    }

    fn fitting(
        fields: &Fields<'_>,
        known: EntityUid,
        action: &ActionType,
        of: EntityTypeName,
        described: Arc<Described>,
    ) -> Result<Self, Malformed> {
        fields.takes(action, known.type_name(), &of)?;
        let context = QuestionContext::new(fields.context(action)?);
        let context = context.map_err(|misfit| fields.malformed("context", misfit))?;
        let search = Search {
            sought: Sought::Resources,
            of,
            known,
            action: action.uid.clone(),
            context,
            described,
        };
        Ok(Self { search })
    }

    /// The request for a plan of what a search for resources looks for; `None` for any other search.
    /// [`crate::SearchParts`] makes searches out of looser names.
    #[must_use]
    pub fn of(wanted: Wanted) -> Option<Self> {
        match wanted {
            Wanted::Entities(search) if search.sought == Sought::Resources => Some(Self { search }),
            Wanted::Entities(_) | Wanted::Actions(_) => None,
        }
    }

    /// The action.
    #[must_use]
    pub fn action(&self) -> &cedar_policy::EntityUid {
        &self.search.action
    }

    /// The type of the resources.
    #[must_use]
    pub fn resource_type(&self) -> &EntityTypeName {
        &self.search.of
    }
}

impl fmt::Display for RowPlanRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Search {
            known, action, of, ..
        } = &self.search;
        write!(f, "{action} by {known} on each {of}")?;
        let context = self.search.context.record();
        if !context.is_empty() {
            write!(f, " with {}", record_to_json(context))?;
        }
        Ok(())
    }
}
