//! The headers and checks by which no other page can use this one.

use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

/// Nothing is loaded from elsewhere, and no script or style stands in a page.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    // By `no-referrer` a form of our own would come from the origin `null`.
    (REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=()",
    ),
];

/// Puts the headers on every answer.
pub(crate) async fn guarded(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The one value of a header; `None` where there is none, or several.
pub(crate) fn one<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// True if a page of this origin has sent a form, as the browser says. One that says nothing has sent none.
pub(crate) fn is_own_form(headers: &HeaderMap) -> bool {
    let site = one(headers, "sec-fetch-site");
    let is_of_host = one(headers, ORIGIN.as_str()).map(|origin| {
        let host = origin.split_once("://").map(|(_, host)| host);
        host.is_some() && host == one(headers, HOST.as_str())
    });
    match (site, is_of_host) {
        (None, None) => false,
        (site, is_of_host) => {
            site.is_none_or(|site| site == "same-origin") && is_of_host != Some(false)
        }
    }
}

/// True if somebody opens a page, or a page of this origin asks for it. No other page may have it in a frame, as an image
/// or by a script.
pub(crate) fn is_opened(headers: &HeaderMap) -> bool {
    match one(headers, "sec-fetch-site") {
        None | Some("same-origin" | "none") => true,
        Some(_) => {
            one(headers, "sec-fetch-mode") == Some("navigate")
                && one(headers, "sec-fetch-dest") == Some("document")
        }
    }
}

/// True if the browser calls this machine by a name that nobody else can give it. A page of a stranger could have a name of its own
/// resolved to this machine, and then would be of the same origin.
pub(crate) fn is_local_name(headers: &HeaderMap) -> bool {
    let Some(host) = one(headers, HOST.as_str()) else {
        return false;
    };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(address, _)| address),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    let address: Option<std::net::IpAddr> = name.parse().ok();
    name.eq_ignore_ascii_case("localhost") || address.is_some_and(|it| it.is_loopback())
}

/// A cookie of the request; `None` where it is there twice.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(COOKIE).iter();
    let all = all.filter_map(|value| value.to_str().ok());
    let pairs = all.flat_map(|value| value.split(';'));
    let mut found = pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(known, _)| *known == name);
    match (found.next(), found.next()) {
        (Some((_, value)), None) => Some(value),
        _ => None,
    }
}

/// A cookie that no script reads and no other site sends along; until the browser is closed where `seconds` is `None`.
pub(crate) fn set_cookie(
    name: &str,
    value: &str,
    seconds: Option<u64>,
    is_secure: bool,
) -> HeaderValue {
    let secure = if is_secure { "; Secure" } else { "" };
    let age = seconds.map_or_else(String::new, |age| format!("; Max-Age={age}"));
    let text = format!("{name}={value}; Path=/console; HttpOnly; SameSite=Strict{age}{secure}");
    // A name and a value of our own have the characters of a header.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(of: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = of.iter();
        let pairs = pairs.map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        pairs.collect()
    }

    #[test]
    fn a_form_is_of_this_origin_or_it_is_none() {
        for own in [
            &[("sec-fetch-site", "same-origin")][..],
            &[("origin", "http://a:1"), ("host", "a:1")],
            &[
                ("origin", "http://a:1"),
                ("host", "a:1"),
                ("sec-fetch-site", "same-origin"),
            ],
        ] {
            assert!(is_own_form(&headers(own)), "{own:?}");
        }
        for other in [
            &[][..],
            &[("host", "a:1")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("origin", "null"), ("host", "a:1")],
            &[("origin", "http://b:1"), ("host", "a:1")],
            &[("origin", "http://a:1")],
            &[
                ("origin", "http://b"),
                ("host", "a"),
                ("sec-fetch-site", "same-origin"),
            ],
        ] {
            assert!(!is_own_form(&headers(other)), "{other:?}");
        }
    }

    #[test]
    fn a_page_is_opened_by_somebody() {
        let link = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        assert!(is_opened(&headers(&link)) && is_opened(&headers(&[])));
        for (place, other) in [
            (1, ("sec-fetch-mode", "no-cors")),
            (2, ("sec-fetch-dest", "iframe")),
        ] {
            let mut changed = link;
            changed[place] = other;
            assert!(!is_opened(&headers(&changed)));
        }
    }

    #[test]
    fn only_this_machine_has_a_local_name() {
        for local in [
            "localhost",
            "LOCALHOST:8180",
            "127.0.0.1:8180",
            "[::1]:8180",
            "127.8.8.8",
        ] {
            assert!(is_local_name(&headers(&[("host", local)])), "{local}");
        }
        for other in [
            "",
            "a.example",
            "127.0.0.1.a.example",
            "localhost.a.example",
            "10.0.0.1:1",
            "[::2]",
        ] {
            assert!(!is_local_name(&headers(&[("host", other)])), "{other}");
        }
        assert!(!is_local_name(&HeaderMap::new()));
        assert!(!is_local_name(&headers(&[
            ("host", "localhost"),
            ("host", "a")
        ])));
    }

    #[test]
    fn a_cookie_that_is_there_twice_is_none() {
        let of = headers(&[("cookie", "a=1; b=2; a=3")]);
        assert_eq!(
            (cookie(&of, "b"), cookie(&of, "a"), cookie(&of, "c")),
            (Some("2"), None, None)
        );
    }
}
