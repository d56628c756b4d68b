//! The claims of a token, as a reference finds its way in them.

use std::borrow::Cow;

use serde_json::Value as Json;

use crate::decide::Members;
use crate::policy::routes::ClaimStep;
use crate::schema::Misfit;

/// The value that a way leads to; `None` if there is none. Of several members, none is the only one.
pub(super) fn claimed<'c>(
    claims: &'c Members,
    way: &[ClaimStep],
) -> Result<Option<Cow<'c, Json>>, Misfit> {
    let Some((ClaimStep::Member(first), rest)) = way.split_first() else {
        return Ok(None);
    };
    let mut at = claims.get(&**first);
    for step in rest {
        let Some(around) = at.filter(|around| !around.is_null()) else {
            return Ok(None);
        };
        at = match (step, around) {
            (ClaimStep::Member(name) | ClaimStep::Place(name, _), Json::Object(members)) => {
                members.get(&**name)
            }
            (ClaimStep::Place(_, place), Json::Array(elements)) => elements.get(*place),
            (ClaimStep::Only, Json::Object(members)) => only(members.values())?,
            (ClaimStep::Only, Json::Array(elements)) => only(elements)?,
            // It is the last step.
            (ClaimStep::OnlyName, Json::Object(members)) => {
                let name = only(members.keys())?;
                return Ok(name.map(|name| Cow::Owned(Json::from(name.as_str()))));
            }
            (ClaimStep::Only | ClaimStep::Place(..), _) => {
                return Err(Misfit::new("an object or an array is wanted around it"));
            }
            (ClaimStep::Member(_) | ClaimStep::OnlyName, _) => {
                return Err(Misfit::new("an object is wanted around it"));
            }
        };
    }
    Ok(at.map(Cow::Borrowed))
}

/// The only one of all; `None` if there is none.
fn only<T>(all: impl IntoIterator<Item = T>) -> Result<Option<T>, Misfit> {
    let mut all = all.into_iter();
    match (all.next(), all.next()) {
        (one, None) => Ok(one),
        (_, Some(_)) => Err(Misfit::new("is one of several, and an only one is wanted")),
    }
}
