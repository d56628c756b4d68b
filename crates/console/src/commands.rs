//! Parts of the command line that pages show: they are made there, from the settings.

use peppol_authz_author::suite::Suites;

/// Reads the suites that the settings name.
type ReadSuites = Box<dyn Fn() -> Result<Suites, String> + Send + Sync>;

/// Looks at all that `doctor` looks at.
type Doctor = Box<dyn Fn() -> Vec<DoctorCheck> + Send + Sync>;

/// Parts of the command line.
pub struct Commands {
    /// Reads the suites of `reload.suites`, as `test` does; `None` where there are none.
    pub suites: Option<ReadSuites>,
    /// The checks of `doctor`. They block.
    pub doctor: Doctor,
}

impl std::fmt::Debug for Commands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Commands").finish_non_exhaustive()
    }
}

/// A check of `doctor`.
#[derive(Clone, Debug)]
pub struct DoctorCheck {
    /// The state, as `doctor` names it: `ok`, `warning` or `wrong`.
    pub state: &'static str,
    /// The thing that was looked at, and what was found.
    pub text: String,
}
