//! The style and the script of all pages.

use std::sync::LazyLock;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::random::hash;

const STYLE: &str = include_str!("../assets/console.css");
const ICON: &str = include_str!("../assets/icon.svg");
const SCRIPT: &str = include_str!("../assets/console.js");

/// The targets of the style and the script, by their contents: another version has another target.
pub(crate) static TARGETS: LazyLock<[String; 2]> = LazyLock::new(|| {
    let version = |text: &str| -> String {
        let bytes = hash(text).into_iter().take(6);
        bytes.map(|byte| format!("{byte:02x}")).collect()
    };
    [
        format!("/console/console.css?v={}", version(STYLE)),
        format!("/console/console.js?v={}", version(SCRIPT)),
    ]
});

pub(crate) async fn style() -> Response {
    asset("text/css; charset=utf-8", STYLE)
}

pub(crate) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", SCRIPT)
}

pub(crate) async fn icon() -> Response {
    asset("image/svg+xml", ICON)
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "private, max-age=31536000, immutable"),
    ];
    (headers, text).into_response()
}
