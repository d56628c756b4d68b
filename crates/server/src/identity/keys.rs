//! A set of keys (JWKS, RFC 7517), with only those keys that tokens may be verified by.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::RsaPublicKeyComponents;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::public_key::PublicKey;
use super::reason::InvalidReason;
use super::token::Token;
use crate::config::Algorithm;
use peppol_authz_engine::schema::parse_json;
use peppol_authz_engine::text::without_mark;

/// Nesting of the JSON of a set.
const DEPTH: usize = 16;

/// The tenant in the name of an owner, as Microsoft Entra writes it.
const TENANT: &str = "{tenantid}";

/// The most keys of one kid that a signature is tried with.
const TRIED: usize = 4;

/// The usable keys of a document.
pub(super) struct KeySet {
    keys: Vec<VerifyingKey>,
    /// The places of a kid in `keys`; none if no key of that kid is usable.
    kids: HashMap<String, Vec<usize>>,
    refused: Vec<RefusedKey>,
    /// The digest of the document.
    digest: [u8; 32],
}

/// A key that signatures are verified by.
pub(super) struct VerifyingKey {
    public: PublicKey,
    /// The only algorithm that the key is for, if it names one.
    algorithm: Option<String>,
    /// The issuer that the key belongs to, if it names one; `{tenantid}` is a tenant of it.
    owner: Option<String>,
}

/// A key of a document that is not used.
pub(super) struct RefusedKey {
    pub(super) kid: Option<String>,
    pub(super) reason: &'static str,
}

/// The issuer that has to have signed a token.
#[derive(Clone, Copy)]
pub(super) struct Signatory<'a> {
    pub(super) issuer: &'a str,
    /// The tenant of the issuer that the token names.
    pub(super) tenant: Option<&'a str>,
    /// True if the issuer shares the set with others: a key without an owner is not its key.
    pub(super) is_sharing: bool,
}

/// Why a document is not a set of keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeySetError {
    #[error("it is no JSON Web Key Set")]
    Malformed,
    #[error("it holds no keys")]
    Empty,
    #[error("none of its keys is usable, the first because {0}")]
    NoneUsable(&'static str),
}

/// Why no key is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoKey {
    /// A newer set may have it.
    Unknown,
    /// This set refuses it.
    Refused(InvalidReason),
}

/// A document, its keys unread: one that cannot be read spoils no other.
#[derive(Deserialize)]
struct KeySetDocument<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

// === impl KeySet ===

impl KeySet {
    /// Reads a document.
    pub(super) fn read(document: &[u8]) -> Result<Self, KeySetError> {
        // An array would be read as the members of the set, in their order.
        let document = without_mark(document);
        let is_object = document.trim_ascii_start().first() == Some(&b'{');
        let entries = match serde_json::from_slice::<KeySetDocument<'_>>(document) {
            Ok(read) if is_object => read.keys,
            Ok(_) | Err(_) => return Err(KeySetError::Malformed),
        };
        let entries: Vec<_> = entries.into_iter().map(entry).collect();
        // A private key that is published is not secret any more, under whatever name.
        let private = |entry: &&Map<String, Value>| entry.contains_key("d");
        let published: Vec<PublicKey> = entries
            .iter()
            .flatten()
            .filter(private)
            .filter_map(|entry| public(entry).ok())
            .collect();
        let is_published = |key: &VerifyingKey| {
            let mut published = published.iter();
            published.any(|other| other.identity() == key.public.identity())
        };
        let mut set = Self {
            keys: Vec::new(),
            kids: HashMap::new(),
            refused: Vec::new(),
            digest: Sha256::digest(document).into(),
        };
        for entry in &entries {
            let Some(entry) = entry else {
                set.refuse(None, "it is no JSON object with each member once");
                continue;
            };
            let kid = entry.get("kid").and_then(Value::as_str);
            match VerifyingKey::read(entry) {
                Ok(key) if is_published(&key) => set.refuse(kid, "its private key is published"),
                Ok(key) => set.take(kid, key),
                Err(reason) => set.refuse(kid, reason),
            }
        }
        if set.keys.is_empty() {
            let first = set.refused.first();
            return Err(first.map_or(KeySetError::Empty, |first| {
                KeySetError::NoneUsable(first.reason)
            }));
        }
        Ok(set)
    }

    /// Adds a key. One that is there already, for the same use, is not added again.
    fn take(&mut self, kid: Option<&str>, key: VerifyingKey) {
        let known = self.keys.iter().position(|known| known.is_same(&key));
        let place = known.unwrap_or(self.keys.len());
        if known.is_none() {
            self.keys.push(key);
        }
        if let Some(kid) = kid {
            let places = self.kids.entry(kid.to_owned()).or_default();
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }

    fn refuse(&mut self, kid: Option<&str>, reason: &'static str) {
        if let Some(kid) = kid {
            self.kids.entry(kid.to_owned()).or_default();
        }
        self.refused.push(RefusedKey {
            kid: kid.map(str::to_owned),
            reason,
        });
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys of the document that are not used.
    pub(super) fn refused(&self) -> &[RefusedKey] {
        &self.refused
    }

    /// The number of keys that name no issuer.
    pub(super) fn unowned(&self) -> usize {
        self.keys.iter().filter(|key| key.owner.is_none()).count()
    }

    /// The digest of the document.
    pub(super) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The keys that a token may be signed with: those of the kid that it names, or if it names
    /// none, the only key of its issuer for its algorithm.
    pub(super) fn choose(
        &self,
        token: &Token<'_>,
        by: Signatory<'_>,
    ) -> Result<Vec<&VerifyingKey>, NoKey> {
        let Some(kid) = &token.kid else {
            let is_its = |key: &&VerifyingKey| key.fits(token.algorithm) && key.is_of(by);
            let fitting: Vec<_> = self.keys.iter().filter(is_its).collect();
            let Some(first) = fitting.first() else {
                return Err(NoKey::Refused("it names no key, and none fits"));
            };
            let is_first = |key: &&VerifyingKey| key.public.identity() == first.public.identity();
            if !fitting.iter().all(is_first) {
                return Err(NoKey::Refused("it names no key, and several fit"));
            }
            return Ok(vec![first]);
        };
        let places = self.kids.get(kid).ok_or(NoKey::Unknown)?;
        let mut keys: Vec<_> = places
            .iter()
            .filter_map(|place| self.keys.get(*place))
            .collect();
        if keys.is_empty() {
            return Err(NoKey::Refused("the key that it names is not usable"));
        }
        keys.retain(|key| key.fits(token.algorithm));
        if keys.is_empty() {
            let reason = "how it is signed does not fit the key that it names";
            return Err(NoKey::Refused(reason));
        }
        keys.retain(|key| key.is_of(by));
        match keys.len() {
            0 => Err(NoKey::Refused(
                "the key that it names is not its issuer's own",
            )),
            1..=TRIED => Ok(keys),
            _ => Err(NoKey::Refused("the key that it names is one of too many")),
        }
    }
}

/// A key of a document, not looked at yet.
fn entry(text: &RawValue) -> Option<Map<String, Value>> {
    match parse_json(text.get().as_bytes(), DEPTH) {
        Ok(Value::Object(entry)) => Some(entry),
        Ok(_) | Err(_) => None,
    }
}

// === impl VerifyingKey ===

impl VerifyingKey {
    /// A key that may be used, or why it may not.
    fn read(entry: &Map<String, Value>) -> Result<Self, &'static str> {
        let text = |name| entry.get(name).and_then(Value::as_str);
        if text("kty") == Some("oct") {
            return Err("it is symmetric");
        }
        if entry.contains_key("d") {
            return Err("it is a private key");
        }
        if entry.contains_key("use") && text("use") != Some("sig") {
            return Err("it is not for signatures");
        }
        if let Some(operations) = entry.get("key_ops") {
            let verify = |operations: &Vec<Value>| operations.iter().any(|name| name == "verify");
            if !operations.as_array().is_some_and(verify) {
                return Err("it is not for verifying");
            }
        }
        if entry.get("kid").is_some_and(|kid| !kid.is_string()) {
            return Err("its `kid` is not a string");
        }
        let algorithm = match entry.get("alg") {
            None => None,
            Some(Value::String(name)) => Some(name.clone()),
            Some(_) => return Err("its `alg` is not a string"),
        };
        let owner = match entry.get("issuer") {
            None => None,
            Some(Value::String(name)) => Some(name.clone()),
            Some(_) => return Err("its `issuer` is not a string"),
        };
        Ok(Self {
            public: public(entry)?,
            algorithm,
            owner,
        })
    }

    /// Returns true if the key is another's copy, for the same use.
    fn is_same(&self, other: &Self) -> bool {
        self.public.identity() == other.public.identity()
            && self.algorithm == other.algorithm
            && self.owner == other.owner
    }

    /// Returns true if the key belongs to an issuer.
    fn is_of(&self, by: Signatory<'_>) -> bool {
        let Some(owner) = &self.owner else {
            return !by.is_sharing;
        };
        if !owner.contains(TENANT) {
            return owner == by.issuer;
        }
        by.tenant
            .is_some_and(|tenant| owner.replace(TENANT, tenant) == by.issuer)
    }

    /// Returns true if the key verifies signatures of this algorithm.
    fn fits(&self, algorithm: Algorithm) -> bool {
        let is_for = |own: &String| own == algorithm.name();
        self.public.fits(algorithm) && self.algorithm.as_ref().is_none_or(is_for)
    }

    /// Returns true if the signature of a token is by this key.
    pub(super) fn verifies(&self, token: &Token<'_>) -> bool {
        let signed = token.signed.as_bytes();
        self.fits(token.algorithm)
            && URL_SAFE_NO_PAD
                .decode(token.signature)
                .is_ok_and(|signature| self.public.verifies(token.algorithm, signed, &signature))
    }
}

/// The public part of a key.
fn public(entry: &Map<String, Value>) -> Result<PublicKey, &'static str> {
    let text = |name| entry.get(name).and_then(Value::as_str);
    let bytes = |name| {
        let bytes = text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        bytes.ok_or("a part of it is missing or not base64url")
    };
    let kty = text("kty").ok_or("it has no type")?;
    Ok(match (kty, text("crv")) {
        ("RSA", _) => PublicKey::Rsa(rsa(&bytes("n")?, &bytes("e")?)?),
        ("EC", Some("P-256")) => PublicKey::P256(point(&bytes("x")?, &bytes("y")?, 32)?),
        ("EC", Some("P-384")) => PublicKey::P384(point(&bytes("x")?, &bytes("y")?, 48)?),
        ("OKP", Some("Ed25519")) => match bytes("x")? {
            x if x.len() == 32 => PublicKey::Ed25519(x),
            _ => return Err("its point has not the length of its curve"),
        },
        _ => return Err("it is of an unknown type or curve"),
    })
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<RsaPublicKeyComponents<Vec<u8>>, &'static str> {
    let [modulus, exponent] = [modulus, exponent].map(without_zeros);
    let zeros = modulus.first().map_or(0, |byte| byte.leading_zeros());
    let bits = (8 * modulus.len()).saturating_sub(zeros as usize);
    // `ring` uses no other. Longer keys take long to verify, and nobody makes them.
    if !(2048..=8192).contains(&bits) {
        return Err("its modulus has not 2048 to 8192 bits");
    }
    let is_odd = exponent.last().is_some_and(|byte| byte % 2 == 1);
    if !is_odd || exponent == [1] || exponent.len() > 4 {
        return Err("its exponent is even, one or too large");
    }
    Ok(RsaPublicKeyComponents {
        n: modulus.to_vec(),
        e: exponent.to_vec(),
    })
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

fn point(x: &[u8], y: &[u8], length: usize) -> Result<Vec<u8>, &'static str> {
    if x.len() != length || y.len() != length {
        return Err("its point has not the length of its curve");
    }
    // SEC 1 2.3.3, uncompressed.
    Ok([&[4], x, y].concat())
}

#[cfg(test)]
mod tests;
