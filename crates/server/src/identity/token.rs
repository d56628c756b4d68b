//! The outer form of a token, and its header.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::reason::InvalidReason;
use crate::config::Algorithm;
use peppol_authz_engine::schema::parse_json;

const NOT_ALLOWED: InvalidReason = "how it is signed is not allowed";

/// Nesting of the JSON in a token.
const DEPTH: usize = 32;

/// A signed token, not verified.
pub(super) struct Token<'a> {
    /// The algorithm that the token names.
    pub(super) algorithm: Algorithm,
    /// Its media type without `application/`, in small letters.
    kind: Option<String>,
    /// The key that the token names.
    pub(super) kid: Option<String>,
    /// The text that is signed.
    pub(super) signed: &'a str,
    pub(super) signature: &'a str,
    claims: &'a str,
}

impl<'a> Token<'a> {
    /// Takes a token apart and reads its header.
    pub(super) fn read(text: &'a str) -> Result<Self, InvalidReason> {
        let mut parts = text.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("it has not the three parts of a signed token");
        };
        let signed = text
            .get(..header.len() + 1 + claims.len())
            .unwrap_or_default();
        let header = object(header, "its header is not base64url, JSON and an object")?;
        // RFC 7515 4.1.11: critical extensions must be understood, and none is.
        if header.contains_key("crit") {
            return Err("its header has critical extensions");
        }
        let kind = match header.get("typ") {
            None => None,
            Some(Value::String(kind)) => Some(short_type(kind)),
            Some(_) => return Err("its type is not a string"),
        };
        let content = header.get("cty").and_then(Value::as_str);
        if content.is_some_and(|content| short_type(content) == "jwt") {
            return Err("it holds another token");
        }
        let algorithm = header
            .get("alg")
            .and_then(Value::as_str)
            .ok_or("it does not say how it is signed")?;
        let algorithm = Algorithm::ALL
            .into_iter()
            .find(|known| known.name() == algorithm)
            .ok_or(NOT_ALLOWED)?;
        let kid = match header.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err("the key that it names is not a string"),
        };
        Ok(Self {
            algorithm,
            kind,
            kid,
            signed,
            signature,
            claims,
        })
    }

    /// Checks that the issuer signs and names tokens like this.
    pub(super) fn is_like(
        &self,
        types: &[String],
        algorithms: &[Algorithm],
    ) -> Result<(), InvalidReason> {
        if !self.kind.as_ref().is_none_or(|kind| types.contains(kind)) {
            return Err("its type is none of `types`");
        }
        if !algorithms.contains(&self.algorithm) {
            return Err(NOT_ALLOWED);
        }
        Ok(())
    }

    /// A token that has only a header.
    #[cfg(test)]
    pub(super) fn unsigned(algorithm: Algorithm, kid: Option<String>) -> Self {
        Self {
            algorithm,
            kind: None,
            kid,
            signed: "",
            signature: "",
            claims: "",
        }
    }

    /// The claims. They are to be believed only after the signature was verified.
    pub(super) fn claims(&self) -> Result<Map<String, Value>, InvalidReason> {
        object(
            self.claims,
            "its claims are not base64url, JSON and an object",
        )
    }
}

/// Returns true if a text has the form of a signed token: three parts, the first of which is a header.
pub(super) fn is_signed_token(text: &str) -> bool {
    let mut parts = text.split('.');
    let parts = (parts.next(), parts.next(), parts.next(), parts.next());
    matches!(parts, (Some(header), Some(_), Some(_), None) if object(header, "").is_ok())
}

fn object(part: &str, reason: InvalidReason) -> Result<Map<String, Value>, InvalidReason> {
    let text = URL_SAFE_NO_PAD.decode(part).map_err(|_| reason)?;
    match parse_json(&text, DEPTH) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) | Err(_) => Err(reason),
    }
}

/// A media type in small letters; `application/` may be left out.
pub(super) fn short_type(found: &str) -> String {
    let found = found.to_ascii_lowercase();
    match found.strip_prefix("application/") {
        Some(short) => short.to_owned(),
        None => found,
    }
}
