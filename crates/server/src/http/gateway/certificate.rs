//! The names of a client's certificate, as Envoy tells them.
//!
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert>

use std::borrow::Cow;

/// A name that a certificate has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CertificatePart {
    Uri,
    Subject,
}

/// The names of one certificate.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CertificateNames<'a> {
    uri: Option<Cow<'a, str>>,
    subject: Option<Cow<'a, str>>,
}

// === impl CertificatePart ===

impl CertificatePart {
    /// Characters that end one part of such a name. RFC 2253 writes them in a value with a
    /// backslash.
    pub(super) fn separators(self) -> &'static [char] {
        match self {
            Self::Uri => &['/', '?', '#'],
            Self::Subject => &[',', '+', ';', '\\'],
        }
    }
}

// === impl CertificateNames ===

impl<'a> CertificateNames<'a> {
    /// `attributes.source.principal`: the first URI, or the subject where there is none; it does not
    /// say which, and a pattern that fits does.
    pub(super) fn of_principal(name: &'a str) -> Option<Self> {
        (!name.is_empty()).then_some(Self {
            uri: Some(Cow::Borrowed(name)),
            subject: Some(Cow::Borrowed(name)),
        })
    }

    /// `x-forwarded-client-cert` of exactly one certificate: with several, a client may have written
    /// the first. A name that it has twice says nothing.
    pub(super) fn of_header(value: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let (mut uris, mut subjects) = (Vec::new(), Vec::new());
        let mut rest = text;
        loop {
            let (key, behind) = rest.split_once('=')?;
            let (value, behind) = read(behind)?;
            if key.eq_ignore_ascii_case("uri") {
                uris.push(value);
            } else if key.eq_ignore_ascii_case("subject") {
                subjects.push(value);
            } else if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return None;
            }
            rest = match behind.strip_prefix(';') {
                Some(behind) => behind,
                None if behind.is_empty() => break,
                // A comma, and another certificate.
                None => return None,
            };
        }
        let alone = |mut all: Vec<_>| all.pop().filter(|_| all.is_empty());
        Some(Self {
            uri: alone(uris),
            subject: alone(subjects),
        })
    }

    pub(super) fn get(&self, part: CertificatePart) -> Option<&str> {
        match part {
            CertificatePart::Uri => self.uri.as_deref(),
            CertificatePart::Subject => self.subject.as_deref(),
        }
    }
}

/// A value, quoted or not, and what is behind it.
fn read(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        let (value, behind) = text.split_at(end);
        return (!value.contains(['"', '='])).then_some((Cow::Borrowed(value), behind));
    };
    let mut value = String::new();
    let mut rest = quoted.chars();
    loop {
        match rest.next()? {
            '"' => return Some((Cow::Owned(value), rest.as_str())),
            '\\' => match rest.next()? {
                '"' => value.push('"'),
                // Of the value itself.
                other => value.extend(['\\', other]),
            },
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Option<(Option<String>, Option<String>)> {
        let names = CertificateNames::of_header(text.as_bytes())?;
        let owned = |part| names.get(part).map(str::to_owned);
        Some((owned(CertificatePart::Uri), owned(CertificatePart::Subject)))
    }

    #[test]
    fn one_certificate_has_its_names() {
        let some = |text: &str| Some(text.to_owned());
        for (text, uri, subject) in [
            (
                "By=spiffe://a/b;Hash=468ed33be74eee;Subject=\"CN=anna,O=Acme\";URI=spiffe://a/anna",
                some("spiffe://a/anna"),
                some("CN=anna,O=Acme"),
            ),
            ("Hash=a;URI=", some(""), None),
            (
                "uri=spiffe://a/anna;DNS=a;DNS=b",
                some("spiffe://a/anna"),
                None,
            ),
            ("Subject=\"\"", None, some("")),
            ("Subject=\"CN=\\\"a\\\"\"", None, some("CN=\"a\"")),
            // As RFC 2253 writes a comma in a name: no other part begins there.
            ("Subject=\"CN=a\\,O=Acme\"", None, some("CN=a\\,O=Acme")),
            (
                "Subject=\"CN=a;URI=spiffe://a/root\"",
                None,
                some("CN=a;URI=spiffe://a/root"),
            ),
            ("Hash=a;URI=spiffe://a/x;URI=spiffe://a/y", None, None),
        ] {
            assert_eq!(names(text), Some((uri, subject)), "{text}");
        }
    }

    #[test]
    fn several_certificates_and_what_cannot_be_read_name_nobody() {
        for text in [
            "",
            "Hash",
            "=a",
            "Hash=a;",
            "Hash=a,Hash=b",
            "Hash=a;URI=spiffe://a/x,By=b;URI=spiffe://a/y",
            "Subject=\"CN=a\",Subject=\"CN=b\"",
            "Subject=\"CN=a",
            "Subject=\"CN=a\"x",
            "Subject=CN=a",
            "URI=a\"b",
            "Ha sh=a",
        ] {
            assert_eq!(names(text), None, "{text}");
        }
        assert_eq!(CertificateNames::of_header(b"URI=\xff"), None);
    }
}
