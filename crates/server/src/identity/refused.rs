//! Tokens that are refused, as the log may tell of them.

use std::fmt;
use std::sync::Arc;

use super::reason::InvalidReason;

/// The longest kid that is told.
const MAX_KID: usize = 128;

/// A token that is refused: why, by whom it claims to be, and with which key.
#[derive(Clone, PartialEq, Eq)]
pub struct RefusedToken {
    /// Why it is refused; the program's own text.
    pub reason: &'static str,
    /// The issuer that it names, if that is one of the settings.
    pub issuer: Option<Arc<str>>,
    /// The key that it names, if it has the form of one: whoever sends a token chooses it.
    pub kid: Option<String>,
}

// === impl RefusedToken ===

impl RefusedToken {
    /// One of which nothing is known but why.
    #[must_use]
    pub fn because(reason: InvalidReason) -> Self {
        Self {
            reason,
            issuer: None,
            kid: None,
        }
    }

    /// Notes the key that it names. A name that could be an address or a token is not kept.
    pub(super) fn note_kid(&mut self, kid: Option<&String>) {
        let is_of_kid = |byte: u8| byte.is_ascii_alphanumeric() || b"-_+/=".contains(&byte);
        self.kid = kid
            .filter(|kid| kid.len() <= MAX_KID && kid.bytes().all(is_of_kid))
            .cloned();
    }
}

/// The reason alone: errors are shown in places where a sender's text has no business.
impl fmt::Debug for RefusedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RefusedToken").field(&self.reason).finish()
    }
}

impl fmt::Display for RefusedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_key_is_told_if_it_could_be_nothing_else() {
        let told = |kid: &str| {
            let mut refused = RefusedToken::because("");
            refused.note_kid(Some(&kid.to_owned()));
            refused.kid
        };
        for kid in [
            "1",
            "nOo3ZDrODXEK1jKWhXslHR_KXEg",
            "a-b+c/d=",
            &"k".repeat(MAX_KID),
        ] {
            assert_eq!(told(kid).as_deref(), Some(kid));
        }
        for kid in [
            "anna@acme.example",
            "https://acme",
            "eyJ.eyJ.x",
            "192.0.2.7",
            "a b",
            "a\nb",
            "\u{e5}",
            &"k".repeat(MAX_KID + 1),
        ] {
            assert_eq!(told(kid), None, "{kid}");
        }
    }
}
