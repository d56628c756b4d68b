//! Searching for what is wanted.

use super::read::Wanted;
use super::searching::Searching;
use super::{SearchPage, SearchResult};
use crate::decide::{Failure, Session};
use crate::slice::Demand;

impl Wanted {
    /// Searches for what is wanted, from one state of the store such as is demanded.
    ///
    /// # Errors
    /// See [`Failure`]; [`Failure::TooWide`] where more candidates would have to be
    /// decided than [`SearchPage::most`].
    pub async fn find(
        &self,
        session: &Session,
        part: &SearchPage,
        demand: &Demand,
    ) -> Result<SearchResult, Failure> {
        match self {
            Self::Entities(search) => Searching::new(session, search, part)?.find(demand).await,
            Self::Actions(search) => search.find(session, part, demand).await,
        }
    }
}
