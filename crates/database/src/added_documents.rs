//! The documents of additions: further members of shipped documents, and documents of their own.

use std::sync::Arc;

use super::additions::AdditionsError;
use peppol_authz_engine::policy::{Fault, Severity, SourceFile};
use peppol_authz_engine::schema::{DocumentType, SchemaError, document_types};

/// The shipped types with what a file adds to them.
///
/// # Errors
/// Members that are there already, and types that cannot be used.
pub(super) fn added_documents(
    mut types: Vec<DocumentType>,
    schema: &str,
    file: Option<&Arc<SourceFile>>,
) -> Result<Vec<DocumentType>, AdditionsError> {
    let Some(file) = file else {
        return Ok(types);
    };
    // The file first, so that the places of its faults are its own.
    let added = document_types(&format!("{}\n{schema}", file.text))
        .map_err(|error| AdditionsError(vec![schema_fault(file, &error)]))?;
    let mut faults = Vec::new();
    for new in added {
        let (at, length) = place(&file.text, &new.name, None);
        let mut fault = |problem: String| {
            faults.push(Fault::new(file, Severity::Invalid, problem).at(at, length));
        };
        let Some(known) = types.iter_mut().find(|known| known.name == new.name) else {
            if new.key.is_empty() {
                let name = &new.name;
                fault(format!(
                    "the document `{name}` needs a `@key`: the members by which a later one takes its place"
                ));
            }
            types.push(new);
            continue;
        };
        if !new.key.is_empty() {
            let name = &new.name;
            fault(format!(
                "`{name}` is a shipped document, whose `@key` stays as it is"
            ));
        }
        for (name, member) in &new.members.attributes {
            if known.members.attributes.contains_key(name) {
                fault(format!("`{}` has the member `{name}` already", new.name));
            } else {
                let mut members = known.members.clone();
                members.attributes.insert(Arc::clone(name), member.clone());
                known.members = members;
            }
        }
    }
    types.sort_by(|one, other| one.name.cmp(&other.name));
    match faults.is_empty() {
        true => Ok(types),
        false => Err(AdditionsError(faults)),
    }
}

/// A fault of a schema, at its place where there is one.
pub(super) fn schema_fault(file: &SourceFile, error: &SchemaError) -> Fault {
    let file = Arc::new(SourceFile {
        name: file.name.clone(),
        path: file.path.clone(),
        text: file.text.clone(),
    });
    match error {
        SchemaError::Cedar(error) => Fault::from_diagnostic(&file, &**error),
        error => Fault::new(&file, Severity::Invalid, error.to_string()),
    }
}

/// Where a type is declared in a text, or a member of it; the beginning where that is not found.
pub(super) fn place(text: &str, of: &str, member: Option<&str>) -> (usize, usize) {
    let words = words(text);
    let declared = words.windows(2).position(|pair| match pair {
        [(_, before), (_, name)] => matches!(*before, "type" | "entity" | ",") && *name == of,
        _ => false,
    });
    let Some(declared) = declared.map(|at| at + 1) else {
        return (0, 0);
    };
    let at_word = |(at, word): &(usize, &str)| (*at, word.len());
    let found = words.get(declared).map_or((0, 0), at_word);
    let Some(member) = member else {
        return found;
    };
    let mut depth = 0_i32;
    for pair in words
        .iter()
        .skip(declared)
        .zip(words.iter().skip(declared + 1))
    {
        let ((at, word), (_, next)) = pair;
        match *word {
            "{" => depth += 1,
            "}" => depth -= 1,
            ";" if depth == 0 => break,
            word if depth == 1
                && word.trim_matches('"') == member
                && matches!(*next, ":" | "?") =>
            {
                return (*at, word.len());
            }
            _ => {}
        }
    }
    found
}

/// The words and signs of a schema, with their places.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let is_of_word = |c: char| c.is_alphanumeric() || c == '_';
        let first = rest.chars().next().unwrap_or_default();
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if first == '"' {
            let inner = rest.get(1..).unwrap_or_default();
            inner.find('"').map_or(rest.len(), |end| end + 2)
        } else if is_of_word(first) {
            rest.find(|c| !is_of_word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let word = rest.get(..length).unwrap_or(rest);
        if !word.starts_with("//") && !first.is_whitespace() {
            words.push((at, word));
        }
        at += word.len();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_found_where_its_type_has_it() {
        let text = "namespace A {\n // entity B = { x: Long }\n entity C = { x: Long };\n \
            entity B, D in C = {\n @doc(\"x: y\")\n y: { x: Long }, x?: Long };\n}";
        let (at, length) = place(text, "B", Some("x"));
        assert_eq!(text.get(at..at + length), Some("x"));
        assert!(text.split_at(at).0.ends_with("}, "), "{at}");
        let (at, _) = place(text, "D", Some("nothing"));
        assert!(text.split_at(at).1.starts_with("D in C"), "{at}");
        assert_eq!(place(text, "E", None), (0, 0));
    }
}
