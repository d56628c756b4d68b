//! Searches: they are decided like questions, and nobody observes them.

use serde_json::Value as Json;

use super::super::page::{Page, PageRequest};
use super::super::problem::Problem;
use super::open::{Exchange, noted};
use super::question::DemandedState;
use peppol_authz_engine::slice::Demand;
use peppol_authz_engine::{
    ActionSearch, Failure, Malformed, Members, NamedEntity, SearchPage, SearchParts, SearchResult,
    Wanted,
};

/// How a search is answered.
#[derive(Clone, Copy)]
pub(in crate::http) struct SearchForm {
    /// With the reasons for its results.
    pub(in crate::http) explain: bool,
    /// True if the setting lets the caller have them.
    pub(in crate::http) allowed_by_setting: bool,
    /// False for a caller who understands no obligation.
    pub(in crate::http) binds: bool,
}

impl Exchange<'_> {
    /// Reads a search in its native form, and what it demands of the state.
    ///
    /// # Errors
    /// A search that does not fit the schema.
    pub(in crate::http) fn search(&self, json: &Json) -> Result<(Wanted, Demand), Problem> {
        let wanted = Wanted::read(&self.session, json, self.app.limits.entities);
        wanted.map_err(|malformed| self.refused(malformed))
    }

    /// Makes a search of parts; `None` where nothing could be found. The fault is not counted.
    ///
    /// # Errors
    /// Parts that do not fit the schema.
    pub(in crate::http) fn search_of(
        &self,
        parts: &SearchParts<'_>,
    ) -> Result<Option<Wanted>, Malformed> {
        parts.search(&self.session, &self.parts_settings())
    }

    /// Makes a search for actions of parts; `None` where nothing could be found. The fault is not
    /// counted.
    ///
    /// # Errors
    /// Parts that do not fit the schema.
    pub(in crate::http) fn action_search_of(
        &self,
        subject: &NamedEntity<'_>,
        resource: &NamedEntity<'_>,
        context: Option<&Members>,
    ) -> Result<Option<Wanted>, Malformed> {
        let settings = self.parts_settings();
        ActionSearch::of_parts(&self.session, subject, resource, context, &settings)
    }

    /// Reads which page is asked for. `description` says of which search. The fault is
    /// not counted.
    ///
    /// # Errors
    /// A token that is none of this search.
    pub(in crate::http) fn page(
        &self,
        request: &PageRequest<'_>,
        description: &str,
    ) -> Result<Page, Malformed> {
        let most = self.app.limits.page;
        self.app.pages.read(request, description, most)
    }

    /// The token of the page behind one; `None` where there is no other.
    pub(in crate::http) fn next_page(
        &self,
        page: &Page,
        found: &SearchResult,
        description: &str,
    ) -> Option<String> {
        found
            .more
            .then(|| self.app.pages.next(page, found, description))
    }

    /// Finds a page, and counts it.
    ///
    /// # Errors
    /// A store that fails, a page that would take too many decisions.
    pub(in crate::http) async fn find(
        &self,
        wanted: &Wanted,
        demanded: DemandedState,
        page: &Page,
        how: SearchForm,
    ) -> Result<SearchResult, Problem> {
        let explains = how.explain.then_some(how.allowed_by_setting);
        self.permit_search(wanted, explains)?;
        let part = SearchPage {
            after: page.after.clone(),
            limit: page.limit,
            most: self.app.limits.candidates,
            explain: how.explain,
            binds: how.binds,
        };
        self.has_read();
        let found = wanted.find(&self.session, &part, &demanded.0).await;
        self.has_decided();
        self.app.metrics.questions.searched(&found);
        let decided = match &found {
            Ok(found) => found.decided,
            Err(Failure::TooWide(most)) => *most,
            Err(_) => 0,
        };
        self.app.limits.peaks.candidates.note(decided);
        let found = found.map_err(|failure| noted(self.app, failure.into()))?;
        tracing::debug!(
            found = found.entities.len(),
            decided = found.decided,
            "searched"
        );
        Ok(found)
    }
}
