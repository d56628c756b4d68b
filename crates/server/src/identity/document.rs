//! Documents out of files and out of answers, of bounded length.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ureq::Body;
use ureq::http::Response;

use peppol_authz_database::tls_advice;
use peppol_authz_engine::text::without_mark;

/// The longest document that is accepted, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub(super) enum DocumentError {
    #[error("{0}")]
    File(#[from] std::io::Error),
    #[error("it is no file")]
    NoFile,
    #[error("{}", said(.0))]
    Server(#[from] ureq::Error),
    #[error("the server answered {0}, and not 200")]
    Status(u16),
    #[error("it is longer than {MAX_BYTES} bytes")]
    TooLong,
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
    // Opening a pipe would wait for a writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(DocumentError::NoFile);
    }
    Ok(without_mark(&bounded(File::open(path)?)?).to_vec())
}

/// Reads the body of an answer; blocks.
pub(super) fn of_answer(answer: Response<Body>) -> Result<Vec<u8>, DocumentError> {
    if answer.status() != 200 {
        return Err(DocumentError::Status(answer.status().as_u16()));
    }
    bounded(answer.into_body().into_reader())
}

fn bounded(from: impl Read) -> Result<Vec<u8>, DocumentError> {
    let mut document = Vec::new();
    from.take(MAX_BYTES + 1).read_to_end(&mut document)?;
    if document.len() as u64 > MAX_BYTES {
        return Err(DocumentError::TooLong);
    }
    Ok(document)
}
