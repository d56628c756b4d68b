//! Reports of suites, for a reader and for a CI server.

use std::fmt::Write;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::error::SuiteError;
use super::run::CaseOutcome;
use peppol_authz_engine::schema::record_to_json;

/// Describes a failed case: the question, the expected answer and the decision, with the
/// entities that the policies could look at.
#[must_use]
pub fn text(outcome: &CaseOutcome) -> String {
    let (suite, line) = (outcome.suite.display(), outcome.line);
    let mut text = format!("FAILED {suite}:{line}: {}\n", outcome.case);
    // Writing to a string cannot fail.
    if let Some(difference) = &outcome.difference {
        let _ = writeln!(text, "  {difference}");
    }
    let _ = writeln!(text, "  asked     {}", outcome.question);
    let _ = writeln!(text, "  expected  {}", outcome.expected);
    match &outcome.decision {
        Err(none) => {
            let _ = writeln!(text, "  decided   nothing: {}", none.problem);
        }
        Ok(decision) => {
            let _ = writeln!(text, "  decided   {}", decision.verdict.name());
            for reason in &decision.reasons {
                let part =
                    |part: &Option<std::sync::Arc<str>>| part.as_deref().unwrap_or("-").to_owned();
                let _ = writeln!(
                    text,
                    "    because {} {} {}",
                    part(&reason.code),
                    part(&reason.rule),
                    part(&reason.policy)
                );
            }
            for seen in decision.slice.iter() {
                let row = seen.asked_row();
                let _ = write!(
                    text,
                    "    slice   {} {}",
                    row.uid,
                    record_to_json(&row.attributes)
                );
                if !row.tags.is_empty() {
                    let _ = write!(text, " tags {}", record_to_json(&row.tags));
                }
                text.push('\n');
            }
        }
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
