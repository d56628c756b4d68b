//! How new a state has to be.

use std::time::Duration;

use super::look::{Known, Look};
use crate::store::Revision;

/// How new a state has to be.
#[derive(Clone, Debug, Default)]
pub struct Demand {
    /// States that it has to hold.
    pub at_least: Vec<Revision>,
    /// How long ago it may have been the newest.
    pub max_age: Option<Duration>,
}

impl Demand {
    /// Adds what another demands.
    pub fn join(&mut self, other: &Self) {
        self.at_least.extend_from_slice(&other.at_least);
        self.max_age = match (self.max_age, other.max_age) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    /// True if any state will do that is new enough by the settings.
    pub(crate) fn is_empty(&self) -> bool {
        self.at_least.is_empty() && self.max_age.is_none()
    }

    /// True if a state holds all that is demanded, as far as its name tells.
    pub(super) fn is_held_by(&self, revision: &Revision) -> bool {
        let mut wanted = self.at_least.iter();
        wanted.all(|wanted| revision.holds(wanted) == Some(true))
    }

    /// True if a state that was the newest so long ago is young enough.
    pub(super) fn admits(&self, age: Duration) -> bool {
        self.max_age.is_none_or(|max_age| age <= max_age)
    }
}

/// How states are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// True if somebody follows the store, so that a state which was seen may be
    /// answered from. If not, every question looks.
    pub followed: bool,
    /// How long ago a state may have been the newest that is answered from without
    /// looking, where the action does not say.
    pub max_stale: Duration,
    /// The same for a store that does not tell what changes.
    pub untold_max_age: Duration,
    /// How long a state that a question demands is waited for.
    pub wait: Duration,
    /// How long ago a state may have been the newest where the store can be looked at so closely
    /// ([`crate::store::Snapshot::newest`]); `None` where nobody says.
    pub closely: Option<Duration>,
}

impl Freshness {
    /// Every question looks at the store.
    pub const EACH: Self = Self {
        followed: false,
        max_stale: Duration::ZERO,
        untold_max_age: Duration::ZERO,
        wait: Duration::from_secs(1),
        closely: None,
    };

    /// True if a state that was seen may be answered from without looking again.
    pub(super) fn admits(&self, known: &Known, look: Look, demand: &Demand) -> bool {
        if let Some(mark) = known.mark {
            if look.mark != Some(mark) {
                return false;
            }
            // Nothing was written since: it is the newest.
            if mark.settles {
                return true;
            }
        }
        let age = look.looked.since(known.looked);
        self.followed
            && age <= self.max_stale
            && (known.told || age <= self.untold_max_age)
            && demand.admits(age.saturating_add(known.lag))
            && self.admits_lag(age.saturating_add(known.lag))
    }

    /// True if a state that was the newest so long ago need not be looked at closely.
    pub(super) fn admits_lag(&self, lag: Duration) -> bool {
        self.closely.is_none_or(|closely| lag <= closely)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::Moment;
    use crate::store::EntitiesFile;

    /// A replica that has replayed nothing yet cannot tell how old its state is.
    #[test]
    fn a_state_whose_age_nobody_knows_is_older_than_any_demand() {
        let store = EntitiesFile::parse(b"[]").unwrap();
        let freshness = Freshness {
            followed: true,
            max_stale: Duration::MAX,
            ..Freshness::EACH
        };
        let known = |lag| Known {
            epoch: 1,
            revision: Revision::number(1),
            looked: Moment::now(),
            lag,
            told: true,
            mark: None,
        };
        let demand = |max_age| Demand {
            max_age,
            ..Demand::default()
        };
        let hour = demand(Some(Duration::from_secs(3600)));
        let look = Look::now(&store);
        assert!(!freshness.admits(&known(Duration::MAX), look, &hour));
        assert!(freshness.admits(&known(Duration::ZERO), look, &hour));
        assert!(freshness.admits(&known(Duration::MAX), look, &demand(None)));
        assert_eq!(known(Duration::MAX).newest_by(look).age(), Duration::MAX);
    }
}
