//! A request's body, within limits of size and time.

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::limits::Limits;
use super::problem::Problem;

pub(super) async fn read(body: Body, limits: &Limits) -> Result<Bytes, Problem> {
    let read = read_within(body, limits).await;
    match &read {
        Ok(text) => limits.peaks.body_bytes.note(text.len()),
        Err(Problem::BodyTooLarge(most)) => limits.peaks.body_bytes.note(*most),
        Err(_) => {}
    }
    read
}

async fn read_within(body: Body, limits: &Limits) -> Result<Bytes, Problem> {
    // A body that is announced as too large is not waited for.
    if usize::try_from(body.size_hint().lower()).map_or(true, |least| least > limits.body_bytes) {
        return Err(Problem::BodyTooLarge(limits.body_bytes));
    }
    let collected = Limited::new(body, limits.body_bytes).collect();
    match tokio::time::timeout(limits.body_read_timeout, collected).await {
        Err(_) => Err(Problem::BodyNotRead("the body did not arrive in time")),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Problem::BodyTooLarge(limits.body_bytes))
        }
        Ok(Err(_)) => Err(Problem::BodyNotRead("the body did not arrive whole")),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
    }
}

/// Lets a body arrive that nobody reads, within the same limits.
pub(super) async fn discard(body: Body, limits: &Limits) {
    let mut body = Limited::new(body, limits.body_bytes);
    let arrive = async { while matches!(body.frame().await, Some(Ok(_))) {} };
    // A body that is longer or later costs only the connection.
    let _ = tokio::time::timeout(limits.body_read_timeout, arrive).await;
}
