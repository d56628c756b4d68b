//! Inputs made of others: parts are changed, left out, repeated, exchanged.

use serde_json::Value;

/// Inputs that parsers, policies and stores are known to stumble over.
const PIECES: [&str; 44] = [
    "",
    "\"",
    "\\",
    "\u{0}",
    "\\u0000",
    "\u{feff}",
    "\u{ad}",
    "\u{200b}",
    "\u{212a}",
    "İ",
    "é",
    "𝟘",
    "::",
    ":",
    "%2F",
    "%00",
    "%252e",
    "..",
    "//",
    ";",
    "&",
    "=",
    "null",
    "true",
    "-0",
    "1e400",
    "9223372036854775808",
    "[]",
    "{}",
    "[[[[[[[[",
    "\"__entity\"",
    "\"__extn\"",
    "\"type\"",
    "\"id\"",
    "anna",
    "Anna",
    "nobody",
    "acme",
    "globex",
    "Peppol::User",
    "GLN:",
    "0088:",
    "\n",
    "permit",
];

/// The longest input.
const LONGEST: usize = 1 << 16;

/// Makes inputs, the same ones for the same seed.
pub(crate) struct Mutator(u64);

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below another, by xorshift.
    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % most.max(1)
    }

    pub(crate) fn any<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// An input made of some of these.
    pub(crate) fn mutated(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut input = corpus[self.below(corpus.len())].clone();
        let other = &corpus[self.below(corpus.len())];
        for _ in 0..=self.below(4) {
            let json = serde_json::from_slice::<Value>(&input).ok();
            input = match json {
                Some(mut json) if self.below(3) > 0 => {
                    let other = serde_json::from_slice(other).unwrap_or_default();
                    let place = self.below(count(&json));
                    self.replace(&mut json, &other, &mut { place });
                    json.to_string().into_bytes()
                }
                _ => self.bytes(input, other),
            };
            input.truncate(LONGEST);
        }
        input
    }

    pub(crate) fn bytes(&mut self, mut input: Vec<u8>, other: &[u8]) -> Vec<u8> {
        let start = self.below(input.len() + 1);
        let end = start + self.below((input.len() - start).min(64) + 1);
        let new = match self.below(6) {
            0 => {
                if let Some(byte) = input.get_mut(start) {
                    *byte ^= 1 << self.below(8);
                }
                return input;
            }
            1 => Vec::new(),
            2 => input[start..end].repeat(2 + self.below(40)),
            3 => {
                let from = self.below(other.len() + 1);
                other[from..from + self.below((other.len() - from).min(200) + 1)].to_vec()
            }
            _ => self.any(&PIECES).as_bytes().to_vec(),
        };
        let end = if self.below(2) == 0 { start } else { end };
        input.splice(start..end, new);
        input
    }

    /// Replaces the value at a place, counted from the outside in.
    fn replace(&mut self, json: &mut Value, other: &Value, place: &mut usize) {
        if *place == 0 {
            *json = self.value(json, other);
        }
        // Below no place: nothing more is replaced.
        *place = place.wrapping_sub(1);
        let inner: Vec<&mut Value> = match json {
            Value::Array(values) => values.iter_mut().collect(),
            Value::Object(members) => members.values_mut().collect(),
            _ => Vec::new(),
        };
        for json in inner {
            if *place < usize::MAX / 2 {
                self.replace(json, other, place);
            }
        }
    }

    fn value(&mut self, json: &Value, other: &Value) -> Value {
        let piece = self.any(&PIECES);
        match (self.below(8), json) {
            (0, _) => Value::Null,
            (1, _) => Value::from(piece),
            (2, Value::String(text)) => Value::from(format!("{text}{piece}")),
            (3, Value::String(text)) => Value::from(text.to_uppercase()),
            (3, Value::Object(members)) => {
                let mut members = members.clone();
                let value = members.values().next().cloned().unwrap_or_default();
                members.insert(piece.to_owned(), value);
                Value::Object(members)
            }
            (4, _) => Value::Array(vec![json.clone(); 1 + self.below(30)]),
            (5, Value::Object(members)) => {
                let names: Vec<&String> = members.keys().collect();
                let gone = names[self.below(names.len())..]
                    .first()
                    .map(|name| (*name).clone());
                let mut members = members.clone();
                gone.map(|name| members.remove(&name));
                Value::Object(members)
            }
            (6, _) => serde_json::json!({"type": "Peppol::User", "id": json}),
            _ => self.part(other),
        }
    }

    /// Some value within another.
    fn part(&mut self, json: &Value) -> Value {
        let inner: Vec<&Value> = match json {
            Value::Array(values) => values.iter().collect(),
            Value::Object(members) => members.values().collect(),
            _ => Vec::new(),
        };
        if inner.is_empty() || self.below(4) == 0 {
            return json.clone();
        }
        let chosen = self.any(&inner).clone();
        self.part(&chosen)
    }
}

/// How many values there are in a value, itself among them.
fn count(json: &Value) -> usize {
    1 + match json {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum::<usize>(),
        _ => 0,
    }
}
