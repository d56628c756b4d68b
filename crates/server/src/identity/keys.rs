//! A set of keys (JWKS, RFC 7517), with only those keys that tokens may be verified by.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::RsaPublicKeyComponents;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::public_key::PublicKey;
use super::reason::InvalidReason;
use super::token::Token;
use crate::config::Algorithm;
use peppol_authz_engine::schema::parse_json;

/// Nesting of the JSON of a set.
const DEPTH: usize = 16;

/// The usable keys of a document.
pub(super) struct KeySet {
    keys: Vec<VerifyingKey>,
    /// The place of a kid in `keys`; `None` if more than one key of the document has it.
    kids: HashMap<String, Option<usize>>,
    /// The digest of the document.
    digest: [u8; 32],
}

/// A key that signatures are verified by.
pub(super) struct VerifyingKey {
    public: PublicKey,
    /// The only algorithm that the key is for, if it names one.
    algorithm: Option<String>,
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

// === impl KeySet ===

impl KeySet {
    /// Reads a document.
    pub(super) fn read(document: &[u8]) -> Result<Self, KeySetError> {
        let Ok(Value::Object(mut members)) = parse_json(document, DEPTH) else {
            return Err(KeySetError::Malformed);
        };
        let Some(Value::Array(entries)) = members.remove("keys") else {
            return Err(KeySetError::Malformed);
        };
        let (mut keys, mut kids, mut first) = (Vec::new(), HashMap::new(), None);
        for entry in &entries {
            let Value::Object(entry) = entry else {
                return Err(KeySetError::Malformed);
            };
            let place = match VerifyingKey::read(entry) {
                Ok(key) => {
                    keys.push(key);
                    Some(keys.len() - 1)
                }
                Err(reason) => {
                    first.get_or_insert(reason);
                    None
                }
            };
            // If two keys have one kid, the kid names neither, even if one is not usable.
            if let Some(kid) = entry.get("kid").and_then(Value::as_str) {
                kids.entry(kid.to_owned())
                    .and_modify(|place| *place = None)
                    .or_insert(place);
            }
        }
        if keys.is_empty() {
            return Err(first.map_or(KeySetError::Empty, KeySetError::NoneUsable));
        }
        Ok(Self {
            keys,
            kids,
            digest: Sha256::digest(document).into(),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The digest of the document.
    pub(super) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The key that a token must be signed with: the key that it names, or if it names none, the
    /// only key for its algorithm.
    pub(super) fn choose(&self, token: &Token<'_>) -> Result<&VerifyingKey, NoKey> {
        let Some(kid) = &token.kid else {
            let mut fitting = self.keys.iter().filter(|key| key.fits(token.algorithm));
            return match (fitting.next(), fitting.next()) {
                (Some(key), None) => Ok(key),
                (None, _) => Err(NoKey::Refused("it names no key, and none fits")),
                (Some(_), Some(_)) => Err(NoKey::Refused("it names no key, and several fit")),
            };
        };
        let place = self.kids.get(kid).ok_or(NoKey::Unknown)?;
        let key = place.and_then(|place| self.keys.get(place));
        let key = key.ok_or(NoKey::Refused("the key that it names is not usable"))?;
        if key.fits(token.algorithm) {
            Ok(key)
        } else {
            let reason = "how it is signed does not fit the key that it names";
            Err(NoKey::Refused(reason))
        }
    }
}

// === impl VerifyingKey ===

impl VerifyingKey {
    /// A key that may be used, or why it may not.
    fn read(entry: &Map<String, Value>) -> Result<Self, &'static str> {
        let text = |name| entry.get(name).and_then(Value::as_str);
        let bytes = |name| {
            let bytes = text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
            bytes.ok_or("a part of it is missing or not base64url")
        };
        let kty = text("kty").ok_or("it has no type")?;
        if kty == "oct" {
            return Err("it is symmetric");
        }
        // A private key that is published is not secret any more.
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
        let public = match (kty, text("crv")) {
            ("RSA", _) => PublicKey::Rsa(rsa(&bytes("n")?, &bytes("e")?)?),
            ("EC", Some("P-256")) => PublicKey::P256(point(&bytes("x")?, &bytes("y")?, 32)?),
            ("EC", Some("P-384")) => PublicKey::P384(point(&bytes("x")?, &bytes("y")?, 48)?),
            ("OKP", Some("Ed25519")) => match bytes("x")? {
                x if x.len() == 32 => PublicKey::Ed25519(x),
                _ => return Err("its point has not the length of its curve"),
            },
            _ => return Err("it is of an unknown type or curve"),
        };
        Ok(Self { public, algorithm })
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
