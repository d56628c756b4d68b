//! Keys that are read from files.

use std::path::Path;

use crate::cli::output::AnyError;
use peppol_authz_engine::file::read_once;
use peppol_authz_server::config::{self, Explain};
use peppol_authz_server::http::{ExplainKey, Explainers, Pages};

/// The least length of a key, in bytes.
const KEY_BYTES: usize = 32;

/// The key of the tokens that lead from page to page.
pub(super) fn pages(key: Option<&Path>) -> Result<Pages, AnyError> {
    let Some(path) = key else {
        return Ok(Pages::random()?);
    };
    let shown = path.display();
    let key =
        read_once(path).map_err(|error| format!("`search.token_key_file`: `{shown}`: {error}"))?;
    if key.len() < KEY_BYTES {
        let text = format!("`search.token_key_file`: `{shown}` has fewer than {KEY_BYTES} bytes");
        return Err(text.into());
    }
    Ok(Pages::new(&key))
}

/// The callers that may have decisions explained. A key that no header could hold is refused.
pub(super) fn explainers(explain: &Explain) -> Result<Explainers, AnyError> {
    let path = match (explain.allow, &explain.key_file) {
        (config::ExplainersSettings::Nobody, _) => return Ok(Explainers::Nobody),
        (config::ExplainersSettings::All, _) => return Ok(Explainers::All),
        (config::ExplainersSettings::Key, None) => {
            return Err("`explain.key_file`: is missing".into());
        }
        (config::ExplainersSettings::Key, Some(path)) => path,
    };
    let shown = path.display();
    let key = read_once(path).map_err(|error| format!("`explain.key_file`: `{shown}`: {error}"))?;
    let key = key.strip_suffix(b"\n").unwrap_or(&key);
    let key = key.strip_suffix(b"\r").unwrap_or(key);
    if key.len() < KEY_BYTES || !key.iter().all(u8::is_ascii_graphic) {
        let text = format!(
            "`explain.key_file`: `{shown}` has not {KEY_BYTES} visible characters without blanks"
        );
        return Err(text.into());
    }
    Ok(Explainers::Key(ExplainKey::new(key)))
}
