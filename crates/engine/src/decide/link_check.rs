//! All links of a store, held to a set before any question comes to them.

use crate::policy::Bundle;
use crate::slice::{LinkTable, links_misfit, unread_links};
use crate::store::{Snapshot, Store, StoreError};

/// The links of a state of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckedLinks {
    /// How many there are.
    pub count: usize,
    /// Those that misfit, each with what is wrong.
    pub faults: Vec<String>,
}

impl CheckedLinks {
    /// Why a set and a store do not say the same of links, as far as the store knows by now.
    #[must_use]
    pub fn misfit(bundle: &Bundle, store: &dyn Store) -> Option<String> {
        links_misfit(bundle, store)
    }

    /// The warning that nobody reads the links of a store, as far as it knows by now that it has some.
    #[must_use]
    pub fn unread(bundle: &Bundle, store: &dyn Store) -> Option<String> {
        unread_links(bundle, store)
    }

    /// Holds all links of a state to a set, whose links are in the store too.
    ///
    /// # Errors
    /// Links that cannot be read.
    pub async fn of(snapshot: &mut dyn Snapshot, bundle: &Bundle) -> Result<Self, StoreError> {
        let table = LinkTable::read(snapshot, &bundle.schema).await?;
        let mut checked = Self::default();
        for link in table.all() {
            checked.count += 1;
            if let Err(fault) = bundle.stored_policy(link) {
                checked.faults.push(fault);
            }
        }
        checked.faults.sort();
        Ok(checked)
    }
}
