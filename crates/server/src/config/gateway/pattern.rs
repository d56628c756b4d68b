//! The part of a certificate's name that names the principal: `spiffe://example.org/user/*`.

use serde::{Deserialize, Serialize, Serializer};

/// A text with one `*`, which stands for the principal.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct CertificateName {
    before: String,
    behind: String,
}

/// Why a text is no [`CertificateName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a text with one `*`, as `spiffe://example.org/user/*`, found `{0}`")]
pub struct CertificateNameError(String);

// === impl CertificateName ===

impl CertificateName {
    /// The text in the place of the `*`, if the rest of `name` is the same. It is never empty, and
    /// holds none of `separators`, so that it stays within one part of the name.
    #[must_use]
    pub fn read<'a>(&self, name: &'a str, separators: &[char]) -> Option<&'a str> {
        let found = name
            .strip_prefix(self.before.as_str())?
            .strip_suffix(self.behind.as_str())?;
        (!found.is_empty() && !found.contains(separators)).then_some(found)
    }
}

impl TryFrom<String> for CertificateName {
    type Error = CertificateNameError;

    fn try_from(text: String) -> Result<Self, CertificateNameError> {
        match text.split_once('*') {
            // A `*` alone would accept every certificate.
            Some((before, behind)) if !before.is_empty() && !behind.contains('*') => Ok(Self {
                before: before.to_owned(),
                behind: behind.to_owned(),
            }),
            _ => Err(CertificateNameError(text)),
        }
    }
}

impl Serialize for CertificateName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}*{}", self.before, self.behind))
    }
}
