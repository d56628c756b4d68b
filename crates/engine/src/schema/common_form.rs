//! Values of Cedar's extension types in other common forms than Cedar's own.
//!
//! Only a form that has one meaning is taken: an instant without a zone, or a number that would have
//! to be rounded, stays as it is, and is refused.

use std::borrow::Cow;

use super::extension::ExtensionType;

/// A text in the form that Cedar takes, where it is in another common form.
pub(super) fn common_form(extension: ExtensionType, text: &str) -> Cow<'_, str> {
    let other = match extension {
        ExtensionType::DateTime => instant(text),
        ExtensionType::Decimal => decimal(text),
        ExtensionType::IpAddr => address(text),
        ExtensionType::Duration => None,
    };
    other.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// RFC 3339, and ISO 8601 without seconds: `2026-06-27T18:03:00.123456+02:00`, `2026-06-27T18:03-07:00`.
/// Cedar counts in milliseconds; what is beyond them is cut off.
fn instant(text: &str) -> Option<String> {
    let (date, time) = text.split_once(['T', 't'])?;
    let zone = time.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = time.split_at_checked(zone)?;
    let zone = match zone {
        "z" => "Z".to_owned(),
        zone => zone.replacen(':', "", 1),
    };
    let (clock, fraction) = match time.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (time, None),
    };
    let is_short = clock.len() == "hh:mm".len() && fraction.is_none();
    let seconds = if is_short { ":00" } else { "" };
    let fraction = match fraction {
        None => String::new(),
        Some(digits) if digits.is_empty() || !digits.bytes().all(|it| it.is_ascii_digit()) => {
            return None;
        }
        Some(digits) => format!(".{:0<3}", digits.get(..3).unwrap_or(digits)),
    };
    Some(format!("{date}T{clock}{seconds}{fraction}{zone}"))
}

/// A whole number, and one with zeros at its end: `12`, `12.50000`.
fn decimal(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = fraction.trim_end_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    let is_digit = |byte: u8| byte.is_ascii_digit();
    (!fraction.is_empty() && fraction.bytes().all(is_digit)).then(|| format!("{whole}.{digits}"))
}

/// An IPv6 address as URLs have it, and one that stands for an IPv4 address: `[::1]`,
/// `::ffff:10.0.0.1`.
fn address(text: &str) -> Option<String> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let inner = bare.unwrap_or(text);
    let address: std::net::Ipv6Addr = inner.parse().ok()?;
    // Cedar takes what has colons alone, as an address of IPv6.
    match inner.contains('.') {
        true => address.to_ipv4_mapped().map(|mapped| mapped.to_string()),
        false => bare.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_forms_of_one_meaning_are_taken() {
        use ExtensionType::{DateTime, Decimal, IpAddr};
        for (extension, text, wanted) in [
            (
                DateTime,
                "2026-06-27T18:03:00+00:00",
                "2026-06-27T18:03:00+0000",
            ),
            (
                DateTime,
                "2026-06-27T18:03-07:00",
                "2026-06-27T18:03:00-0700",
            ),
            (DateTime, "2026-06-27T18:03Z", "2026-06-27T18:03:00Z"),
            (DateTime, "2026-06-27t18:03:00z", "2026-06-27T18:03:00Z"),
            (
                DateTime,
                "2026-06-27T18:03:00.123456Z",
                "2026-06-27T18:03:00.123Z",
            ),
            (
                DateTime,
                "2026-06-27T18:03:00.5+02:00",
                "2026-06-27T18:03:00.500+0200",
            ),
            (DateTime, "2026-06-27T18:03:00Z", "2026-06-27T18:03:00Z"),
            (DateTime, "2026-06-27", "2026-06-27"),
            (Decimal, "12", "12.0"),
            (Decimal, "-12", "-12.0"),
            (Decimal, "12.50000", "12.5"),
            (Decimal, "1.0", "1.0"),
            (IpAddr, "[::1]", "::1"),
            (IpAddr, "::ffff:10.0.0.1", "10.0.0.1"),
            (IpAddr, "[::ffff:10.0.0.1]", "10.0.0.1"),
            (IpAddr, "fe80::1", "fe80::1"),
            (IpAddr, "10.0.0.0/8", "10.0.0.0/8"),
            // These have none, or more than one.
            (DateTime, "2026-06-27T18:03:00", "2026-06-27T18:03:00"),
            (DateTime, "2026-06-27 18:03:00", "2026-06-27 18:03:00"),
            (DateTime, "2026-06-27T18:03:00.Z", "2026-06-27T18:03:00.Z"),
            (DateTime, "27.06.2026", "27.06.2026"),
            (Decimal, "12.34567", "12.34567"),
            (Decimal, "1e3", "1e3.0"),
            (Decimal, "12,5", "12,5.0"),
            (IpAddr, "fe80::1%eth0", "fe80::1%eth0"),
        ] {
            assert_eq!(common_form(extension, text), wanted);
        }
    }
}
