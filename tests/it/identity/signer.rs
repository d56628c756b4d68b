//! A key that `openssl` has made, and the tokens that it signs.

use std::path::PathBuf;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

pub(super) struct Signer {
    pub(super) kid: String,
    /// Its public part, as it is in a set of keys.
    pub(super) published: Value,
    key: EncodingKey,
    /// The algorithm where a header names none.
    algorithm: Algorithm,
    directory: tempfile::TempDir,
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
        let (algorithm, name) = match kind.split('|').next_back().unwrap() {
            "ec_paramgen_curve:P-256" => (Algorithm::ES256, "pkcs8"),
            "ec_paramgen_curve:P-384" => (Algorithm::ES384, "pkcs8"),
            "ED25519" => (Algorithm::EdDSA, "pkcs8"),
            _ => (Algorithm::RS256, "pkcs1"),
        };
        if name == "pkcs1" {
            let pkcs1 = path("pkcs1");
            openssl(&format!(
                "rsa|-in|{pem}|-traditional|-outform|DER|-out|{pkcs1}"
            ));
        }
        let der = std::fs::read(path(name)).unwrap();
        let key = match algorithm {
            Algorithm::RS256 => EncodingKey::from_rsa_der(&der),
            Algorithm::EdDSA => EncodingKey::from_ed_der(&der),
            _ => EncodingKey::from_ec_der(&der),
        };
        let public = Jwk::from_encoding_key(&key, algorithm).unwrap();
        let mut published = serde_json::to_value(public).unwrap();
        published.as_object_mut().unwrap().remove("alg");
        published["kid"] = json!(kid);
        Self {
            kid: kid.to_owned(),
            published,
            key,
            algorithm,
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
        let named: Option<Algorithm> =
            named.and_then(|header| header["alg"].as_str()?.parse().ok());
        let algorithm = named.unwrap_or(self.algorithm);
        jsonwebtoken::crypto::sign(signed.as_bytes(), &self.key, algorithm).unwrap()
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
