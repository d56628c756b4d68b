//! The claims that every token needs: audience and times, and what its issuer's settings ask for; and the claim that no token may
//! have.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::principal::{find, is};
use super::reason::InvalidReason;
use crate::config::Constant;

/// The claims that tokens of an issuer need.
pub(super) struct NeededClaims {
    pub(super) audience: Vec<String>,
    /// The claims that name the audience; the first one that is there counts.
    pub(super) audience_claim: Vec<String>,
    pub(super) require: BTreeMap<String, Constant>,
    /// True if they have to say when they expire.
    pub(super) expires: bool,
}

/// The time in which a token is valid, in seconds of the Unix epoch, with the leeway of clocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Validity {
    not_before: f64,
    issued: f64,
    until: f64,
}

/// Checks the audience, the claims that are asked for, and the form of the times, and that every
/// bearer may use the token.
pub(super) fn check(
    claims: &Map<String, Value>,
    needed: &NeededClaims,
    leeway: Duration,
) -> Result<Validity, InvalidReason> {
    // RFC 9449 7.2, RFC 8705 3: the sender would have to prove a key, which cannot be checked here.
    if claims.contains_key("cnf") {
        return Err("it is bound to a key of its sender (`cnf`), and no bearer token");
    }
    let mut named = needed.audience_claim.iter();
    let audience = match named.find_map(|name| find(claims, name)) {
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
        .any(|name| needed.audience.iter().any(|wanted| wanted == name))
    {
        return Err("its audience is none of `audience`");
    }
    let is_there = |(name, wanted): (&String, &Constant)| {
        find(claims, name).is_some_and(|found| is(found, wanted))
    };
    if !needed.require.iter().all(is_there) {
        return Err("a claim that `require` asks for is missing or another");
    }
    let validity = Validity::read(claims, leeway)?;
    if needed.expires && validity.until.is_infinite() {
        return Err("it never expires");
    }
    Ok(validity)
}

// === impl Validity ===

impl Validity {
    /// Reads the times; one that is not there bounds nothing.
    pub(super) fn read(
        claims: &Map<String, Value>,
        leeway: Duration,
    ) -> Result<Self, InvalidReason> {
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
            until: time("exp")?.map_or(f64::INFINITY, |time| time + leeway),
        })
    }

    /// True if none of the times is there.
    pub(super) fn holds_always(self) -> bool {
        let bounds = [self.not_before, self.issued, -self.until];
        bounds.iter().all(|bound| *bound == f64::NEG_INFINITY)
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
