//! The side of a search that is known, and what policies there are for it.

use super::linked::{LinkUse, LinkedShard};
use super::{Search, Sought};
use crate::decide::{Decider, Failure};
use crate::slice::{Gathered, NamedEntities, SeenEntity, StateReading};

/// All that is known of a search before anything is looked for, of one state of the store.
#[derive(Debug)]
pub(crate) struct KnownSide {
    /// The entities that the policies can look at, without tags.
    pub(crate) seen: Vec<SeenEntity>,
    /// The policies of links that the store holds, where there may be any.
    pub(crate) linked: Option<LinkedShard>,
}

impl KnownSide {
    /// Gathers it; `None` where the search names entities that are not there, so that every question would be
    /// denied.
    ///
    /// # Errors
    /// See [`Failure`].
    pub(crate) async fn of(
        search: &Search,
        decider: Decider<'_>,
        reading: &mut StateReading<'_>,
        wanted: LinkUse,
    ) -> Result<Option<Self>, Failure> {
        let Decider { bundle, shard } = decider;
        loop {
            let gathered =
                reading.gather_untagged(search.named(), &search.described, &shard.plan)?;
            let (table, missing_links) = decider.links(reading)?;
            let missing = match gathered {
                Gathered::Absent(_) => return Ok(None),
                Gathered::Missing(mut missing) => {
                    missing.extend(missing_links);
                    missing
                }
                Gathered::Whole { .. } if missing_links.is_some() => {
                    missing_links.into_iter().collect()
                }
                Gathered::Whole { seen, .. } => {
                    let linked = match table {
                        Some(table) => Some(
                            LinkedShard::of(search, shard, &seen, &table, bundle, wanted).await?,
                        ),
                        None => None,
                    };
                    return Ok(Some(Self { seen, linked }));
                }
            };
            // A later state is as good: nothing else was read yet.
            reading.load(missing).await?;
        }
    }
}

impl Search {
    fn named(&self) -> NamedEntities<'_> {
        let (principal, resource) = match self.sought {
            Sought::Principals => (None, Some(&self.known)),
            Sought::Resources => (Some(&self.known), None),
        };
        NamedEntities {
            principal,
            resource,
            context: self.context.record(),
        }
    }
}
