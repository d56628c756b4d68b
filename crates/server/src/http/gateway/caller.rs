//! The caller: named by a token or a key, or else by a header or a certificate that a gateway vouches
//! for.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::app::App;
use super::super::problem::Problem;
use super::refusal::{RequestRefusal, TokenFault};
use super::request::GatewayRequest;
use crate::identity::{Credential, RefusedToken, TokenError, Verified};
use peppol_authz_engine::Members;
use peppol_authz_engine::schema::Designation;

/// The caller.
pub(super) enum Caller {
    /// The owner of a token or a key.
    Token(Arc<Verified>),
    /// An entity that a gateway has named.
    Named(Designation),
}

/// Finds the caller. Where an `Authorization` header is sent, only what it shows counts.
pub(super) async fn caller(
    app: &App,
    request: &GatewayRequest<'_>,
) -> Result<Caller, RequestRefusal> {
    let sent = (request.headers)("authorization");
    if sent.is_empty() {
        return match app.gateway.trusted.named(request)? {
            Some(designation) => Ok(Caller::Named(designation)),
            None => Err(RequestRefusal::CallerUnauthorized(TokenFault::Missing)),
        };
    }
    let refuse = |refused: &RefusedToken| {
        app.metrics.refused_tokens.note(refused);
        RequestRefusal::CallerUnauthorized(TokenFault::Invalid)
    };
    let shown = match shown(&sent, app.credentials.takes_basic()) {
        Ok(shown) => shown,
        Err(Unread::Nothing) => {
            return Err(RequestRefusal::CallerUnauthorized(TokenFault::Missing));
        }
        Err(Unread::Malformed(reason)) => return Err(refuse(&RefusedToken::because(reason))),
    };
    match app.credentials.verify(shown.credential()).await {
        Ok(verified) => Ok(Caller::Token(verified)),
        Err(TokenError::Invalid(refused)) => Err(refuse(&refused)),
        Err(TokenError::Unavailable(reason)) => {
            Err(Problem::KeysUnavailable(reason.to_owned()).into())
        }
        Err(TokenError::NotIntrospected(reason)) => {
            Err(Problem::IntrospectionUnavailable(reason.to_owned()).into())
        }
    }
}

/// The credentials in an `Authorization` header.
#[derive(Debug, PartialEq, Eq)]
enum Shown<'a> {
    Bearer(&'a str),
    /// A name and a password, with a colon between.
    Basic(String),
}

/// Why an `Authorization` header shows nothing.
#[derive(Debug, PartialEq, Eq)]
enum Unread {
    /// It is of a scheme that is not read here.
    Nothing,
    /// It has not the form of its scheme.
    Malformed(&'static str),
}

impl Shown<'_> {
    fn credential(&self) -> Credential<'_> {
        match self {
            Self::Bearer(text) => Credential::Bearer(text),
            Self::Basic(pair) => {
                let (name, key) = pair.split_once(':').unwrap_or((pair, ""));
                Credential::Basic { name, key }
            }
        }
    }
}

/// Reads the one `Authorization` header.
fn shown<'a>(sent: &[&'a [u8]], takes_basic: bool) -> Result<Shown<'a>, Unread> {
    const NO_BEARER: Unread =
        Unread::Malformed("its `Authorization` header has not the form of one bearer token");
    let [one] = sent else {
        return Err(NO_BEARER);
    };
    let text = std::str::from_utf8(one).map_err(|_| NO_BEARER)?;
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim_matches(' ');
    if takes_basic && scheme.eq_ignore_ascii_case("basic") {
        return basic(rest).ok_or(Unread::Malformed(
            "its `Authorization` header has not the form of a name and a password",
        ));
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        // Another scheme is no token, see RFC 6750 3.1.
        return Err(Unread::Nothing);
    }
    // See RFC 6750 2.1. Above all there is no comma: it may have joined two headers.
    let is_of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if rest.is_empty() || !rest.bytes().all(is_of_token) {
        return Err(NO_BEARER);
    }
    Ok(Shown::Bearer(rest))
}

/// Reads a name and a password, see RFC 7617 2.
fn basic<'a>(text: &str) -> Option<Shown<'a>> {
    let pair = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    pair.contains(':').then_some(Shown::Basic(pair))
}

impl Caller {
    pub(super) fn claims(&self) -> Option<&Members> {
        match self {
            Self::Token(verified) => Some(&verified.claims),
            Self::Named(_) => None,
        }
    }

    pub(super) fn designation(&self) -> &Designation {
        match self {
            Self::Token(verified) => &verified.designation,
            Self::Named(designation) => designation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MALFORMED: &str = "has not the form of one bearer token";

    fn is_malformed(sent: &[&[u8]], words: &str) {
        match shown(sent, true) {
            Err(Unread::Malformed(reason)) => assert!(reason.ends_with(words), "{reason}"),
            other => panic!("{sent:?}: {other:?}"),
        }
    }

    #[test]
    fn one_bearer_token_is_read_and_nothing_else() {
        for sent in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c "] {
            let found = shown(&[sent.as_bytes()], false);
            assert_eq!(found, Ok(Shown::Bearer("a.b.c")), "{sent}");
        }
        for sent in ["Basic YTpi", "", "Bearera.b.c", "Negotiate"] {
            let found = shown(&[sent.as_bytes()], false);
            assert_eq!(found, Err(Unread::Nothing), "{sent}");
        }
        for sent in [
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer a,b",
            "Bearer a, Bearer b",
            "Bearer \u{e5}",
        ] {
            is_malformed(&[sent.as_bytes()], MALFORMED);
        }
        is_malformed(&[b"Bearer a", b"Bearer a"], MALFORMED);
        is_malformed(&[b"Bearer \xff"], MALFORMED);
    }

    #[test]
    fn a_name_and_a_password_are_read_where_they_are_wanted() {
        for sent in ["Basic YTpi", "basic YTpi", "BASIC  YTpi "] {
            let found = shown(&[sent.as_bytes()], true);
            assert_eq!(found, Ok(Shown::Basic("a:b".to_owned())), "{sent}");
        }
        // The name ends at the first colon.
        let found = shown(&[b"Basic YTpiOmM="], true);
        assert_eq!(found, Ok(Shown::Basic("a:b:c".to_owned())));
        for sent in [
            "Basic",
            "Basic ",
            "Basic YWI=",
            "Basic YTpi,YTpi",
            "Basic YTpiOmM",
            "Basic a:b",
            "Basic /zpi",
        ] {
            is_malformed(&[sent.as_bytes()], "the form of a name and a password");
        }
        is_malformed(&[b"Basic YTpi", b"Basic YTpi"], MALFORMED);
        assert_eq!(shown(&[b"Negotiate YTpi"], true), Err(Unread::Nothing));
    }
}
