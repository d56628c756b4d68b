//! Names that nobody can guess, and marks that only this program can make.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The bytes of a name: 256 bits.
const NAME: usize = 32;

/// The bytes of a key: a block of the hash.
const KEY: usize = 64;

/// A key that lives as long as the program.
pub(crate) struct Key([u8; KEY]);

/// Random bytes.
fn bytes<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A name that nobody can guess.
///
/// # Errors
/// A system without random numbers.
pub(crate) fn name() -> Result<String, getrandom::Error> {
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes::<NAME>()?))
}

/// The hash by which a name is kept.
pub(crate) fn hash(name: &str) -> [u8; 32] {
    Sha256::digest(name).into()
}

impl Key {
    /// # Errors
    /// A system without random numbers.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        Ok(Self(bytes()?))
    }

    fn mac(&self, of: &[&str]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new(&self.0.into());
        for part in of {
            mac.update(part.as_bytes());
            mac.update(&[0xff]);
        }
        mac
    }

    /// The mark of some texts.
    pub(crate) fn mark(&self, of: &[&str]) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.mac(of).finalize().into_bytes())
    }

    /// True if that is the mark of these texts. It takes as long for each wrong one.
    pub(crate) fn is_mark(&self, mark: &str, of: &[&str]) -> bool {
        let Ok(mark) = BASE64_URL_SAFE_NO_PAD.decode(mark) else {
            return false;
        };
        self.mac(of).verify_slice(&mark).is_ok()
    }
}
