//! Searches over links of a store find what is allowed, one by one.

use peppol_authz_engine::{Failure, Verdict};
use serde_json::json;

use super::model::{IDS, Model};
use crate::cedar_agrees::uid;
use crate::deciding::{Deciding, Refused, first_page};
use crate::rules::rng::Rng;

/// Holds some searches against questions. Returns how many entities they found.
pub(super) fn hold(rng: &mut Rng, model: &Model, stored: &Deciding) -> usize {
    let mut count = 0;
    for _ in 0..6 {
        let (principal, resource) = (rng.pick([2, 3]), rng.pick([1, 3]));
        let (known, of, known_type, of_type) = match rng.percent(50) {
            true => ("principal", "resource", principal, resource),
            false => ("resource", "principal", resource, principal),
        };
        let mut wanted = json!({
            "action": uid("Action", rng.pick(["see", "do"])),
            "context": model.values(rng, &model.context),
        });
        wanted[known] = model.uid(rng, known_type);
        let name = format!("T{of_type}");
        let questions: Vec<_> = (0..=IDS)
            .map(|id| {
                let mut question = wanted.clone();
                question[of] = uid(&name, &id.to_string());
                question
            })
            .collect();
        let answers = stored.ask_all(&questions.iter().collect::<Vec<_>>());
        let mut allowed = Vec::new();
        let mut failed = false;
        for answer in answers {
            match answer {
                Ok(((principal, resource), Verdict::Allow)) => {
                    let uid = if of == "principal" {
                        principal
                    } else {
                        resource
                    };
                    allowed.push(uid.to_string());
                }
                Ok(_) => {}
                Err(Refused::Failed(Failure::Tenancy(_))) => failed = true,
                Err(other) => panic!("{other:?}\n{wanted}"),
            }
        }
        wanted[of] = json!({"type": name});
        let found = match stored.find(&wanted, &first_page(100, 100)) {
            Ok(found) => found,
            Err(Refused::Failed(Failure::Tenancy(_))) if failed => continue,
            Err(other) => panic!("{other:?}\n{wanted}"),
        };
        let found: Vec<String> = found.entities.iter().map(ToString::to_string).collect();
        assert_eq!(found, allowed, "{wanted}");
        count += found.len();
    }
    count
}
