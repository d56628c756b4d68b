//! From the entries of the table to questions.

use std::borrow::Cow;
use std::sync::Arc;

use cedar_policy::EntityUid;
use serde_json::Value as Json;

use super::draft::{Drafter, Undrafted};
use super::facts::{MissingFact, StoreFacts};
use super::locate::principal;
use super::said::RequestContents;
use super::{Draft, Drafted};
use crate::decide::{Question, QuestionContext, Reason};
use crate::policy::routes::Ask;
use crate::schema::{Designation, Misfit, Schema};
use crate::slice::Absent;

/// The questions of one request.
pub(super) struct RequestQuestions {
    /// The principal; `None` where there can be none of that name.
    pub(super) principal: Option<EntityUid>,
    /// In the order of the table. One that cannot be asked is denied for these reasons.
    pub(super) questions: Vec<Result<Question, Vec<Reason>>>,
}

/// Makes the questions of one request, by the facts at hand.
pub(super) struct QuestionMaker<'a, 'h> {
    pub(super) schema: &'a Schema,
    pub(super) said: &'a RequestContents<'a, 'h>,
    pub(super) facts: &'a StoreFacts,
}

impl QuestionMaker<'_, '_> {
    /// All questions of somebody; `Err` with the facts that are missing.
    pub(super) fn made(
        &self,
        asks: &[Ask],
        who: &Designation,
    ) -> Result<RequestQuestions, Vec<MissingFact>> {
        let principal = principal(self.schema, who, self.facts).map_err(|need| vec![need])?;
        let Some(uid) = &principal else {
            let unknown = Reason::absent(Absent::Principal);
            return Ok(RequestQuestions {
                principal,
                questions: vec![Err(vec![unknown])],
            });
        };
        let drafted = self.drafted(asks)?;
        let questions = drafted
            .into_iter()
            .flatten()
            .filter_map(|drafted| match drafted {
                Drafted::Asked(draft) => Some(self.asked_by(uid, *draft)),
                Drafted::Refused(reasons) => Some(Err(reasons)),
                Drafted::NotAsked | Drafted::Depends => None,
            });
        let questions = questions.collect();
        Ok(RequestQuestions {
            principal,
            questions,
        })
    }

    /// The drafts of each `ask`; `Err` with all facts that are missing.
    pub(super) fn drafted(&self, asks: &[Ask]) -> Result<Vec<Vec<Drafted>>, Vec<MissingFact>> {
        let (mut drafted, mut needs) = (Vec::with_capacity(asks.len()), Vec::new());
        self.said.begin();
        for ask in asks {
            match self.draft(ask) {
                Ok(each) => drafted.push(each),
                Err(more) => needs.extend(more),
            }
        }
        if needs.is_empty() {
            Ok(drafted)
        } else {
            Err(needs)
        }
    }

    fn asked_by(&self, principal: &EntityUid, draft: Draft) -> Result<Question, Vec<Reason>> {
        let Draft {
            action,
            resource,
            context,
        } = draft;
        let applies = self
            .schema
            .action(&action)
            .is_some_and(|action| action.principals.contains(principal.type_name()));
        if !applies {
            return Err(vec![Reason::other_action()]);
        }
        QuestionContext::new(context)
            .and_then(|context| {
                Question::fitting(principal.clone(), action, resource, context, Arc::default())
            })
            .map_err(|misfit| vec![Reason::malformed(&misfit)])
    }

    /// The drafts of one `ask`: a single one, or one for each element.
    pub(super) fn draft(&self, ask: &Ask) -> Result<Vec<Drafted>, Vec<MissingFact>> {
        let said = self.said;
        let Some(each) = &ask.each else {
            return match self.draft_one(ask, None) {
                Ok(drafted) => Ok(vec![drafted]),
                Err(need) => Err(vec![need]),
            };
        };
        let elements = match said.get(each, None) {
            Ok(Some(elements)) => elements,
            Ok(None) => Cow::Owned(Json::Null),
            Err(misfit) => return Ok(vec![refused(&misfit.within(&each.to_string()))]),
        };
        match &*elements {
            Json::Array(elements) if !elements.is_empty() && elements.len() <= said.questions => {
                let (mut drafts, mut needs) = (Vec::with_capacity(elements.len()), Vec::new());
                for element in elements {
                    match self.draft_one(ask, Some(element)) {
                        Ok(drafted) => drafts.push(drafted),
                        Err(need) => needs.push(need),
                    }
                }
                if needs.is_empty() {
                    Ok(drafts)
                } else {
                    Err(needs)
                }
            }
            _ => {
                let text = format!("an array of 1 to {} elements is wanted", said.questions);
                Ok(vec![refused(&Misfit::new(text).within(&each.to_string()))])
            }
        }
    }

    fn draft_one(&self, ask: &Ask, element: Option<&Json>) -> Result<Drafted, MissingFact> {
        let drafting = Drafter {
            schema: self.schema,
            said: self.said,
            element,
            facts: self.facts,
        };
        match drafting.draft(ask) {
            Ok(Some(draft)) => Ok(Drafted::Asked(Box::new(draft))),
            Ok(None) => Ok(Drafted::NotAsked),
            Err(Undrafted::Refused(reasons)) => Ok(Drafted::Refused(reasons)),
            Err(Undrafted::Fact(need)) => Err(need),
        }
    }
}

fn refused(misfit: &Misfit) -> Drafted {
    Drafted::Refused(vec![Reason::malformed(misfit)])
}
