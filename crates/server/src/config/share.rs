//! A share of all, as `1%` or `0.01%`.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// Parts of one percent that a share can have.
const PARTS: u32 = 10_000;

/// A share of all, from `0%` to `100%`, to four decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Share(u32);

/// Why a text is not a [`Share`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a share from `0%` to `100%`, as `1%` or `0.01%`")]
pub struct ShareError;

impl Share {
    /// All, in [`Share::parts`].
    pub const ALL: u32 = 100 * PARTS;

    /// The parts of [`Share::ALL`] that it is.
    #[must_use]
    pub fn parts(self) -> u32 {
        self.0
    }

    /// As a number from 0 to 1.
    #[cfg(test)]
    fn ratio(self) -> f64 {
        f64::from(self.0) / f64::from(Self::ALL)
    }

    /// The share that a number from 0 to 1 is.
    pub(super) fn of_ratio(ratio: f64) -> Option<Self> {
        let parts = (ratio * f64::from(Self::ALL)).round();
        let parts = format!("{parts}").parse().ok();
        parts.filter(|parts| *parts <= Self::ALL).map(Self)
    }
}

impl TryFrom<String> for Share {
    type Error = ShareError;

    fn try_from(text: String) -> Result<Self, ShareError> {
        let number = text.strip_suffix('%').ok_or(ShareError)?;
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        if !is_number(whole) || !is_number(decimals) || whole.len() > 3 || decimals.len() > 4 {
            return Err(ShareError);
        }
        let parsed = |text: &str| text.parse::<u32>().map_err(|_| ShareError);
        let share = parsed(whole)? * PARTS + parsed(&format!("{decimals:0<4}"))?;
        match share <= Self::ALL {
            true => Ok(Self(share)),
            false => Err(ShareError),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, decimals) = (self.0 / PARTS, format!("{:04}", self.0 % PARTS));
        match decimals.trim_end_matches('0') {
            "" => write!(f, "{whole}%"),
            decimals => write!(f, "{whole}.{decimals}%"),
        }
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_written_as_it_is_read() {
        for text in ["0%", "1%", "0.01%", "12.5%", "99.9999%", "100%"] {
            let share = Share::try_from(text.to_owned()).unwrap();
            assert_eq!(share.to_string(), text);
            assert_eq!(Share::of_ratio(share.ratio()), Some(share));
        }
        for text in [
            "",
            "%",
            "1",
            "-1%",
            "+1%",
            "100.0001%",
            "101%",
            "1.%",
            ".5%",
            "1.00001%",
            "1 %",
        ] {
            assert_eq!(Share::try_from(text.to_owned()), Err(ShareError), "{text}");
        }
        for ratio in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Share::of_ratio(ratio), None, "{ratio}");
        }
    }
}
