//! Signatures that tokens may have.

use serde::{Deserialize, Serialize, Serializer};

/// A signature algorithm of JWA (RFC 7518, 8037). All are asymmetric: a key that verifies tokens
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
    /// A symmetric algorithm, as `HS256`.
    #[error("`{0}` is symmetric: whoever verifies such a token could make one")]
    Symmetric(String),
    /// An unknown algorithm.
    #[error(
        "unknown algorithm, expected `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, \
         `ES256`, `ES384` or `EdDSA`"
    )]
    Unknown,
}

// === impl Algorithm ===

impl Algorithm {
    /// All algorithms.
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

    /// The name in tokens and keys.
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
