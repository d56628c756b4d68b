//! Conventions of the policies, held by `check`.
//!
//! What makes a set unusable is found in `load`. Here is what makes it hard to
//! live with: a denial without a code, a code outside the closed list, a rule
//! that no policy holds, a text that the formatter would write otherwise. All
//! but the last two apply where the policy directory has a `rules.toml`.

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::Effect;

use peppol_authz_engine::policy::on_large_stack;
use peppol_authz_engine::policy::{Bundle, PolicyInfo};
use peppol_authz_engine::policy::{Fault, Severity};
use peppol_authz_engine::policy::{HeldBy, Rules};
use peppol_authz_engine::policy::{SourceError, SourceFile, Sources};

const ANNOTATIONS: [&str; 6] = ["id", "rule", "code", "message", "obligation", "doc"];

/// All broken conventions of a valid set, and of its texts.
#[must_use]
pub fn lint(sources: &Sources, bundle: Option<&Bundle>) -> Vec<Fault> {
    let mut faults: Vec<_> = sources.policies.iter().filter_map(format_fault).collect();
    if let Some(bundle) = bundle {
        for info in bundle.policies() {
            if let Some(rules) = &bundle.rules {
                lint_policy(info, rules, &mut faults);
            }
            lint_tags(info, &mut faults);
        }
        if let (Some(rules), Some(file)) = (&bundle.rules, &sources.rules) {
            lint_rules(file, rules, bundle, &mut faults);
        }
    }
    Fault::sort(&mut faults);
    faults
}

/// Writes every file as the formatter does. Returns the names of those that
/// changed.
///
/// # Errors
/// A file that cannot be written.
pub fn fix_format(sources: &Sources) -> Result<Vec<String>, SourceError> {
    let mut written = Vec::new();
    for file in &sources.policies {
        let formatted = on_large_stack(|| formatted(file)).flatten();
        if let (Some(path), Some(text)) = (&file.path, formatted.filter(|text| *text != file.text))
        {
            std::fs::write(path, text).map_err(|cause| SourceError {
                path: path.clone(),
                cause,
            })?;
            written.push(file.name.clone());
        }
    }
    Ok(written)
}

/// How the formatter writes a file; `None` where it cannot read it.
fn formatted(file: &SourceFile) -> Option<String> {
    // The formatter drops a comment that stands without a policy.
    if !file.holds_policies() {
        return None;
    }
    let config = cedar_policy_formatter::Config {
        line_width: 80,
        indent_width: 2,
    };
    cedar_policy_formatter::policies_str_to_pretty(&file.text, &config).ok()
}

fn format_fault(file: &Arc<SourceFile>) -> Option<Fault> {
    let formatted = formatted(file)?;
    if formatted == file.text {
        return None;
    }
    let same = file
        .text
        .lines()
        .zip(formatted.lines())
        .take_while(|(a, b)| a == b)
        .count();
    let start: usize = file
        .text
        .split_inclusive('\n')
        .take(same)
        .map(str::len)
        .sum();
    let len = file
        .text
        .get(start..)
        .and_then(|rest| rest.lines().next())
        .map_or(0, str::len);
    Some(
        Fault::new(
            file,
            Severity::Format,
            "the formatter writes this otherwise",
        )
        .at(start.min(file.text.len()), len)
        .advise("`check --fix` formats the file"),
    )
}

fn lint_policy(info: &PolicyInfo, rules: &Rules, faults: &mut Vec<Fault>) {
    let mut fault = |message: String, help: &str| {
        // The annotations and the effect, not the whole of the policy.
        let text = info.file.text.get(info.place.clone()).unwrap_or_default();
        let len = text
            .find('(')
            .and_then(|_| text.find("\n)"))
            .unwrap_or(text.len())
            .min(text.len());
        faults.push(
            Fault::new(&info.file, Severity::Lint, message)
                .at(info.place.start, len)
                .advise(help),
        );
    };
    let id_form = format!("`@id(\"{}/kebab-name\")`", info.file.stem());
    match info.policy.annotation("id") {
        None => fault("no `@id`".to_owned(), &format!("give it one: {id_form}")),
        Some(id) if !well_formed_id(id, info.file.stem()) => {
            fault(
                format!("`@id(\"{id}\")` is not of the form {id_form}"),
                "an id names file and policy",
            );
        }
        Some(_) => {}
    }
    for (name, _) in info.policy.annotations() {
        if !ANNOTATIONS.contains(&name) {
            fault(
                format!("unknown annotation `@{name}`"),
                &format!("one of {}", ANNOTATIONS.join(", ")),
            );
        }
    }
    let rule = match info.rule.as_deref() {
        None => {
            fault(
                "no `@rule`".to_owned(),
                "name the rule of `rules.toml` that it holds",
            );
            None
        }
        Some(id) => {
            let rule = rules.rules.get(id);
            match rule {
                None => fault(
                    format!("no rule `{id}`"),
                    "the rules are listed in `rules.toml`",
                ),
                Some(rule) if rule.held_by != HeldBy::Policies => {
                    fault(
                        format!("rule `{id}` is not held by policies"),
                        "see its entry in `rules.toml`",
                    );
                }
                Some(_) => {}
            }
            rule
        }
    };
    let has = |name| {
        info.policy
            .annotation(name)
            .is_some_and(|text| !text.trim().is_empty())
    };
    match info.effect {
        Effect::Forbid => {
            match (info.code.as_deref(), rule) {
                (None, _) => {
                    fault(
                        "a forbid without `@code`".to_owned(),
                        "a denial is called something",
                    );
                }
                (Some(code), Some(rule)) if !rule.codes.iter().any(|known| known == code) => fault(
                    format!("code `{code}` is not one of its rule's"),
                    "codes are a closed list, in `rules.toml`",
                ),
                _ => {}
            }
            if !has("message") {
                fault(
                    "a forbid without `@message`".to_owned(),
                    "say what stands in the way, in a line",
                );
            }
            if has("obligation") {
                fault(
                    "a forbid with `@obligation`".to_owned(),
                    "obligations go with permits",
                );
            }
        }
        Effect::Permit => {
            if has("code") {
                fault("a permit with `@code`".to_owned(), "codes go with forbids");
            }
            if let Some(obligation) = info.obligation.as_deref()
                && !rules.obligations.iter().any(|known| known == obligation)
            {
                fault(
                    format!("unknown obligation `{obligation}`"),
                    "obligations are a closed list, in `rules.toml`",
                );
            }
        }
    }
}

fn well_formed_id(id: &str, stem: &str) -> bool {
    let Some((file, name)) = id.split_once('/') else {
        return false;
    };
    let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    file == stem && !name.is_empty() && name.chars().all(kebab) && !name.starts_with('-')
}

fn lint_tags(info: &PolicyInfo, faults: &mut Vec<Fault>) {
    if info.loads_all_tags() {
        faults.push(
            Fault::new(
                &info.file,
                Severity::Lint,
                "a tag is asked for by something else than a path",
            )
            .at(info.place.start, info.place.len())
            .advise("all tags of the entity are loaded; a path like `resource.id` loads one"),
        );
    }
}

fn lint_rules(file: &Arc<SourceFile>, rules: &Rules, bundle: &Bundle, faults: &mut Vec<Fault>) {
    for (id, rule) in &rules.rules {
        let heading = format!("[rules.{id}]");
        let start = file.text.find(&heading).unwrap_or(0);
        let mut fault = |message: String| {
            faults.push(Fault::new(file, Severity::Lint, message).at(start, heading.len()));
        };
        let holders: Vec<_> = bundle
            .policies()
            .into_iter()
            .filter(|info| info.rule.as_deref() == Some(id.as_str()))
            .collect();
        if rule.held_by != HeldBy::Policies {
            if rule.why.is_none() {
                fault(format!("rule `{id}` has no `why`"));
            }
            continue;
        }
        if holders.is_empty() {
            fault(format!("rule `{id}` is held by no policy"));
        }
        let carried: BTreeSet<_> = holders
            .iter()
            .filter_map(|info| info.code.as_deref())
            .collect();
        for code in rule
            .codes
            .iter()
            .filter(|code| !carried.contains(code.as_str()))
        {
            fault(format!(
                "code `{code}` of rule `{id}` is given by no policy"
            ));
        }
    }
}
