//! Who asks, by a bearer token: a JWT (RFC 7519) that is signed (JWS) by a key of a set (JWKS)
//! which is fetched, kept fresh, and survives an outage of its server for a while.
//!
//! Everything that a token says of itself is doubted: how it is signed has to be allowed, fit the
//! key, and be what the key is for; a key that the token brings along or points to is never
//! looked at. What a token says is not logged and not in an error, nor is the token.

mod claims;
mod fetch;
mod keyring;
mod keys;
mod principal;
mod public_key;
mod reason;
mod token;
mod tokens;

pub use fetch::TokensError;
pub use keyring::KeysHealth;
pub use tokens::{TokenError, Tokens, Verified};
