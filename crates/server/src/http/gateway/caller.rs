//! The caller: named by a token, or else by a header or a certificate that a gateway vouches for.

use std::sync::Arc;

use super::super::app::App;
use super::super::problem::Problem;
use super::refusal::{RequestRefusal, TokenFault};
use super::request::GatewayRequest;
use crate::identity::{RefusedToken, TokenError, Verified};
use peppol_authz_engine::Members;
use peppol_authz_engine::schema::Designation;

/// The caller.
pub(super) enum Caller {
    /// The owner of a token.
    Token(Arc<Verified>),
    /// An entity that a gateway has named.
    Named(Designation),
}

/// Finds the caller. Where an `Authorization` header is sent, only a token in it counts.
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
    let token = match token(&sent) {
        Ok(token) => token,
        Err(TokenFault::Invalid) => {
            let reason = "its `Authorization` header has not the form of one bearer token";
            return Err(refuse(&RefusedToken::because(reason)));
        }
        Err(fault) => return Err(RequestRefusal::CallerUnauthorized(fault)),
    };
    let Some(tokens) = &app.tokens else {
        let reason = "no keys of tokens are set";
        return Err(refuse(&RefusedToken::because(reason)));
    };
    match tokens.verify(token).await {
        Ok(verified) => Ok(Caller::Token(verified)),
        Err(TokenError::Invalid(refused)) => Err(refuse(&refused)),
        Err(TokenError::Unavailable(reason)) => {
            Err(Problem::KeysUnavailable(reason.to_string()).into())
        }
    }
}

/// The token of the one `Authorization` header.
fn token<'a>(sent: &[&'a [u8]]) -> Result<&'a str, TokenFault> {
    let [one] = sent else {
        return Err(TokenFault::Invalid);
    };
    let text = std::str::from_utf8(one).map_err(|_| TokenFault::Invalid)?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        // Another scheme is no token, see RFC 6750 3.1.
        return Err(TokenFault::Missing);
    }
    let token = token.trim_matches(' ');
    // See RFC 6750 2.1. Above all there is no comma: it may have joined two headers.
    let is_of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.is_empty() || !token.bytes().all(is_of_token) {
        return Err(TokenFault::Invalid);
    }
    Ok(token)
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

    #[test]
    fn one_bearer_token_is_read_and_nothing_else() {
        for sent in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c "] {
            assert_eq!(token(&[sent.as_bytes()]), Ok("a.b.c"), "{sent}");
        }
        for sent in ["Basic YTpi", "", "Bearera.b.c", "Negotiate"] {
            assert_eq!(
                token(&[sent.as_bytes()]),
                Err(TokenFault::Missing),
                "{sent}"
            );
        }
        for sent in [
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer a,b",
            "Bearer a, Bearer b",
            "Bearer \u{e5}",
        ] {
            assert_eq!(
                token(&[sent.as_bytes()]),
                Err(TokenFault::Invalid),
                "{sent}"
            );
        }
        assert_eq!(token(&[b"Bearer a", b"Bearer a"]), Err(TokenFault::Invalid));
        assert_eq!(token(&[b"Bearer \xff"]), Err(TokenFault::Invalid));
    }
}
