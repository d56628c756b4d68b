//! Ids that somebody would take for another one: letters of two scripts in one word, letters that
//! become one of ASCII in another case, and the other ways to write one e-mail address.
//!
//! Something new is called by none of them. All of it is found in the id alone, so a word that is
//! wholly in letters of another script, as `\u{440}\u{430}\u{443}` for `pay`, is a word of its own.

use unicode_script::{Script, ScriptExtension, UnicodeScript};

use super::misfit::Misfit;

/// Scripts that nobody takes for another, and that are written beside Latin letters.
const APART: [Script; 5] = [
    Script::Han,
    Script::Hiragana,
    Script::Katakana,
    Script::Bopomofo,
    Script::Hangul,
];

/// Characters that no address has which stands for itself: marks of names, comments, quotes and lists, and the
/// dots that are one to a program that looks a domain up.
const OF_NO_ADDRESS: &[char] = &[
    ' ', '<', '>', '(', ')', '[', ']', ',', ';', ':', '"', '\\', '\u{3002}', '\u{ff0e}',
    '\u{ff61}', '\u{ff20}', '\u{fe6b}',
];

/// The sign of an address, and those that are the same to a program that normalizes it.
const AT_SIGNS: [char; 3] = ['@', '\u{ff20}', '\u{fe6b}'];

/// Checks that nobody takes an id for another one by its letters.
///
/// # Errors
/// A word with letters of two scripts, and a letter that some turn into one of ASCII.
pub(super) fn check_letters(id: &str) -> Result<(), Misfit> {
    if id.is_ascii() {
        return Ok(());
    }
    let mut letters = id.chars();
    if let Some(letter) = letters.find(|letter| becomes_ascii(*letter)) {
        let text = format!("has `{letter}`, which is a letter of ASCII in another case");
        return Err(Misfit::new(text));
    }
    let mut words = id.split(|letter: char| !is_of_word(letter));
    match words.find(|word| is_mixed(word)) {
        Some(word) => {
            let text = format!("has letters of two scripts in one word, `{word}`");
            Err(Misfit::new(text))
        }
        None => Ok(()),
    }
}

/// Checks that a text is one e-mail address, as it is sent to: without a name, a comment, quotes or a
/// second address, and with one way to write its domain's end.
///
/// # Errors
/// Another text.
pub(super) fn check_mailbox(address: &str) -> Result<(), Misfit> {
    // A name of another kind, as one that a log has in place of an address, is none at all.
    let Some((local, domain)) = address.split_once(AT_SIGNS) else {
        return Ok(());
    };
    if let Some(found) = address.chars().find(|it| OF_NO_ADDRESS.contains(it)) {
        let text = format!("has `{found}`, which no plain e-mail address has");
        return Err(Misfit::new(text));
    }
    if local.is_empty() || domain.contains('@') {
        return Err(Misfit::new(
            "is no e-mail address of one name and one domain",
        ));
    }
    match domain.split('.').any(str::is_empty) {
        true => Err(Misfit::new("has a domain with a `.` too many")),
        false => Ok(()),
    }
}

/// True if a letter is one of ASCII in another case, or the Turkish one that is so with a dot.
fn becomes_ascii(letter: char) -> bool {
    let is_one = |other: &mut dyn Iterator<Item = char>| {
        let first = other.next();
        first.is_some_and(|it| it.is_ascii()) && other.next().is_none()
    };
    !letter.is_ascii()
        && (letter == '\u{130}'
            || is_one(&mut letter.to_uppercase())
            || is_one(&mut letter.to_lowercase()))
}

/// True for letters, digits and the marks on them, and for what may be a letter by a newer Unicode.
fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter.script(), Script::Inherited | Script::Unknown)
}

fn is_mixed(word: &str) -> bool {
    let is_apart = |letter: &char| {
        let scripts = letter.script_extension();
        let is_of_all = scripts.is_common() || scripts.is_inherited();
        !is_of_all && APART.iter().any(|it| scripts.contains_script(*it))
    };
    let others = word.chars().filter(|letter| !is_apart(letter));
    let scripts = others.fold(None, |found: Option<ScriptExtension>, letter| {
        let scripts = letter.script_extension();
        Some(found.map_or(scripts, |found| found.intersection(scripts)))
    });
    let Some(scripts) = scripts else {
        return false;
    };
    let has_apart = word.chars().any(|letter| is_apart(&letter));
    scripts.is_empty() || (has_apart && !scripts.contains_script(Script::Latin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_one_script_is_one() {
        for id in [
            "",
            "u-1",
            "j\u{f6}rg@ex\u{e4}mple.se",
            "\u{3a9}\u{3bc}\u{3ad}\u{3b3}\u{3b1}",
            "\u{674e}\u{5c0f}\u{9f8d}li",
            "\u{30e1}\u{30fc}\u{30eb}@x.example",
            "\u{438}\u{432}\u{430}\u{43d}@x.example",
            "\u{438}\u{432}\u{430}\u{43d}-ivan_1",
            "wei\u{df}",
            "\u{2764}x",
            "x\u{301}\u{1f600}",
            "\u{5d0}\u{5d1}1",
        ] {
            assert_eq!(check_letters(id), Ok(()), "{id}");
        }
    }

    #[test]
    fn what_looks_like_ascii_is_refused() {
        for id in [
            // Cyrillic, Greek, Armenian, Cherokee, Coptic, Lisu.
            "vi\u{441}tim",
            "victim@\u{445}b.example",
            "vict\u{3b9}m",
            "victi\u{578}",
            "vi\u{13df}tim",
            "\u{2c9f}ther",
            "\u{a4d4}im",
            // Of the dotted and dotless i.
            "v\u{131}ctim",
            "v\u{130}ctim",
            "\u{212a}im",
            "\u{17f}am",
            // Beside a script that is apart.
            "\u{674e}\u{430}",
            // Not assigned.
            "vi\u{378}",
        ] {
            assert!(check_letters(id).is_err(), "{id}");
        }
    }

    #[test]
    fn one_address_is_written_in_one_way() {
        for address in [
            "victim@x.example",
            "vic.tim+a@x-y.example",
            "o'brien@x.example",
            "j\u{f6}rg@ex\u{e4}mple.se",
            "root@localhost",
            "nobody",
            // As a decision log names one.
            "hmac:0b51",
        ] {
            assert_eq!(check_mailbox(address), Ok(()), "{address}");
        }
        for address in [
            "victim@x.example.",
            "victim@.x.example",
            "victim@x..example",
            "victim@x\u{3002}example",
            "victim@",
            "@x.example",
            "victim@@x.example",
            "victim@x.example@y.example",
            "\"victim\"@x.example",
            "victim <victim@x.example>",
            "mia@x.example,victim@x.example",
            "mia@x.example;victim@x.example",
            "victim(a)@x.example",
            "vic\\tim@x.example",
            "mailto:victim@x.example",
            "victim@[127.0.0.1]",
            "vic tim@x.example",
            "victim\u{ff20}x.example",
            "victim\u{fe6b}x.example",
        ] {
            assert!(check_mailbox(address).is_err(), "{address}");
        }
    }
}
