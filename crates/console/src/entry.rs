//! How somebody comes in, or not.

use peppol_authz_server::http::Problem;

/// Where somebody signs in.
pub(crate) const SIGN_IN: &str = "/console/sign-in";

/// The cookie of a session.
pub(crate) const SESSION: &str = "peppol-authz-session";

/// The field of a form that shows where it is from.
pub(crate) const FORM_MARK: &str = "form";

/// Why a request is not let in.
pub(crate) enum NotEntered {
    /// A session that has ended.
    SessionOver,
    /// A page of a stranger could be behind it.
    Foreign,
    Problem(Problem),
}
