//! Bearer tokens: where their keys come from, what they have to say, and whom they name.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use super::{duration, is_host, texts};

/// Bearer tokens. Without [`Jwt::jwks`] none is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Jwt {
    /// Where the keys are that tokens are signed with.
    pub jwks: Option<Jwks>,
    /// Who may have made a token: its `iss` is one of these.
    #[serde(deserialize_with = "texts::deserialize")]
    pub issuer: Vec<String>,
    /// Whom a token has to be meant for: its `aud` holds one of these.
    #[serde(deserialize_with = "texts::deserialize")]
    pub audience: Vec<String>,
    /// How a token may be signed.
    pub algorithms: Vec<Algorithm>,
    /// How far clocks may be apart.
    #[serde(with = "duration")]
    pub leeway: Duration,
    /// How often the keys are looked at.
    #[serde(with = "duration")]
    pub refresh: Duration,
    /// How often a token that names an unknown key may have them looked at.
    #[serde(with = "duration")]
    pub min_refresh: Duration,
    /// How long keys are good after the last time that they could be looked at.
    #[serde(with = "duration")]
    pub max_stale: Duration,
    /// How long one look may take.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// Certificates that vouch for the server of the keys, in place of the system's.
    pub ca_certificate: Option<PathBuf>,
    /// Whom a token names: the first that fits.
    pub principal: Vec<Principal>,
}

/// Where keys are: a path, or a URL.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Jwks {
    /// A file.
    File(PathBuf),
    /// A URL: `https`, or `http` to the machine itself.
    Url(String),
}

/// Why a text is not a [`Jwks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Neither a path nor a URL of a scheme that is known.
    #[error("expected a path or a URL as `https://HOST/PATH`, without fragment")]
    Url,
    /// Keys that anybody on the way could exchange.
    #[error("`http` only to the machine itself (`localhost`, `127.0.0.1` or `[::1]`)")]
    Plain,
}

/// How a token is signed, by JWA (RFC 7518, 8037). All are asymmetric: who can verify a token
/// cannot make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Algorithm {
    /// RSA (PKCS #1 1.5) with SHA-256.
    Rs256,
    /// RSA (PKCS #1 1.5) with SHA-384.
    Rs384,
    /// RSA (PKCS #1 1.5) with SHA-512.
    Rs512,
    /// RSA (PSS) with SHA-256.
    Ps256,
    /// RSA (PSS) with SHA-384.
    Ps384,
    /// RSA (PSS) with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// EdDSA on Ed25519.
    EdDsa,
}

/// Why a text is not an [`Algorithm`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlgorithmError {
    /// `none`.
    #[error("`none` is no signature: anybody could make such a token")]
    None,
    /// `HS256` and the like.
    #[error("`{0}` is symmetric: whoever verifies such a token could make one")]
    Symmetric(String),
    /// Something else.
    #[error(
        "unknown algorithm, expected `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, \
         `ES256`, `ES384` or `EdDSA`"
    )]
    Unknown,
}

/// How claims name an entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// Its type, as callers may call it.
    #[serde(rename = "type")]
    pub kind: String,
    /// The claim that names it: a member, or where it starts with `/` a JSON pointer.
    pub claim: String,
    /// The attribute that is what the claim says; without one it is the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// What claims have to be for this to fit. An array fits that holds the constant.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub when: BTreeMap<String, Constant>,
    /// Whether an e-mail address is taken of which the token does not say that it is verified. One
    /// that is said not to be never is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unverified: bool,
}

/// What a claim is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a string, a boolean or a whole number to compare a claim with"
)]
pub enum Constant {
    /// A boolean.
    Truth(bool),
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
}

// === impl Jwt ===

impl Default for Jwt {
    fn default() -> Self {
        Self {
            jwks: None,
            issuer: Vec::new(),
            audience: Vec::new(),
            algorithms: vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa],
            leeway: Duration::from_secs(30),
            refresh: Duration::from_secs(600),
            min_refresh: Duration::from_secs(30),
            max_stale: Duration::from_secs(24 * 3600),
            timeout: Duration::from_secs(2),
            ca_certificate: None,
            principal: vec![Principal {
                kind: "User".to_owned(),
                claim: "sub".to_owned(),
                attribute: None,
                when: BTreeMap::new(),
                unverified: false,
            }],
        }
    }
}

impl Jwt {
    /// What is wrong with the settings taken together: the key, and the problem.
    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let mut wrong = |key, problem: &str| faults.push((key, problem.to_owned()));
        for (key, texts) in [
            ("jwt.issuer", &self.issuer),
            ("jwt.audience", &self.audience),
        ] {
            if self.jwks.is_some() && texts.is_empty() {
                wrong(key, "is required where `jwt.jwks` is set");
            }
            if texts.iter().any(String::is_empty) {
                wrong(key, "must not be empty");
            }
        }
        if self.algorithms.is_empty() {
            wrong("jwt.algorithms", "must not be empty");
        }
        if self.max_stale < self.refresh {
            wrong("jwt.max_stale", "must not be less than `jwt.refresh`");
        }
        if self.principal.is_empty() {
            wrong("jwt.principal", "must not be empty");
        }
        for Principal {
            kind,
            claim,
            attribute,
            when,
            unverified: _,
        } in &self.principal
        {
            let is_empty = |text: Option<&String>| text.is_some_and(String::is_empty);
            if kind.is_empty() || is_empty(attribute.as_ref()) {
                wrong(
                    "jwt.principal",
                    "`type` and `attribute` must not be empty where they are given",
                );
            }
            if !std::iter::once(claim)
                .chain(when.keys())
                .all(|name| is_claim(name))
            {
                wrong(
                    "jwt.principal",
                    "a claim must be a name, or a JSON pointer as `/realm/role`",
                );
            }
        }
        faults
    }
}

/// Whether it is a name, or a JSON pointer (RFC 6901).
fn is_claim(name: &str) -> bool {
    let escapes = || {
        name.split('~')
            .skip(1)
            .all(|rest| rest.starts_with(['0', '1']))
    };
    match name.strip_prefix('/') {
        Some(path) => !path.is_empty() && escapes(),
        None => !name.is_empty(),
    }
}

// === impl Jwks ===

impl TryFrom<String> for Jwks {
    type Error = JwksError;

    fn try_from(text: String) -> Result<Self, JwksError> {
        let (is_plain, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) if text.contains("://") => return Err(JwksError::Url),
            (None, None) => return Ok(Self::File(text.into())),
        };
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        let after = rest.strip_prefix(host).unwrap_or_default();
        // RFC 3986 3.3 and 3.4, and no more.
        let is_of_url =
            |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/?".contains(&byte);
        if !is_host(host) || !after.bytes().all(is_of_url) || text.len() > 2048 {
            return Err(JwksError::Url);
        }
        if is_plain && !is_loopback(host) {
            return Err(JwksError::Plain);
        }
        Ok(Self::Url(text))
    }
}

/// Whether a host, with a port or without, is this machine.
fn is_loopback(host: &str) -> bool {
    use std::net::{Ipv4Addr, Ipv6Addr};
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address
            .parse::<Ipv6Addr>()
            .is_ok_and(|address| address.is_loopback()),
        None => {
            let name = host.split(':').next().unwrap_or_default();
            name == "localhost"
                || name
                    .parse::<Ipv4Addr>()
                    .is_ok_and(|address| address.is_loopback())
        }
    }
}

impl fmt::Display for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url(url) => f.write_str(url),
        }
    }
}

impl Serialize for Jwks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

// === impl Algorithm ===

impl Algorithm {
    /// All that there are.
    pub const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// As tokens and keys call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl TryFrom<String> for Algorithm {
    type Error = AlgorithmError;

    fn try_from(text: String) -> Result<Self, AlgorithmError> {
        let found = Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == text);
        match (found, text.to_ascii_lowercase().as_str()) {
            (Some(algorithm), _) => Ok(algorithm),
            (None, "none") => Err(AlgorithmError::None),
            (None, "hs256" | "hs384" | "hs512") => Err(AlgorithmError::Symmetric(text)),
            (None, _) => Err(AlgorithmError::Unknown),
        }
    }
}

impl Serialize for Algorithm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests;
