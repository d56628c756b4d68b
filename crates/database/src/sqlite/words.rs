//! Statements as SQLite keeps them in its schema, word by word.

/// The words and signs of a statement, without blanks and comments; in lower case, but for what is in
/// quotes.
pub(super) fn words(sql: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = if first.is_whitespace() {
            first.len_utf8()
        } else if rest.starts_with("--") {
            rest.find('\n').map_or(rest.len(), |end| end + 1)
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else {
            let length = word(rest, first);
            let (word, _) = rest.split_at(length);
            words.push(if is_quote(first) {
                word.to_owned()
            } else {
                word.to_ascii_lowercase()
            });
            length
        };
        rest = rest.split_at(length).1;
    }
    words
}

fn is_quote(first: char) -> bool {
    matches!(first, '\'' | '"' | '`' | '[')
}

/// The length of the word that a text begins with.
fn word(text: &str, first: char) -> usize {
    if is_quote(first) {
        let end = if first == '[' { ']' } else { first };
        let mut inside = false;
        // A quote that is doubled ends the word and begins it again, which comes to the same.
        let past = text.char_indices().find(|(_, c)| {
            let was_inside = inside;
            inside = match *c {
                c if inside => c != end,
                c => c == first,
            };
            !was_inside && !inside
        });
        return past.map_or(text.len(), |(at, _)| at);
    }
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
    if !is_of_word(first) {
        return first.len_utf8();
    }
    text.find(|c| !is_of_word(c)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_apart_from_blanks_comments_and_case() {
        let one = "CREATE TRIGGER a AFTER INSERT ON b -- it's\nBEGIN SELECT 'It''s', \"x y\"; END";
        let other = "create  trigger A after insert on B/* ' */begin select 'It''s',\"x y\";end";
        assert_eq!(words(one), words(other));
        assert_eq!(words(one).len(), 14);
        assert_ne!(words("SELECT 'a'"), words("SELECT 'A'"));
        assert_eq!(words("'a' WHEN 'b"), ["'a'", "when", "'b"]);
        assert_eq!(words("[a b]x"), ["[a b]", "x"]);
        assert_eq!(words("raise(ignore)"), ["raise", "(", "ignore", ")"]);
    }
}
