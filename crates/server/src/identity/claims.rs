//! The claims that every token needs: issuer, audience and times; and the claim that no token may
//! have.

use std::time::Duration;

use serde_json::{Map, Value};

use super::reason::InvalidReason;
use crate::config::Jwt;

/// The time in which a token is valid, in seconds of the Unix epoch, with the leeway of clocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Validity {
    not_before: f64,
    issued: f64,
    until: f64,
}

/// Checks the issuer, the audience and the form of the times, and that every bearer may use the
/// token.
pub(super) fn check(
    claims: &Map<String, Value>,
    settings: &Jwt,
) -> Result<Validity, InvalidReason> {
    // RFC 9449 7.2, RFC 8705 3: the sender would have to prove a key, which cannot be checked here.
    if claims.contains_key("cnf") {
        return Err("it is bound to a key of its sender (`cnf`), and no bearer token");
    }
    let is_one_of = |texts: &[String], found: &str| texts.iter().any(|text| text == found);
    match claims.get("iss") {
        Some(Value::String(issuer)) if is_one_of(&settings.issuer, issuer) => {}
        Some(_) => return Err("its issuer is not one of `jwt.issuer`"),
        None => return Err("it names no issuer"),
    }
    let audience = match claims.get("aud") {
        Some(Value::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => return Err("it names no audience"),
    };
    if !audience.iter().all(Value::is_string) {
        return Err("its audience is not a string or an array of strings");
    }
    if !audience
        .iter()
        .filter_map(Value::as_str)
        .any(|name| is_one_of(&settings.audience, name))
    {
        return Err("its audience is none of `jwt.audience`");
    }
    Validity::read(claims, settings.leeway)
}

// === impl Validity ===

impl Validity {
    fn read(claims: &Map<String, Value>, leeway: Duration) -> Result<Self, InvalidReason> {
        // RFC 7519 2: a JSON number of seconds, also with a fraction.
        let time = |name| match claims.get(name) {
            None => Ok(None),
            Some(Value::Number(seconds)) => Ok(seconds.as_f64()),
            Some(_) => Err("one of its times is not a number"),
        };
        let leeway = leeway.as_secs_f64();
        let earliest = |time: Option<f64>| time.map_or(f64::NEG_INFINITY, |time| time - leeway);
        Ok(Self {
            not_before: earliest(time("nbf")?),
            issued: earliest(time("iat")?),
            until: time("exp")?.ok_or("it never expires")? + leeway,
        })
    }

    /// Checks that the token is valid at a time.
    pub(super) fn holds(self, now: f64) -> Result<(), InvalidReason> {
        if now >= self.until {
            return Err("it has expired");
        }
        if now < self.not_before {
            return Err("it is not valid yet");
        }
        if now < self.issued {
            return Err("it was issued in the future");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
