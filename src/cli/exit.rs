//! Exit statuses.

use std::process::ExitCode;

/// The end of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or allowed.
    Done,
    /// Failed.
    Failed,
    /// Denied.
    Denied,
    /// Policies, schema or routes are not valid.
    Invalid,
    /// A policy test failed, something is not proved, or decisions changed.
    TestFailed,
    /// Wrong usage.
    Usage,
}

/// The end of a command; `Err` if it stopped early, after it has written why.
pub(super) type Ended = Result<Exit, Exit>;

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0_u8,
            Exit::Failed => 1,
            Exit::Denied => 2,
            Exit::Invalid => 3,
            Exit::TestFailed => 4,
            Exit::Usage => 64,
        })
    }
}
