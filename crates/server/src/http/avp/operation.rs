//! The operations that are offered.

use axum::http::HeaderMap;

use peppol_authz_engine::Malformed;
use peppol_authz_engine::schema::Misfit;

/// The operation that `X-Amz-Target` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AvpOperation {
    IsAuthorized,
    BatchIsAuthorized,
}

impl AvpOperation {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Malformed> {
        let unknown = |text: &str| Malformed {
            code: "UNKNOWN_OPERATION",
            misfit: Misfit::new(text),
        };
        let target = headers
            .get("x-amz-target")
            .and_then(|target| target.to_str().ok()?.strip_prefix("VerifiedPermissions."));
        match target {
            Some("IsAuthorized") => Ok(Self::IsAuthorized),
            Some("BatchIsAuthorized") => Ok(Self::BatchIsAuthorized),
            Some("IsAuthorizedWithToken" | "BatchIsAuthorizedWithToken") => Err(unknown(
                "tokens are not read here: verify the token, and ask with the principal that it names",
            )),
            _ => Err(unknown(
                "`X-Amz-Target`: VerifiedPermissions.IsAuthorized and .BatchIsAuthorized are offered",
            )),
        }
    }
}
