//! A public list of codes, each with a name: either one is written, and both mean the same.
//!
//! A schema has such a list as the `@codes` of a common type, one code a line:
//!
//! ```text
//! 0211 IT:IVA  active, since 7.5
//! ```
//!
//! The code, its name, and what else is known of it, which is for people. A name is read in any
//! case, and with `_` for `:`.

use std::borrow::Cow;

use super::map::Map;

/// The codes of a list, with their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeList {
    /// The name of the list.
    pub(super) name: String,
    codes: Vec<Code>,
    /// The place of each code, by the code and by its name as they are compared.
    places: Map<String, usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Code {
    code: String,
    name: String,
}

impl CodeList {
    /// Reads the text of `@codes`.
    ///
    /// # Errors
    /// The problem of the first line that is wrong.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, String> {
        let mut list = Self {
            name: name.to_owned(),
            codes: Vec::new(),
            places: Map::default(),
        };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut words = line.split_whitespace();
            let (Some(code), Some(name)) = (words.next(), words.next()) else {
                return Err(format!("`{line}` is no code and its name"));
            };
            list.add(code, name)?;
        }
        if list.codes.is_empty() {
            return Err("there is no code in it".to_owned());
        }
        // Or a value would begin with two of them.
        for known in list.places.keys() {
            let mut outer = known
                .match_indices(':')
                .filter_map(|(at, _)| known.get(..at));
            if let Some(outer) = outer.find(|outer| list.places.contains_key(*outer)) {
                return Err(format!("`{known}` begins with `{outer}`"));
            }
        }
        Ok(list)
    }

    fn add(&mut self, code: &str, name: &str) -> Result<(), String> {
        let is_code = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase();
        if !code.chars().all(is_code) {
            return Err(format!(
                "`{code}` is no code: digits and small letters are wanted"
            ));
        }
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == ':') {
            return Err(format!(
                "`{name}` is no name: letters, digits and `:` are wanted"
            ));
        }
        let place = self.codes.len();
        for spelling in [code, &*compared(name)] {
            if self.places.insert(spelling.to_owned(), place).is_some() {
                return Err(format!("`{spelling}` occurs twice"));
            }
        }
        self.codes.push(Code {
            code: code.to_owned(),
            name: name.to_owned(),
        });
        Ok(())
    }

    /// Returns true if a text has the shape of the codes and names: letters and digits, with no more
    /// between them than a name has.
    pub(super) fn is_alike(&self, text: &str) -> bool {
        let parts = |name: &str| name.split(|c: char| !c.is_ascii_alphanumeric()).count();
        let most = self.codes.iter().map(|code| parts(&code.name)).max();
        let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-. ".contains(&byte);
        text.bytes().all(is_of_name) && Some(parts(text)) <= most
    }

    /// Returns true if a text is a code or a name of the list.
    pub(super) fn has(&self, text: &str) -> bool {
        self.find(text).is_some()
    }

    /// Its first code.
    pub(super) fn first(&self) -> &str {
        self.codes.first().map_or("", |first| &first.code)
    }

    fn find(&self, text: &str) -> Option<&Code> {
        self.codes.get(*self.places.get(&*compared(text))?)
    }

    /// The code that a value begins with, written as a code or as a name, and what follows the
    /// `:` behind it; `None` where it begins with none.
    pub(super) fn split<'v>(&self, value: &'v str) -> Option<(&str, &'v str)> {
        value
            .match_indices(':')
            .take(MOST_PARTS)
            .find_map(|(at, _)| {
                let found = self.find(value.get(..at)?)?;
                Some((found.code.as_str(), value.get(at + 1..)?))
            })
    }

    /// A code where it stands alone: by its name, with `_` for `:`, as `SE_ORGNR`. One that is not
    /// in the list is written in the same way.
    #[must_use]
    pub fn name_of(&self, text: &str) -> String {
        let name = match self.find(text) {
            Some(found) => found.name.as_str(),
            None => text,
        };
        name.to_ascii_uppercase().replace(':', "_")
    }
}

/// The most `:` in the beginning of a value, so that a long value costs no more than a short one.
const MOST_PARTS: usize = 4;

/// The one spelling in which codes and names are compared.
fn compared(text: &str) -> Cow<'_, str> {
    if text
        .bytes()
        .any(|byte| byte.is_ascii_uppercase() || byte == b'_')
    {
        Cow::Owned(text.to_ascii_lowercase().replace('_', ":"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> CodeList {
        let text = "
            0007 SE:ORGNR  active, since 1.0.0
            0088 GLN
            0193 UBLBE     deprecated
            0211 IT:IVA";
        CodeList::parse("Scheme", text).unwrap()
    }

    #[test]
    fn a_value_begins_with_a_code_or_its_name_in_any_spelling() {
        let list = list();
        for value in [
            "0211:IT1",
            "IT:IVA:IT1",
            "it:iva:IT1",
            "IT_IVA:IT1",
            "It_Iva:IT1",
        ] {
            assert_eq!(list.split(value), Some(("0211", "IT1")), "{value}");
        }
        assert_eq!(list.split("GLN:GLN:1"), Some(("0088", "GLN:1")));
        assert_eq!(list.split("0088::"), Some(("0088", ":")));
        for value in [
            "",
            ":",
            "0211",
            "IT:IVA",
            "IT:IVA_1",
            "IT-IVA:1",
            "ITIVA:1",
            "IT:1",
            "9999:1",
            "0211 :1",
            "\u{ff10}\u{ff12}\u{ff11}\u{ff11}:1",
            "XGLN:1",
            "G\u{131}T:IVA:1",
            "\u{130}T:IVA:1",
        ] {
            assert_eq!(list.split(value), None, "{value}");
        }
    }

    #[test]
    fn a_code_alone_is_written_by_its_name() {
        let list = list();
        for text in ["SE_ORGNR", "SE:ORGNR", "se:orgnr", "Se_Orgnr", "0007"] {
            assert_eq!(list.name_of(text), "SE_ORGNR");
        }
        assert_eq!(list.name_of("xx:foo"), "XX_FOO");
        assert_eq!(list.name_of(&list.name_of("XX:Foo")), "XX_FOO");
    }

    #[test]
    fn a_list_says_each_code_once() {
        for (text, problem) in [
            ("", "there is no code in it"),
            ("0007", "`0007` is no code and its name"),
            (
                "00:07 A",
                "`00:07` is no code: digits and small letters are wanted",
            ),
            (
                "0007 A_B",
                "`A_B` is no name: letters, digits and `:` are wanted",
            ),
            ("0007 A\n0007 B", "`0007` occurs twice"),
            ("0007 A\n0008 a", "`a` occurs twice"),
            ("0007 0007", "`0007` occurs twice"),
            ("0007 A\n0008 A:B", "`a:b` begins with `a`"),
        ] {
            assert_eq!(CodeList::parse("L", text), Err(problem.to_owned()));
        }
    }
}
