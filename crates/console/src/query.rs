//! The parameters of a target or a form.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The most parameters that are read.
const MOST: usize = 500;

/// The characters that stand for themselves.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'/');

/// Parameters, in the order in which they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads the form `a=1&b=2`. What is no text of UTF-8 is replaced, and later fits nothing.
    pub(crate) fn read(text: &str) -> Self {
        let decoded = |part: &str| {
            let part = part.replace('+', " ");
            percent_decode_str(&part).decode_utf8_lossy().into_owned()
        };
        let parts = text.split('&').filter(|part| !part.is_empty()).take(MOST);
        let pairs = parts.map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decoded(name), decoded(value))
        });
        Self(pairs.collect())
    }

    /// The first value of a name, without blanks around it; `None` where there is none, or nothing in it.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut all = self.0.iter();
        let (_, value) = all.find(|(known, _)| known == name)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }

    /// The first value of a name as it was written.
    pub(crate) fn whole(&self, name: &str) -> Option<&str> {
        let mut all = self.0.iter();
        let (_, value) = all.find(|(known, _)| known == name)?;
        Some(value)
            .filter(|value| !value.is_empty())
            .map(String::as_str)
    }

    /// The same with a value in the place of all others of its name.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut changed = self.without(name);
        changed.0.push((name.to_owned(), value.to_owned()));
        changed
    }

    /// The same without a name.
    pub(crate) fn without(&self, name: &str) -> Self {
        let others = self.0.iter().filter(|(known, _)| known != name);
        Self(others.cloned().collect())
    }

    /// The same without values that are empty.
    pub(crate) fn set(&self) -> Self {
        let set = self.0.iter().filter(|(_, value)| !value.trim().is_empty());
        Self(set.cloned().collect())
    }

    /// All names with their values.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A target with these parameters.
    pub(crate) fn behind(&self, path: &str) -> String {
        let pairs = self
            .0
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        let pairs: Vec<String> = pairs.collect();
        match pairs.is_empty() {
            true => path.to_owned(),
            false => format!("{path}?{}", pairs.join("&")),
        }
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let hostile = "<script>&a=b+\"\u{202e}%41 é";
        let written = Parameters::default().with("a&b", hostile).behind("/x");
        let (_, query) = written.split_once('?').unwrap();
        let read = Parameters::read(query);
        assert_eq!(read.whole("a&b"), Some(hostile));
        assert_eq!(read.without("a&b"), Parameters::default());
        assert_eq!(Parameters::read("a=+x+&b").get("a"), Some("x"));
        assert_eq!(Parameters::read("a=&b=1").set(), Parameters::read("b=1"));
    }
}
