//! A request for a plan in its native form, checked against the schema.

use serde_json::Value as Json;

use super::RowPlanRequest;
use crate::decide::{Fields, Malformed, QuestionContext, Session, demand, described_entities};
use crate::schema::Misfit;
use crate::search::{EntityOrType, Search, Sought, Wanted, named};
use crate::slice::Demand;

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
        Ok((Self { search }, demand))
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

    /// The type of the resources.
    #[must_use]
    pub fn resource_type(&self) -> &cedar_policy::EntityTypeName {
        &self.search.of
    }
}
