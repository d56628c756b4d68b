//! Public keys, and the signatures that `ring` verifies by them, which TLS has in the program
//! already.
//!
//! `ring` is called directly. A token is taken apart and its claims are judged by modules beside
//! this one, so that a crate for tokens would be left nothing but to pass a signature on, to a
//! provider that is set for the whole process and whose absence is a panic.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaPublicKeyComponents, UnparsedPublicKey,
};

use crate::config::Algorithm;

/// A key. `ring` looks at it with each signature: a point that is not on its curve verifies none.
pub(super) enum PublicKey {
    /// Of 2048 to 8192 bits; `ring` uses no other.
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    /// The point as SEC 1 2.3.3 writes it, not compressed.
    P256(Vec<u8>),
    /// Likewise.
    P384(Vec<u8>),
    /// The point as RFC 8032 5.1.2 writes it.
    Ed25519(Vec<u8>),
}

impl PublicKey {
    /// The kind and the bytes of the key, which no other key has.
    pub(super) fn identity(&self) -> (u8, &[u8], &[u8]) {
        match self {
            Self::Rsa(key) => (0, &key.n, &key.e),
            Self::P256(point) => (1, point, &[]),
            Self::P384(point) => (2, point, &[]),
            Self::Ed25519(point) => (3, point, &[]),
        }
    }

    /// Returns true if such keys make signatures of this algorithm.
    pub(super) fn fits(&self, algorithm: Algorithm) -> bool {
        match algorithm {
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => matches!(self, Self::Rsa(_)),
            Algorithm::Es256 => matches!(self, Self::P256(_)),
            Algorithm::Es384 => matches!(self, Self::P384(_)),
            Algorithm::EdDsa => matches!(self, Self::Ed25519(_)),
        }
    }

    /// Returns true if a signature of this algorithm is of this text and by this key.
    pub(super) fn verifies(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        let verified = match (self, algorithm) {
            (Self::Rsa(key), algorithm) => {
                let parameters = match algorithm {
                    Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
                    Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
                    Algorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
                    Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                    Algorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
                    Algorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
                    Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => return false,
                };
                key.verify(parameters, signed, signature)
            }
            (Self::P256(point), Algorithm::Es256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature)
            }
            (Self::P384(point), Algorithm::Es384) => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(signed, signature)
            }
            (Self::Ed25519(point), Algorithm::EdDsa) => {
                UnparsedPublicKey::new(&ED25519, point).verify(signed, signature)
            }
            (Self::P256(_) | Self::P384(_) | Self::Ed25519(_), _) => return false,
        };
        verified.is_ok()
    }
}
