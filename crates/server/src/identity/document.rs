//! Documents out of files and out of answers, of bounded length.

use std::path::Path;

use ureq::Body;
use ureq::http::Response;

use peppol_authz_database::tls_advice;
use peppol_authz_engine::file::{Length, read_file, read_stream};
use peppol_authz_engine::text::without_mark;

/// The longest document that is accepted.
const LONGEST: Length = Length {
    bytes: 1 << 20,
    setting: None,
};

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub(super) enum DocumentError {
    /// A file or an answer that cannot be read, or is too long.
    #[error("{0}")]
    Unread(#[from] std::io::Error),
    #[error("{}", said(.0))]
    Server(#[from] ureq::Error),
    #[error("the server answered {0}, and not 200")]
    Status(u16),
}

/// An error in words, with what to do about it where a certificate is the cause.
fn said(error: &ureq::Error) -> String {
    let advice = match error {
        ureq::Error::Rustls(cause) => tls_advice(cause),
        ureq::Error::Io(cause) => tls_advice(cause),
        _ => None,
    };
    match advice {
        Some(advice) => format!("{error}; {advice}"),
        None => error.to_string(),
    }
}

/// Reads a file, without its byte order mark; blocks.
pub(super) fn of_file(path: &Path) -> Result<Vec<u8>, DocumentError> {
    Ok(without_mark(&read_file(path, LONGEST)?).to_vec())
}

/// Reads the body of an answer; blocks.
pub(super) fn of_answer(answer: Response<Body>) -> Result<Vec<u8>, DocumentError> {
    if answer.status() != 200 {
        return Err(DocumentError::Status(answer.status().as_u16()));
    }
    Ok(read_stream(answer.into_body().into_reader(), LONGEST)?)
}
