//! A key that `openssl` has made, and the tokens that it signs.

use std::path::PathBuf;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256,
    RSA_PSS_SHA384, RSA_PSS_SHA512, RsaKeyPair,
};
use serde_json::{Value, json};

pub(super) struct Signer {
    pub(super) kid: String,
    /// Its public part, as it is in a set of keys.
    pub(super) published: Value,
    key: Key,
    directory: tempfile::TempDir,
}

enum Key {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

pub(super) fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    /// `kind` is what `openssl genpkey -algorithm` takes.
    pub(super) fn new(kid: &str, kind: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let (pem, pkcs8) = (path("pem"), path("pkcs8"));
        openssl(&format!("genpkey|-algorithm|{kind}|-out|{pem}"));
        openssl(&format!(
            "pkcs8|-topk8|-nocrypt|-in|{pem}|-outform|DER|-out|{pkcs8}"
        ));
        let (key, mut published) = Key::read(kind, &std::fs::read(pkcs8).unwrap());
        published["kid"] = json!(kid);
        Self {
            kid: kid.to_owned(),
            published,
            key,
            directory,
        }
    }

    /// A file that holds its private part, for `openssl`.
    pub(super) fn private(&self) -> PathBuf {
        self.directory.path().join("pem")
    }

    /// Its public part with some members changed.
    pub(super) fn published_with(&self, changes: &Value) -> Value {
        let mut published = self.published.clone();
        for (name, value) in changes.as_object().unwrap() {
            published[name] = value.clone();
        }
        published
    }

    /// A token with the usual header.
    pub(super) fn token(&self, algorithm: &str, claims: &Value) -> String {
        let header = json!({"alg": algorithm, "typ": "JWT", "kid": self.kid});
        self.sign(&header.to_string(), &claims.to_string())
    }

    /// A token with this header and these claims, signed as the header says, or else as the key
    /// is usually used.
    pub(super) fn sign(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", encoded(header), encoded(claims));
        format!("{signed}.{}", self.signature(header, &signed))
    }

    pub(super) fn signature(&self, header: &str, signed: &str) -> String {
        let named = serde_json::from_str::<Value>(header).ok();
        let named = named.as_ref().and_then(|header| header["alg"].as_str());
        encoded(self.key.sign(named.unwrap_or_default(), signed.as_bytes()))
    }
}

impl Key {
    /// A key of such a kind, and its public part.
    fn read(kind: &str, pkcs8: &[u8]) -> (Self, Value) {
        let curve = match kind.split('|').next_back().unwrap() {
            "ec_paramgen_curve:P-256" => Some(("P-256", &ECDSA_P256_SHA256_FIXED_SIGNING)),
            "ec_paramgen_curve:P-384" => Some(("P-384", &ECDSA_P384_SHA384_FIXED_SIGNING)),
            _ => None,
        };
        if let Some((name, signing)) = curve {
            let key = EcdsaKeyPair::from_pkcs8(signing, pkcs8, &SystemRandom::new()).unwrap();
            // SEC 1 2.3.3: a byte that says what follows, then both of the same length.
            let point = key.public_key().as_ref();
            let (x, y) = point[1..].split_at(point.len() / 2);
            let public = json!({"kty": "EC", "crv": name, "x": encoded(x), "y": encoded(y)});
            (Self::Ec(key), public)
        } else if kind == "ED25519" {
            // `openssl` writes the private part alone.
            let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).unwrap();
            let x = encoded(key.public_key());
            let public = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
            (Self::Ed(key), public)
        } else {
            let key = RsaKeyPair::from_pkcs8(pkcs8).unwrap();
            let public = PublicKeyComponents::<Vec<u8>>::from(key.public());
            let (n, e) = (encoded(public.n), encoded(public.e));
            (Self::Rsa(key), json!({"kty": "RSA", "n": n, "e": e}))
        }
    }

    /// A signature of the algorithm that is named, or else as the key is usually used.
    fn sign(&self, algorithm: &str, signed: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let padding: &dyn ring::signature::RsaEncoding = match algorithm {
                    "RS384" => &RSA_PKCS1_SHA384,
                    "RS512" => &RSA_PKCS1_SHA512,
                    "PS256" => &RSA_PSS_SHA256,
                    "PS384" => &RSA_PSS_SHA384,
                    "PS512" => &RSA_PSS_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(padding, &random, signed, &mut signature).unwrap();
                signature
            }
            Self::Ec(key) => key.sign(&random, signed).unwrap().as_ref().to_vec(),
            Self::Ed(key) => key.sign(signed).as_ref().to_vec(),
        }
    }
}

/// Runs `openssl` with arguments between `|`.
pub(super) fn openssl(arguments: &str) {
    let done = Command::new("openssl")
        .args(arguments.split('|').map(str::trim))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "openssl {arguments}: {said}");
}
