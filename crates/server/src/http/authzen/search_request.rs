//! Requests for searches, as section 8 of the specification describes them.

use super::super::page::PageRequest;
use super::members::{action, named, optional, placed, required, spelled, text};
use peppol_authz_engine::schema::Misfit;
use peppol_authz_engine::{
    Malformed, Members, MembersOfContexts, NamedEntity, SearchParts, Sought,
};

/// A request for a search.
pub(super) struct SearchRequest<'a> {
    pub(super) wanted: Searched<'a>,
    /// The type that is looked for, as the caller names it.
    pub(super) kind: &'a str,
    pub(super) context: Option<&'a Members>,
    pub(super) page: PageRequest<'a>,
}

/// The parts of a search.
pub(super) enum Searched<'a> {
    Entities(SearchParts<'a>),
    Actions {
        subject: NamedEntity<'a>,
        resource: NamedEntity<'a>,
    },
}

impl<'a> SearchRequest<'a> {
    /// Reads a search for entities. Only the type of what is looked for counts.
    pub(super) fn for_entities(
        members: &'a Members,
        sought: Sought,
        contexts: MembersOfContexts<'_>,
    ) -> Result<Self, Malformed> {
        let (of, other) = match sought {
            Sought::Principals => ("subject", "resource"),
            Sought::Resources => ("resource", "subject"),
        };
        let read = || -> Result<Self, Misfit> {
            let of = required(members, of, |members| {
                placed(members, &["type"], contexts)?;
                text(members, "type")
            })?;
            let known = (other, required(members, other, |it| named(it, contexts))?);
            let (action, action_properties) =
                required(members, "action", |it| action(it, contexts))?;
            let context = optional(members, "context")?;
            let parts = SearchParts {
                sought,
                of,
                known,
                action,
                action_properties,
                context,
            };
            Self::new(members, Searched::Entities(parts), of, contexts)
        };
        read().map_err(Malformed::question)
    }

    pub(super) fn for_actions(
        members: &'a Members,
        contexts: MembersOfContexts<'_>,
    ) -> Result<Self, Malformed> {
        let read = || -> Result<Self, Misfit> {
            let wanted = Searched::Actions {
                subject: required(members, "subject", |it| named(it, contexts))?,
                resource: required(members, "resource", |it| named(it, contexts))?,
            };
            Self::new(members, wanted, "", contexts)
        };
        read().map_err(Malformed::question)
    }

    fn new(
        members: &'a Members,
        wanted: Searched<'a>,
        kind: &'a str,
        contexts: MembersOfContexts<'_>,
    ) -> Result<Self, Misfit> {
        placed(
            members,
            &["subject", "action", "resource", "context", "page"],
            contexts,
        )?;
        let page = optional(members, "page")?.map(|page| {
            spelled(page, &["token", "limit"])?;
            PageRequest::read(page)
        });
        let page = page.transpose();
        let page = page.map_err(|misfit| misfit.within("page"))?;
        Ok(Self {
            wanted,
            kind,
            context: optional(members, "context")?,
            page: page.unwrap_or_default(),
        })
    }
}
