//! The settings of a project: those that name its files, and all others commented out, so that a
//! default that changes with the program changes for the project.

const DEFAULTS: &str = include_str!("../../../config.default.toml");

/// The settings that name the files of a project.
const FILES: [&str; 5] = [
    "policies = \"policies\"",
    "schema = \"schema/peppol.cedarschema\"",
    "routes = \"schema/routes.toml\"",
    "additions = \"schema/additions\"",
    "policies = \"policies/callers\"",
];

const HEAD: &str = "\
# The settings of this project: `peppol-authz serve --config peppol-authz.toml`.
#
# A setting that is commented out has the value that is shown, or none where the text says so.
";

pub(super) fn of_project() -> String {
    with(|line, _| {
        let setting = line.strip_prefix('#');
        let setting = setting.filter(|setting| FILES.contains(setting));
        setting.map(str::to_owned)
    })
}

/// The settings of a project of another set: those before the first section that are named have these values.
pub(super) fn of_brought(values: &[(&str, String)]) -> String {
    with(|line, is_first| {
        let setting = line.strip_prefix('#').unwrap_or(line);
        let (key, _) = setting.split_once(" = ").filter(|_| is_first)?;
        let (_, value) = values.iter().find(|(name, _)| *name == key)?;
        Some(format!("{key} = {value}"))
    })
}

/// All settings with their texts. `named` gives a line that is to count; it is told if the line stands before
/// the first section.
fn with(named: impl Fn(&str, bool) -> Option<String>) -> String {
    // The first paragraph is about the file of defaults itself.
    let (head, rest) = DEFAULTS.split_once("\n\n").unwrap_or(("", DEFAULTS));
    let more = head.split_once("\n#\n").map_or("", |(_, more)| more);
    let mut text = format!("{HEAD}#\n{more}\n\n");
    let mut is_first = true;
    for line in rest.lines() {
        is_first &= !line.starts_with('[');
        text += &match named(line, is_first) {
            Some(line) => line,
            None if line.contains(" = ") && !line.starts_with('#') => format!("#{line}"),
            None => line.to_owned(),
        };
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_files_of_the_project_are_named() {
        let text = of_project();
        let named = text.lines().filter(|line| !line.starts_with(['#', '[']));
        let named: Vec<_> = named.filter(|line| !line.is_empty()).collect();
        assert_eq!(named, FILES);
    }

    #[test]
    fn settings_of_another_set_are_those_before_the_first_section() {
        let text = of_brought(&[
            ("policies", "\"p\"".to_owned()),
            ("policy_level", "7".to_owned()),
        ]);
        let named = text.lines().filter(|line| !line.starts_with(['#', '[']));
        let named: Vec<_> = named.filter(|line| !line.is_empty()).collect();
        assert_eq!(named, ["policies = \"p\"", "policy_level = 7"]);
    }
}
