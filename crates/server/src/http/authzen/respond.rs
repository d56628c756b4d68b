//! A request of this surface, between its body and its answer.

use std::sync::Arc;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;

use super::super::app::App;
use super::super::exchange::{Answering, Exchange, Surface, answered};
use super::super::json;
use super::super::problem::Problem;
use super::members;
use crate::config::Reveal;

/// Answers a request by its headers and its body. The answer reveals as much as the settings say.
pub(super) async fn respond<F>(
    app: Arc<App>,
    headers: HeaderMap,
    body: Body,
    answer: F,
) -> Result<Response, Problem>
where
    F: for<'e> FnOnce(Exchange<'e>, HeaderMap, Bytes, Reveal) -> Answering<'e, Vec<u8>>
        + Send
        + 'static,
{
    let reveal = app.authzen.reveal();
    let is_json = members::is_json(&headers);
    let answer = answered(
        &app,
        Surface::Authzen,
        is_json,
        body,
        move |exchange, text| answer(exchange, headers, text, reveal),
    );
    answer.await.map(json::response)
}
