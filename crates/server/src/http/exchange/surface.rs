//! The surfaces by name, and how each tells of a failure.

use super::super::problem::Problem;
use peppol_authz_engine::schema::Misfit;
use peppol_authz_engine::{Failure, Malformed};

/// A surface that decisions leave by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Surface {
    Native,
    Authzen,
    Avp,
    Cerbos,
    Gateway,
    Console,
}

/// Why there is no decision, as it is counted.
pub(super) enum CountedFailure {
    /// The question does not fit.
    Malformed(Malformed),
    /// The store cannot serve it.
    StoreFailure(Problem),
}

impl Surface {
    /// Its name in the decision log.
    pub(in crate::http) fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Authzen => "authzen",
            Self::Avp => "avp",
            Self::Cerbos => "cerbos",
            Self::Gateway => "gateway",
            Self::Console => "console",
        }
    }

    /// Its name for the policies of callers. Who asks by the console may ask what the API would answer, and no more.
    pub(super) fn name_for_callers(self) -> &'static str {
        match self {
            Self::Console => Self::Native.name(),
            own => own.name(),
        }
    }

    /// Tells of a failure in the words of the surface.
    pub(super) fn told(self, failure: Failure) -> CountedFailure {
        match (self, failure) {
            // The caller describes entities by their properties there.
            (Self::Authzen, Failure::Described) => {
                let misfit = Misfit::new("refers to an entity that is not there");
                CountedFailure::Malformed(Malformed {
                    code: "ENTITY_REFERS_TO_NOTHING",
                    misfit: misfit.within("properties"),
                })
            }
            // The sender of the request cannot do anything about it.
            (Self::Gateway, failure @ Failure::TooWide(_)) => {
                let text = format!("an entity is looked up: {failure}");
                CountedFailure::StoreFailure(Problem::Tenancy(text))
            }
            (_, failure) => CountedFailure::StoreFailure(failure.into()),
        }
    }
}
