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
    // The first paragraph is about the file of defaults itself.
    let (head, rest) = DEFAULTS.split_once("\n\n").unwrap_or(("", DEFAULTS));
    let more = head.split_once("\n#\n").map_or("", |(_, more)| more);
    let mut text = format!("{HEAD}#\n{more}\n\n");
    for line in rest.lines() {
        text += &of_line(line);
        text.push('\n');
    }
    text
}

fn of_line(line: &str) -> String {
    match line.strip_prefix('#') {
        Some(setting) if FILES.contains(&setting) => setting.to_owned(),
        None if line.contains(" = ") => format!("#{line}"),
        _ => line.to_owned(),
    }
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
}
