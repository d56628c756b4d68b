//! The lines of a suite's parts.

use toml::de::{DeTable, DeValue};

/// The line, from 1, of a place in a text.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or(text);
    before.matches('\n').count() + 1
}

/// The line of a key in a table that these keys lead to.
pub(super) fn line_of(text: &str, tables: &[&str], key: &str) -> Option<usize> {
    let all = DeTable::parse(text).ok()?;
    let mut table = all.get_ref();
    for name in tables {
        let (_, inner) = table.iter().find(|(key, _)| key.get_ref() == name)?;
        table = inner.get_ref().as_table()?;
    }
    let (key, _) = table.iter().find(|(found, _)| found.get_ref() == key)?;
    Some(line_at(text, key.span().start))
}

/// The line of each case: that of its name.
pub(super) fn lines_of_cases(text: &str) -> Vec<usize> {
    let Ok(all) = DeTable::parse(text) else {
        return Vec::new();
    };
    let cases = all
        .get_ref()
        .iter()
        .find(|(key, _)| key.get_ref() == "case");
    let cases = cases.and_then(|(_, cases)| cases.get_ref().as_array());
    let line = |case: &toml::Spanned<DeValue<'_>>| {
        let members = case.get_ref().as_table();
        let name =
            members.and_then(|members| members.iter().find(|(key, _)| key.get_ref() == "name"));
        line_at(text, name.map_or(case.span(), |(key, _)| key.span()).start)
    };
    cases.into_iter().flatten().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_lines() {
        let text = "fixture = 'f'\n\n[context]\nopen = { a = 1 }\n[[case]]\nname = 'a'\n\n\
                    [[case]]\nallow = []\nname = 'b'\n[matrix.contexts]\nclose = []\n";
        assert_eq!(line_of(text, &["context"], "open"), Some(4));
        assert_eq!(line_of(text, &["matrix", "contexts"], "close"), Some(12));
        assert_eq!(line_of(text, &["matrix", "contexts"], "open"), None);
        assert_eq!(line_of(text, &["none"], "open"), None);
        assert_eq!(lines_of_cases(text), [6, 10]);
    }
}
