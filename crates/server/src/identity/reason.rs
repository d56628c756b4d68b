//! Reasons why a token is not valid.

/// Why a token is not valid, for the log and the metrics. It is the program's own text: no part of a
/// token can be in it.
pub(super) type InvalidReason = &'static str;
