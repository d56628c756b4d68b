//! A table as it is written, for messages.

use std::fmt;
use std::sync::Arc;

use super::way::write_name;
use super::{AskCondition, Pointer, Source, Template, TemplatePart};

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nested = |f: &mut fmt::Formatter<'_>, place: &str, path: &[Arc<str>]| {
            f.write_str(place)?;
            path.iter().try_for_each(|name| {
                f.write_str(".")?;
                write_name(f, name)
            })
        };
        match self {
            Self::Path(name) => write!(f, "path.{name}"),
            Self::Query(name) => write!(f, "query.{name}"),
            Self::Header(name) => write!(f, "header.{name}"),
            Self::Claim(way) => {
                f.write_str("claim")?;
                way.iter().try_for_each(|step| write!(f, ".{step}"))
            }
            Self::Body(path) => nested(f, "body", path),
            Self::Each(path) => nested(f, "each", path),
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [TemplatePart::From(source)] = self.parts.as_slice() {
            return source.fmt(f);
        }
        self.parts.iter().try_for_each(|part| match part {
            TemplatePart::Text(text) => f.write_str(text),
            TemplatePart::From(source) => write!(f, "{{{source}}}"),
        })
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.by {
            None => write!(f, "{} `{}`", self.of, self.name),
            Some((attribute, _)) => write!(f, "{} with {attribute} `{}`", self.of, self.name),
        }
    }
}

impl fmt::Display for AskCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(source) => write!(f, "`{source}` is given"),
            Self::NotGiven(source) => write!(f, "`{source}` is not given"),
            Self::Sets { attribute, to, .. } => {
                write!(f, "`{to}` is another {attribute} than the store holds")
            }
            Self::Clears(attribute, source) => {
                write!(f, "`{source}` is null where the store holds a {attribute}")
            }
            Self::Known(pointer) => write!(f, "the store holds the {pointer}"),
            Self::Unknown(pointer) => write!(f, "the store does not hold the {pointer}"),
        }
    }
}
