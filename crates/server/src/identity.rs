//! The principal by what a caller shows: a JWT (RFC 7519) that is signed (JWS) by a key of a set (JWKS),
//! an opaque token of which an endpoint says whose it is, or a static key.
//!
//! A set of keys is fetched, kept fresh, and survives an outage of its server for a while.
//! A key is its issuer's: it verifies tokens of no other. Nothing that a token says of itself is
//! trusted. Its algorithm must be allowed, must fit the key,
//! and must be the one that the key is for; keys that the token holds or points to are never used.
//! Neither a token nor its contents are in the log or in an error.

mod api_keys;
mod caller_credentials;
mod claims;
mod clock;
mod credentials;
mod document;
mod fetch;
mod introspection;
mod issuer;
mod keyring;
mod keys;
mod principal;
mod public_key;
mod reason;
mod refused;
mod server;
mod token;
mod tokens;
mod verified;

pub use api_keys::{ApiKeyFormError, ApiKeysError, MadeApiKey, hash_of_api_key};
pub use caller_credentials::{Accepted, Basis, CallerCredentials, ShownBy};
pub use credentials::{Credential, Credentials, CredentialsError, CredentialsHealth};
pub use fetch::TokensError;
pub use introspection::IntrospectionError;
pub use keyring::KeysHealth;
pub use principal::find as claim;
pub use refused::RefusedToken;
pub use tokens::Tokens;
pub use verified::{TokenError, Verified};
