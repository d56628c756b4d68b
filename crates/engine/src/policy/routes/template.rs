//! Text with references to a request in it, from how it is written.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::pattern::Pattern;
use super::text_fault::TextFault;
use super::way::{KnownType, WayFault, body_way, claim_way};
use super::{Source, Template, TemplatePart};

/// The things that a text may refer to.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) constants: &'a BTreeMap<String, String>,
    pub(super) pattern: &'a Pattern,
    /// True if the ask has `each`.
    pub(super) each: bool,
}

impl Template {
    /// Reads a text; one without any is a template of no parts.
    pub(super) fn parse(text: &str, scope: Scope<'_>) -> Result<Self, Vec<TextFault>> {
        let (mut parts, mut wrong) = (Vec::new(), Vec::new());
        let mut plain = String::new();
        let mut letters = text.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            let doubled = letters.next_if(|(_, next)| *next == letter);
            match (letter, doubled) {
                ('{' | '}', Some(_)) => plain.push(letter),
                ('}', None) => wrong.push(
                    TextFault::new(at..at + 1, "a `}` without `{`")
                        .advise("`}}` is a brace itself"),
                ),
                ('{', None) => {
                    let inner: String = letters
                        .by_ref()
                        .map(|(_, letter)| letter)
                        .take_while(|letter| *letter != '}')
                        .collect();
                    let end = (at + inner.len() + 2).min(text.len());
                    if !text.get(at..end).is_some_and(|text| text.ends_with('}')) {
                        wrong.push(
                            TextFault::new(at..end, "a `{` without `}`")
                                .advise("`{{` is a brace itself"),
                        );
                        continue;
                    }
                    match reference(&inner, at..end, scope) {
                        Ok(Referred::Constant(text)) => plain.push_str(text),
                        Ok(Referred::Source(source)) => {
                            if !plain.is_empty() {
                                parts.push(TemplatePart::Text(Arc::from(std::mem::take(
                                    &mut plain,
                                ))));
                            }
                            parts.push(TemplatePart::From(source));
                        }
                        Err(fault) => wrong.push(fault),
                    }
                }
                (_, doubled) => {
                    plain.push(letter);
                    plain.extend(doubled.map(|(_, letter)| letter));
                }
            }
        }
        if !plain.is_empty() {
            parts.push(TemplatePart::Text(Arc::from(plain)));
        }
        if wrong.is_empty() {
            Ok(Self { parts })
        } else {
            Err(wrong)
        }
    }

    /// The text, where it refers to nothing.
    pub(super) fn constant(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [TemplatePart::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The type of each value that it gives, where that is known.
    pub(super) fn known_type(&self) -> Option<KnownType> {
        match self.parts.as_slice() {
            [TemplatePart::From(source)] => source.known_type(),
            _ => Some(KnownType::Text),
        }
    }
}

impl Source {
    /// The type of each value that it gives, where that is known.
    pub(super) fn known_type(&self) -> Option<KnownType> {
        match self {
            Self::Path(_) | Self::Query(_) | Self::Header(_) => Some(KnownType::Text),
            Self::Claim(way) => KnownType::of(way),
            Self::Body(_) | Self::Each(_) => None,
        }
    }
}

enum Referred<'a> {
    Constant(&'a str),
    Source(Source),
}

/// Reads a reference, without its braces.
fn reference<'a>(
    text: &str,
    at: Range<usize>,
    scope: Scope<'a>,
) -> Result<Referred<'a>, TextFault> {
    let wrong = |problem: String| TextFault::new(at.clone(), problem);
    let (kind, rest) = match text.split_once('.') {
        Some((kind, rest)) => (kind, Some(rest)),
        None => (text, None),
    };
    let name = || {
        let name = rest.filter(|name| !name.is_empty());
        name.ok_or_else(|| wrong(format!("`{{{text}}}` without a name")))
    };
    let misled = |fault: WayFault| {
        let wrong = wrong(format!("`{{{text}}}` {}", fault.problem));
        match fault.help {
            Some(help) => wrong.advise(help),
            None => wrong,
        }
    };
    let within = || match rest {
        None => Ok(Vec::new()),
        Some(_) => body_way(name()?).map_err(misled),
    };
    Ok(Referred::Source(match kind {
        "path" => {
            let name = name()?;
            if !scope.pattern.has(name) {
                return Err(wrong(format!("no parameter `{name}` in the path")));
            }
            Source::Path(Arc::from(name))
        }
        "query" => Source::Query(Arc::from(name()?)),
        "header" => {
            let name = name()?;
            let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            if !name.bytes().all(is_letter) {
                return Err(wrong("no header is called so".to_owned()));
            }
            Source::Header(Arc::from(name.to_ascii_lowercase()))
        }
        "claim" => Source::Claim(claim_way(name()?).map_err(misled)?),
        "body" => Source::Body(within()?),
        "each" if !scope.each => {
            return Err(wrong(format!("`{{{text}}}` in an ask without `each`")));
        }
        "each" => Source::Each(within()?),
        "constant" => {
            let name = name()?;
            let found = scope.constants.get(name);
            let found = found.ok_or_else(|| wrong(format!("no constant `{name}`")))?;
            return Ok(Referred::Constant(found));
        }
        _ => {
            let unknown = wrong(format!("`{{{text}}}` is no reference"));
            if let Some((kind @ ("claim" | "body" | "each"), way)) = text.split_once('/') {
                let help = format!("a JSON pointer stands behind a dot: `{{{kind}./{way}}}`");
                return Err(unknown.advise(help));
            }
            return Err(unknown.advise(
                "one of `{path.…}`, `{query.…}`, `{header.…}`, `{claim.…}`, `{body}`, `{each}` \
                 and `{constant.…}`",
            ));
        }
    }))
}
