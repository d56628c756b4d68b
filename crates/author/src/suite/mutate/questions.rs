//! All questions of all suites, read once, with the answers that are expected.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use crate::suite::ask::decide;
use crate::suite::error::SuiteError;
use crate::suite::expect::{Expected, NoDecision};
use crate::suite::matrix::{MatrixQuestion, entries};
use crate::suite::model::SuiteFile;
use crate::suite::question::questions;
use crate::suite::run::Suites;
use peppol_authz_engine::policy::{Bundle, QuestionKind};
use peppol_authz_engine::slice::Demand;
use peppol_authz_engine::{Decision, Question};

/// The questions of all suites whose answers are a matter of policies.
pub(super) struct SuiteQuestions<'a> {
    suites: &'a Suites,
    of_suites: Vec<OneSuite<'a>>,
}

/// Those of one suite, which have one fixture.
struct OneSuite<'a> {
    path: &'a Path,
    suite: &'a SuiteFile,
    questions: Vec<(Question, Demand, ExpectedAnswer<'a>)>,
}

enum ExpectedAnswer<'a> {
    /// The expectation of a case.
    Case(Expected<'a>),
    /// The line of a matrix.
    Line(MatrixQuestion, String),
}

impl ExpectedAnswer<'_> {
    fn is_met_by(&self, answer: &Result<Decision, NoDecision>) -> bool {
        match self {
            Self::Case(expected) => expected.difference(answer).is_none(),
            Self::Line(entry, line) => entry.line(answer).is_ok_and(|found| found == *line),
        }
    }
}

impl<'a> SuiteQuestions<'a> {
    /// Reads all questions, and decides those of matrices by the policies as they are.
    pub(super) async fn prepare(
        suites: &'a Suites,
        bundle: &Arc<Bundle>,
    ) -> Result<Self, SuiteError> {
        let mut of_suites = Vec::new();
        for (path, suite) in suites.files() {
            let failed = |problem: String| SuiteError::new(path, problem);
            let engine = suites.engine(path, suite, bundle)?;
            let session = engine.session();
            let mut found = Vec::new();
            for case in &suite.cases {
                for (json, expected) in questions(case, suite, bundle) {
                    // A malformed question is so by the schema, whatever the policies are.
                    if let Ok((question, options)) = session.question(&json, usize::MAX) {
                        found.push((question, options.demand, ExpectedAnswer::Case(expected)));
                    }
                }
            }
            if let Some(matrix) = &suite.matrix {
                for entry in entries(bundle, matrix).map_err(failed)? {
                    let question = session.question(&entry.question, usize::MAX);
                    let (question, options) =
                        question.map_err(|error| failed(error.to_string()))?;
                    let answer = decide(&session, &question, &options.demand).await;
                    let line = entry.line(&answer).map_err(failed)?;
                    found.push((question, options.demand, ExpectedAnswer::Line(entry, line)));
                }
            }
            of_suites.push(OneSuite {
                path,
                suite,
                questions: found,
            });
        }
        Ok(Self { suites, of_suites })
    }

    /// Returns true if an answer by these policies is not the expected one. Only questions of
    /// the `reached` kinds are asked: all others are answered as before.
    pub(super) async fn notice(
        &self,
        bundle: &Arc<Bundle>,
        reached: &HashSet<QuestionKind>,
    ) -> Result<bool, SuiteError> {
        for OneSuite {
            path,
            suite,
            questions,
        } in &self.of_suites
        {
            let concerned = |question: &Question| {
                reached.contains(&(
                    question.action.clone(),
                    question.principal.type_name().clone(),
                    question.resource.type_name().clone(),
                ))
            };
            let mut concerned = questions
                .iter()
                .filter(|(question, _, _)| concerned(question))
                .peekable();
            if concerned.peek().is_none() {
                continue;
            }
            let engine = self.suites.engine(path, suite, bundle)?;
            let session = engine.session();
            for (question, demand, wanted) in concerned {
                if !wanted.is_met_by(&decide(&session, question, demand).await) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
