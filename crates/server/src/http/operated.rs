//! The parts of a running program that operators see and change.

use tokio::sync::Notify;

use super::problem::Problem;
use crate::config::SettingInForce;

/// The parts of a running program that operators see and change.
#[derive(Default)]
pub struct Operated {
    /// The settings in force, with their origins and without secrets.
    pub settings: Vec<SettingInForce>,
    /// Somebody wants the files to be read again.
    pub reread: Notify,
    /// The filter of the log, where the program has one that can be changed.
    pub log_filter: Option<Box<dyn LogFilter>>,
}

/// A filter of the log that can be changed.
pub trait LogFilter: Send + Sync {
    /// The filter in force.
    fn text(&self) -> String;

    /// Checks that a text is a filter.
    ///
    /// # Errors
    /// It is none; why.
    fn check(&self, filter: &str) -> Result<(), String>;

    /// Puts another one in force.
    ///
    /// # Errors
    /// It is none; why.
    fn change(&self, filter: &str) -> Result<(), String>;
}

impl Operated {
    /// The filter of the log.
    ///
    /// # Errors
    /// There is none that can be changed.
    pub(super) fn filter(&self) -> Result<&dyn LogFilter, Problem> {
        self.log_filter.as_deref().ok_or(Problem::NotFound)
    }
}
