//! The answer of a collector.

use bytes::{Buf, Bytes};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{HeaderMap, Response};
use prost::Message;
use tonic::{Code, Status};

use super::error::CollectorError;
use crate::telemetry::messages::ExportResponse;

/// The longest answer that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// Statuses with which the same may be sent again, by OTLP.
const BUSY: [u16; 4] = [429, 502, 503, 504];

/// How many parts of a message were rejected.
///
/// # Errors
/// It was not taken.
pub(super) async fn answered(answer: Response<Incoming>) -> Result<u64, CollectorError> {
    let status = answer.status();
    let (body, _) = read(answer).await?;
    match status.as_u16() {
        200 => Ok(rejected(&body)),
        busy if BUSY.contains(&busy) => Err(CollectorError::Busy(status.to_string())),
        _ => Err(CollectorError::Refused(status.to_string())),
    }
}

/// The same by gRPC.
///
/// # Errors
/// The same.
pub(super) async fn answered_by_grpc(answer: Response<Incoming>) -> Result<u64, CollectorError> {
    let status = answer.status();
    let at_head = Status::from_header_map(answer.headers());
    if status != 200 {
        let busy = BUSY.contains(&status.as_u16());
        let status = status.to_string();
        return Err(match busy {
            true => CollectorError::Busy(status),
            false => CollectorError::Refused(status),
        });
    }
    let (mut body, trailers) = read(answer).await?;
    let at_end = trailers.as_ref().and_then(Status::from_header_map);
    let Some(status) = at_head.or(at_end) else {
        return Err(CollectorError::Connection(
            "its answer has no status".to_owned(),
        ));
    };
    let said = || {
        let message: String = status.message().chars().take(200).collect();
        format!("{:?}: {message}", status.code())
    };
    match status.code() {
        Code::Ok => {
            body.advance(body.len().min(5));
            Ok(rejected(&body))
        }
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Err(CollectorError::Busy(said())),
        _ => Err(CollectorError::Refused(said())),
    }
}

async fn read(answer: Response<Incoming>) -> Result<(Bytes, Option<HeaderMap>), CollectorError> {
    let body = Limited::new(answer.into_body(), LONGEST).collect().await;
    let body = body.map_err(|error| CollectorError::Connection(error.to_string()))?;
    let trailers = body.trailers().cloned();
    Ok((body.to_bytes(), trailers))
}

/// One that cannot be read says of nothing that it was rejected.
fn rejected(body: &[u8]) -> u64 {
    let answer = ExportResponse::decode(body).unwrap_or_default();
    let rejected = answer.partial_success.map_or(0, |partial| partial.rejected);
    u64::try_from(rejected).unwrap_or(0)
}
