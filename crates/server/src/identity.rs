//! The principal by a bearer token: a JWT (RFC 7519) that is signed (JWS) by a key of a set (JWKS).
//! The set is fetched, kept fresh, and survives an outage of its server for a while.
//!
//! A key is its issuer's: it verifies tokens of no other. Nothing that a token says of itself is
//! trusted. Its algorithm must be allowed, must fit the key,
//! and must be the one that the key is for; keys that the token holds or points to are never used.
//! Neither a token nor its contents are in the log or in an error.

mod claims;
mod fetch;
mod issuer;
mod keyring;
mod keys;
mod principal;
mod public_key;
mod reason;
mod refused;
mod token;
mod tokens;

pub use fetch::TokensError;
pub use keyring::KeysHealth;
pub use refused::RefusedToken;
pub use tokens::{TokenError, Tokens, Verified};
