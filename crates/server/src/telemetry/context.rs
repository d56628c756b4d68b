//! The place in a trace, as the headers `traceparent` and `tracestate` have it (W3C Trace Context).

use std::fmt;
use std::sync::Arc;

/// The flag of a trace that is recorded.
const SAMPLED: u8 = 1;

/// The flags that are handed on: of a trace that is recorded, and of one whose id is random.
const KNOWN_FLAGS: u8 = 3;

/// The longest `tracestate` that is handed on, and its members.
const LONGEST_STATE: usize = 512;
const MOST_MEMBERS: usize = 32;

/// A place in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    pub(super) trace: u128,
    pub(super) span: u64,
    flags: u8,
    /// The state that the tracing systems before this one hand on.
    pub(super) state: Option<Arc<str>>,
}

impl TraceContext {
    /// A new trace, which is recorded.
    pub(super) fn root(trace: u128) -> Self {
        Self {
            trace,
            span: new_id(),
            flags: SAMPLED,
            state: None,
        }
    }

    /// A new place below this one.
    pub(super) fn child(&self) -> Self {
        Self {
            span: new_id(),
            ..self.clone()
        }
    }

    /// The place that the headers of a request name; `None` where there is none, or none that can be read.
    #[must_use]
    pub fn read<'h>(
        mut traceparent: impl Iterator<Item = &'h [u8]>,
        tracestate: impl Iterator<Item = &'h [u8]>,
    ) -> Option<Self> {
        let (Some(parent), None) = (traceparent.next(), traceparent.next()) else {
            return None;
        };
        let parent = read_parent(parent)?;
        Some(Self {
            state: read_state(tracestate),
            ..parent
        })
    }

    /// Returns true if it is recorded.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The header `traceparent`.
    #[must_use]
    pub fn traceparent(&self) -> String {
        self.to_string()
    }

    /// The header `tracestate`.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The id of the trace, in hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }

    /// The id of the span, in hexadecimal digits.
    #[must_use]
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span)
    }

    /// The id of the trace, as messages have it.
    #[must_use]
    pub fn trace_bytes(&self) -> Vec<u8> {
        self.trace.to_be_bytes().to_vec()
    }

    /// The id of the span, as messages have it.
    #[must_use]
    pub fn span_bytes(&self) -> Vec<u8> {
        self.span.to_be_bytes().to_vec()
    }

    /// The flags of the trace.
    #[must_use]
    pub fn flags(&self) -> u32 {
        self.flags.into()
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            trace, span, flags, ..
        } = self;
        write!(f, "00-{trace:032x}-{span:016x}-{flags:02x}")
    }
}

/// The id of a span, which is never 0.
pub(super) fn new_id() -> u64 {
    rand::random::<u64>().max(1)
}

fn read_parent(text: &[u8]) -> Option<TraceContext> {
    let text = std::str::from_utf8(text).ok()?.trim_matches([' ', '\t']);
    let mut parts = text.splitn(5, '-');
    let mut part = |length: usize| {
        let part = parts.next()?;
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (part.len() == length && part.bytes().all(is_hex)).then_some(part)
    };
    let (version, trace, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    // A later version may have more.
    let is_readable = version != "ff" && (version != "00" || parts.next().is_none());
    let context = TraceContext {
        trace: u128::from_str_radix(trace, 16).ok()?,
        span: u64::from_str_radix(span, 16).ok()?,
        flags: u8::from_str_radix(flags, 16).ok()? & KNOWN_FLAGS,
        state: None,
    };
    (is_readable && context.trace != 0 && context.span != 0).then_some(context)
}

/// The members of all headers together. What has not the form of them is not handed on.
fn read_state<'h>(sent: impl Iterator<Item = &'h [u8]>) -> Option<Arc<str>> {
    let mut all = String::new();
    for text in sent {
        let text = std::str::from_utf8(text).ok()?;
        if !all.is_empty() {
            all.push(',');
        }
        all.push_str(text);
        if all.len() > LONGEST_STATE {
            return None;
        }
    }
    let members = all
        .split(',')
        .map(|member| member.trim_matches([' ', '\t']));
    let mut count = 0;
    for member in members.filter(|member| !member.is_empty()) {
        count += 1;
        let (key, value) = member.split_once('=')?;
        let is_of_key = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(&byte)
        };
        let is_of_value = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'=';
        let is_key = !key.is_empty() && key.bytes().all(is_of_key);
        if !is_key || value.is_empty() || !value.bytes().all(is_of_value) || count > MOST_MEMBERS {
            return None;
        }
    }
    (count > 0).then(|| all.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn read(parent: &[&str], state: &[&str]) -> Option<TraceContext> {
        let bytes = |texts: &[&str]| -> Vec<Vec<u8>> {
            texts.iter().map(|text| text.as_bytes().to_vec()).collect()
        };
        let (parent, state) = (bytes(parent), bytes(state));
        TraceContext::read(
            parent.iter().map(Vec::as_slice),
            state.iter().map(Vec::as_slice),
        )
    }

    #[test]
    fn a_place_is_written_as_it_is_read() {
        let found = read(&[PARENT], &["a=1, b@c=2", "d=x y"]).unwrap();
        assert_eq!(found.traceparent(), PARENT);
        assert_eq!(found.tracestate(), Some("a=1, b@c=2,d=x y"));
        assert!(found.is_sampled());
        let child = found.child();
        assert_eq!(child.trace_id(), found.trace_id());
        assert_ne!(child.span_id(), found.span_id());
        let not_sampled = PARENT.replace("-01", "-00");
        assert!(!read(&[&not_sampled], &[]).unwrap().is_sampled());
        // A later version has this much, and more.
        let later = format!("cc{}-more", PARENT.strip_prefix("00").unwrap());
        assert_eq!(read(&[&later], &[]).unwrap().trace_id(), found.trace_id());
    }

    #[test]
    fn what_is_no_place_begins_a_new_trace() {
        let zeros = |from: &str, to: &str| PARENT.replace(from, to);
        for parent in [
            String::new(),
            "00".to_owned(),
            zeros("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            zeros("b7ad6b7169203331", &"0".repeat(16)),
            PARENT.to_uppercase(),
            PARENT.replacen("00-", "ff-", 1),
            format!("{PARENT}-more"),
            PARENT.replacen("0a", "ä", 1),
        ] {
            assert_eq!(read(&[&parent], &[]), None, "{parent}");
        }
        assert_eq!(read(&[PARENT, PARENT], &[]), None);
    }

    #[test]
    fn a_state_without_its_form_is_not_handed_on() {
        let many = (0..33)
            .map(|n| format!("a{n}=1"))
            .collect::<Vec<_>>()
            .join(",");
        let long = format!("a={}", "x".repeat(600));
        for state in [
            "", "a", "=1", "A=1", "a=", "a=b=c", "a=\u{7f}", &many, &long,
        ] {
            assert_eq!(read(&[PARENT], &[state]).unwrap().state, None, "{state}");
        }
    }
}
