//! The requests of one entry: a method, and paths of one template.

use std::ops::Range;
use std::sync::Arc;

use super::glob::Glob;
use super::target::{Captures, RequestTarget, check_segment};
use super::text_fault::TextFault;

/// A method. What is no method of HTTP's is in no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Method {
    /// `HEAD` too, which is answered as `GET` is.
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
}

/// A template of a request.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) method: Method,
    segments: Vec<Segment>,
}

#[derive(Debug)]
enum Segment {
    /// As it is decoded.
    Literal(Box<str>),
    Parameter(Arc<str>, Option<Glob>),
}

impl Method {
    /// The method of that name, which is in capitals.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            _ => return None,
        })
    }

    /// The methods that are answered as this one.
    pub(super) fn and_alike(self) -> &'static [Self] {
        match self {
            Self::Get => &[Self::Get, Self::Head],
            Self::Head => &[Self::Head],
            Self::Post => &[Self::Post],
            Self::Put => &[Self::Put],
            Self::Patch => &[Self::Patch],
            Self::Delete => &[Self::Delete],
            Self::Options => &[Self::Options],
        }
    }
}

impl Pattern {
    /// Reads `PUT /orgs/{orgId}`.
    pub(super) fn parse(text: &str) -> Result<Self, Vec<TextFault>> {
        let Some((method, path)) = text.split_once(' ') else {
            let faults = TextFault::new(0..text.len(), "no method and path with one space between");
            return Err(vec![faults.advise("as `PUT /orgs/{orgId}`")]);
        };
        let mut faults = Vec::new();
        let named = Method::named(method);
        if named.is_none() {
            faults.push(
                TextFault::new(0..method.len(), format!("unknown method `{method}`"))
                    .advise("one of GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS"),
            );
        }
        let start = method.len() + 1;
        let segments = match path.strip_prefix('/') {
            Some("") => Vec::new(),
            Some(rest) => segments(rest, start + 1, &mut faults),
            None => {
                faults.push(TextFault::new(
                    start..text.len(),
                    "a path that does not start with `/`",
                ));
                Vec::new()
            }
        };
        match named {
            Some(method) if faults.is_empty() => Ok(Self { method, segments }),
            _ => Err(faults),
        }
    }

    /// Returns true if it has a parameter of that name.
    pub(super) fn has(&self, parameter: &str) -> bool {
        self.segments.iter().any(|segment| match segment {
            Segment::Literal(_) => false,
            Segment::Parameter(name, _) => **name == *parameter,
        })
    }

    /// Its parameters, each with the number of its segment.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&Arc<str>, usize)> {
        let all = self.segments.iter().enumerate();
        all.filter_map(|(number, segment)| match segment {
            Segment::Literal(_) => None,
            Segment::Parameter(name, _) => Some((name, number)),
        })
    }

    /// Compares segment by segment: true, where it has a parameter and the other a text, or a shape that
    /// holds more; true, where it has a text and the other a parameter. A narrower shape is no difference:
    /// it says what the ids of the other look like.
    pub(super) fn differences(&self, other: &Self) -> (bool, bool) {
        let pairs = || self.segments.iter().zip(&other.segments);
        let is_wider = |pair: (&Segment, &Segment)| match pair {
            (Segment::Parameter(..), Segment::Literal(_)) => true,
            (Segment::Parameter(_, one), Segment::Parameter(_, Some(other))) => match one {
                None => !other.is_any(),
                Some(one) => one != other && one.covers(other),
            },
            _ => false,
        };
        let wider = pairs().any(is_wider);
        let narrower =
            pairs().any(|pair| matches!(pair, (Segment::Literal(_), Segment::Parameter(..))));
        (wider, narrower)
    }

    /// Returns true if it surely matches every path that the other one does; their methods are not
    /// looked at.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let covers = |(one, other): (&Segment, &Segment)| match (one, other) {
            (Segment::Literal(one), Segment::Literal(other)) => one == other,
            (Segment::Literal(_), Segment::Parameter(..)) => false,
            (Segment::Parameter(_, None), _) => true,
            (Segment::Parameter(_, Some(glob)), Segment::Literal(text)) => glob.matches(text),
            (Segment::Parameter(_, glob), Segment::Parameter(_, other)) => glob == other,
        };
        self.len() == other.len() && self.segments.iter().zip(&other.segments).all(covers)
    }

    /// How many segments it has.
    pub(super) fn len(&self) -> usize {
        self.segments.len()
    }

    /// The parameters of a path, if the path matches.
    pub(super) fn captures(&self, target: &RequestTarget<'_>) -> Option<Captures> {
        let found = target.segments();
        if found.len() != self.segments.len() {
            return None;
        }
        // Nothing is copied for a path that is another.
        let pairs = || self.segments.iter().zip(found);
        let is_of_it = pairs().all(|(segment, text)| match segment {
            Segment::Literal(literal) => **literal == **text,
            Segment::Parameter(_, glob) => glob.as_ref().is_none_or(|glob| glob.matches(text)),
        });
        is_of_it.then(|| {
            let captured = pairs().filter_map(|(segment, text)| match segment {
                Segment::Literal(_) => None,
                Segment::Parameter(name, _) => Some((Arc::clone(name), Box::from(&**text))),
            });
            Captures(captured.collect())
        })
    }

    /// Steps that it may take to find a path that both match.
    pub(super) fn steps(&self, other: &Self) -> u64 {
        let segments = self.segments.iter().zip(&other.segments);
        let steps = segments.map(|pair| match pair {
            (Segment::Parameter(_, Some(one)), Segment::Parameter(_, Some(other))) => {
                one.steps(other)
            }
            (Segment::Parameter(_, Some(one)), Segment::Parameter(_, None))
            | (Segment::Parameter(_, None), Segment::Parameter(_, Some(one))) => {
                one.steps(&Glob::new("*"))
            }
            _ => 1,
        });
        steps.fold(1, u64::saturating_add)
    }

    /// A path that both match, if there is one; their methods are not looked at.
    pub(super) fn common(&self, other: &Self) -> Option<String> {
        if self.len() != other.len() {
            return None;
        }
        if self.segments.is_empty() {
            return Some("/".to_owned());
        }
        let mut path = String::new();
        for (one, other) in self.segments.iter().zip(&other.segments) {
            path.push('/');
            path.push_str(&match (one, other) {
                (Segment::Literal(one), Segment::Literal(other)) => {
                    (one == other).then(|| one.to_string())?
                }
                (Segment::Literal(literal), Segment::Parameter(_, glob))
                | (Segment::Parameter(_, glob), Segment::Literal(literal)) => {
                    let fits = glob.as_ref().is_none_or(|glob| glob.matches(literal));
                    fits.then(|| literal.to_string())?
                }
                (Segment::Parameter(_, one), Segment::Parameter(_, other)) => {
                    let any = || Glob::new("*");
                    let [one, other] = [one, other].map(|glob| glob.clone().unwrap_or_else(any));
                    one.common(&other)?
                }
            });
        }
        Some(path)
    }
}

/// The segments of a path, which starts at `start` of the text that it is in.
fn segments(path: &str, start: usize, faults: &mut Vec<TextFault>) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut names: Vec<Arc<str>> = Vec::new();
    let mut at = start;
    for text in path.split('/') {
        let place = at..at + text.len();
        at = place.end + 1;
        match segment(text, place.clone()) {
            Ok(segment) => {
                if let Segment::Parameter(name, _) = &segment {
                    if names.contains(name) {
                        let problem = format!("a second parameter `{name}`");
                        faults.push(TextFault::new(place, problem));
                    }
                    names.push(Arc::clone(name));
                }
                segments.push(segment);
            }
            Err(fault) => faults.push(fault),
        }
    }
    segments
}

fn segment(text: &str, place: Range<usize>) -> Result<Segment, TextFault> {
    let inner = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'));
    let is_special = |letter: char| matches!(letter, '{' | '}');
    match inner {
        None if text.is_empty() => Err(TextFault::new(
            place.start.saturating_sub(1)..place.end,
            "an empty segment",
        )),
        None if text.contains(is_special) => Err(TextFault::new(
            place,
            "a segment that is neither a text nor a parameter",
        )
        .advise("a parameter is a whole segment, `{name}` or `{name=SHAPE}`")),
        None if text.contains('*') => {
            Err(TextFault::new(place, "a `*` outside of a parameter").advise("as `{name=*::*}`"))
        }
        None => {
            check_text(text, &place)?;
            check_segment(text).map_err(|problem| {
                TextFault::new(place, format!("{problem}, which no path has"))
            })?;
            Ok(Segment::Literal(Box::from(text)))
        }
        Some(inner) => {
            let (name, glob) = match inner.split_once('=') {
                Some((name, glob)) => (name, Some(glob)),
                None => (inner, None),
            };
            let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            if name.is_empty() || !name.chars().all(is_letter) {
                return Err(TextFault::new(place, "a parameter without a name")
                    .advise("of letters, digits and `_`, as `{orgId}`"));
            }
            if let Some(glob) = glob {
                if glob.is_empty() || glob.contains(is_special) {
                    return Err(TextFault::new(place, "a parameter without a shape")
                        .advise("text in which `*` stands for any text, as `{party=*::*}`"));
                }
                check_text(glob, &place)?;
                if Glob::new(glob).common(&Glob::new("*")).is_none() {
                    return Err(TextFault::new(place, "a shape that no segment has"));
                }
            }
            Ok(Segment::Parameter(Arc::from(name), glob.map(Glob::new)))
        }
    }
}

/// Text of a template is compared with what was decoded.
fn check_text(text: &str, place: &Range<usize>) -> Result<(), TextFault> {
    let is_odd = |letter: char| {
        matches!(letter, '%' | '?' | '\\') || letter.is_whitespace() || letter.is_control()
    };
    if text.contains(is_odd) {
        return Err(
            TextFault::new(place.clone(), "a character that no template has")
                .advise("paths are written decoded, without a query"),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> Pattern {
        let pattern = Pattern::parse(text).map_err(|faults| faults.len());
        pattern.unwrap_or_else(|faults| panic!("{text}: {faults} faults"))
    }

    /// The parameters of a path, where a template matches it.
    fn captures(template: &str, target: &str) -> Option<Captures> {
        let target = RequestTarget::parse(target).unwrap();
        pattern(&format!("GET {template}")).captures(&target)
    }

    #[test]
    fn a_path_is_compared_once_it_is_decoded() {
        for (template, target, expected) in [
            ("/", "/", true),
            ("/", "/a", false),
            ("/a", "/", false),
            ("/a", "/a?b", true),
            ("/a", "/%61", true),
            ("/a", "/A", false),
            ("/a", "/a/b", false),
            ("/a/{x}", "/a/b", true),
            ("/a/{x}", "/a", false),
            ("/{x}/a", "/b/a", true),
            ("/{x}/a", "/b/c", false),
            ("/{x=*::*}", "/a%3A%3Ab", true),
            ("/{x=*::*}", "/a%3Ab", false),
            ("/ä", "/%C3%A4", true),
            ("/a#b", "/a%23b", true),
            ("/{x}", "/a%20b", true),
        ] {
            let found = captures(template, target).is_some();
            assert_eq!(found, expected, "{template} {target}");
        }
    }

    #[test]
    fn parameters_are_what_stands_in_their_place() {
        let found = captures("/{a}/x/{b=*-*}", "/1%3A/x/2-3").unwrap();
        assert_eq!((found.get("a"), found.get("b")), (Some("1:"), Some("2-3")));
        assert_eq!(found.get("x"), None);
    }

    fn template() -> impl Strategy<Value = String> {
        let segment = prop::sample::select(vec!["a", "b", "ab", "{}", "{}=a*", "{}=*b", "{}=*b*"]);
        prop::collection::vec(segment, 1..4).prop_map(|segments| {
            let segments = segments.iter().enumerate().map(|(number, segment)| {
                match segment.strip_prefix("{}") {
                    None => format!("/{segment}"),
                    Some(shape) => format!("/{{p{number}{shape}}}"),
                }
            });
            segments.collect()
        })
    }

    proptest! {
        #[test]
        fn what_two_match_is_in_common_and_what_is_in_common_both_match(
            one in template(),
            other in template(),
            target in "(/[ab]{1,3}){1,3}",
        ) {
            let common = pattern(&format!("GET {one}")).common(&pattern(&format!("GET {other}")));
            let both = |path: &str| {
                captures(&one, path).is_some() && captures(&other, path).is_some()
            };
            if both(&target) {
                prop_assert!(common.is_some());
            }
            if let Some(path) = common {
                prop_assert!(both(&path), "{}", path);
            }
        }
    }
}
