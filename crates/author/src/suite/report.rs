//! Reports of suites, for a reader and for a CI server.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::error::SuiteError;
use super::run::CaseOutcome;
use peppol_authz_engine::schema::record_to_json;

/// Describes the failed cases. Those that wait for one line of their suite are described once.
#[must_use]
pub fn failures(outcomes: &[CaseOutcome]) -> Vec<String> {
    let failed = || outcomes.iter().filter(|one| one.difference.is_some());
    let mut told = BTreeSet::new();
    let mut texts = Vec::new();
    for outcome in failed() {
        if !outcome.lacks_context {
            texts.push(text(outcome));
            continue;
        }
        let place = |one: &CaseOutcome| (one.suite.clone(), one.difference.clone());
        if told.insert(place(outcome)) {
            let alike = failed().filter(|one| one.lacks_context && place(one) == place(outcome));
            texts.push(lacking(outcome, alike.count()));
        }
    }
    texts
}

/// Describes so many cases, the first of which this is.
fn lacking(first: &CaseOutcome, cases: usize) -> String {
    let problem = first.difference.as_deref().unwrap_or_default();
    let counted = match cases {
        1 => format!("1 case, on line {}", first.line),
        _ => format!("{cases} cases, the first on line {}", first.line),
    };
    let suite = first.suite.display();
    format!("FAILED {suite}: {problem}\n  {counted}\n")
}

/// Describes a failed case: the difference, the question, and the policies that decided, with the
/// entities that they could look at.
#[must_use]
pub fn text(outcome: &CaseOutcome) -> String {
    let (suite, line) = (outcome.suite.display(), outcome.line);
    let mut text = format!("FAILED {suite}:{line}: {}\n", outcome.case);
    // Writing to a string cannot fail.
    if let Some(difference) = &outcome.difference {
        let _ = writeln!(text, "  {difference}");
    }
    let _ = writeln!(text, "  asked     {}", outcome.question);
    // Where there is no decision, the difference says why.
    let Ok(decision) = &outcome.decision else {
        return text;
    };
    for reason in &decision.reasons {
        let parts = [
            ("policy", &reason.policy),
            ("rule", &reason.rule),
            ("code", &reason.code),
        ];
        let parts = parts.into_iter().filter_map(|(name, part)| {
            let part = part.as_deref()?;
            Some(format!("{name} {part}"))
        });
        let parts = parts.collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "  because   {parts}");
    }
    for seen in decision.slice.iter() {
        let row = seen.asked_row();
        let attributes = record_to_json(&row.attributes);
        let _ = write!(text, "  slice     {} {attributes}", row.uid);
        if !row.tags.is_empty() {
            let _ = write!(text, " tags {}", record_to_json(&row.tags));
        }
        text.push('\n');
    }
    text
}

/// All outcomes as JUnit XML.
///
/// # Errors
/// A name that XML cannot hold.
pub fn junit(outcomes: &[CaseOutcome]) -> Result<String, SuiteError> {
    let mut report = Report::new("policy suites");
    let mut suites: Vec<&std::path::Path> = outcomes
        .iter()
        .map(|outcome| outcome.suite.as_path())
        .collect();
    suites.dedup();
    for path in suites {
        let mut suite = TestSuite::new(path.display().to_string());
        for outcome in outcomes.iter().filter(|outcome| outcome.suite == path) {
            let action = outcome
                .question
                .pointer("/action/id")
                .and_then(|id| id.as_str())
                .unwrap_or("-");
            let status = match &outcome.difference {
                None => TestCaseStatus::success(),
                Some(difference) => {
                    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                    status
                        .set_message(difference.clone())
                        .set_description(text(outcome));
                    status
                }
            };
            let mut case = TestCase::new(format!("{}: {action}", outcome.case), status);
            case.set_time(outcome.elapsed.max(Duration::from_micros(1)));
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    report
        .to_string()
        .map_err(|error| SuiteError::new("junit".as_ref(), error))
}
