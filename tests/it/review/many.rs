//! Reviews of more than is listed or decided at once.

use super::{Reviewed, membership, organisation, user};

/// More candidates than the store lists together, which are decided in many parts.
const USERS: u32 = 17_000;

#[test]
fn what_is_decided_in_parts_is_whole_and_in_order() {
    let ids: Vec<String> = (0..USERS).map(|number| format!("u-{number:05}")).collect();
    let people = ids
        .iter()
        .flat_map(|id| [user(id, false), membership(id, "acme", "orgmember")]);
    let documents: Vec<_> = [organisation("acme", "SHARED")]
        .into_iter()
        .chain(people)
        .collect();
    let reviewed = Reviewed::of(&documents);
    let review = reviewed.json(&["--organisation", "acme", "--action", "leaveOrganisation"]);
    let rights = review["rights"].as_array().unwrap().iter();
    let found: Vec<&str> = rights.map(|it| it["principal"].as_str().unwrap()).collect();
    let wanted: Vec<String> = ids
        .iter()
        .map(|id| format!("Peppol::User::\"{id}\""))
        .collect();
    assert_eq!(found.len(), wanted.len());
    let misplaced = found.iter().zip(&wanted).find(|(one, other)| one != other);
    assert_eq!(misplaced, None);
}
