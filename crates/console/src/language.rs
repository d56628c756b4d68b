//! The languages of the pages: one table of texts for each.

mod english;
mod german;
mod texts;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;

use crate::guard::cookie;
use english::ENGLISH;
use german::GERMAN;

pub(crate) use texts::Texts;

/// The cookie that keeps the choice.
pub(crate) const COOKIE: &str = "peppol-authz-language";

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    German,
}

impl Language {
    pub(crate) const ALL: [Self; 2] = [Self::English, Self::German];

    /// As HTML and HTTP name it.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// Its own name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    pub(crate) fn texts(self) -> &'static Texts {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
        }
    }

    pub(crate) fn named(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.tag() == tag)
    }

    /// The one that was chosen, or the first that the browser would like.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let chosen = cookie(headers, COOKIE).and_then(Self::named);
        let wanted = headers.get(ACCEPT_LANGUAGE);
        let wanted = wanted.and_then(|value| value.to_str().ok()).unwrap_or("");
        chosen.or_else(|| wished(wanted)).unwrap_or(Self::English)
    }
}

/// The known language with the greatest weight; of two the first.
fn wished(accepted: &str) -> Option<Language> {
    let mut best: Option<(Language, f32)> = None;
    for part in accepted.split(',') {
        let (tag, rest) = part.split_once(';').unwrap_or((part, ""));
        let weight = rest.trim().strip_prefix("q=").unwrap_or("1");
        let weight: f32 = weight.parse().unwrap_or(0.0);
        let tag = tag.trim().to_ascii_lowercase();
        let tag = tag.split_once('-').map_or(tag.as_str(), |(tag, _)| tag);
        if let Some(language) = Language::named(tag)
            && weight > best.map_or(0.0, |(_, weight)| weight)
        {
            best = Some((language, weight));
        }
    }
    best.map(|(language, _)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_says_which_language_it_wants() {
        let german = Some(Language::German);
        assert_eq!(wished("de-CH, en;q=0.9"), german);
        assert_eq!(wished("fr, de;q=0.5, en;q=0.4"), german);
        assert_eq!(wished("en-GB,de"), Some(Language::English));
        assert_eq!(wished("de;q=0, en;q=0.1"), Some(Language::English));
        assert_eq!(wished("fr"), None);
        assert_eq!(wished(""), None);
    }
}
