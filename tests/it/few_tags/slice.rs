//! The tags that nobody asked for are no part of a slice, though they are in memory.

use serde_json::{Value, json};

use crate::deciding::{Deciding, entity, question};

const SCHEMA: &str = r#"
    entity User = { blocked: Bool } tags User;
    entity Doc = { key: String };
    action see appliesTo { principal: User, resource: Doc };
"#;

const POLICIES: &str = r#"
    @id("p") permit (principal, action, resource)
    when { principal.hasTag(resource.key) && !principal.getTag(resource.key).blocked };
"#;

fn tenancy() -> Value {
    let user = |id: &str| entity("User", id, json!({"blocked": false}), &[]);
    let of = |id: &str| json!({"__entity": {"type": "User", "id": id}});
    let mut ann = user("ann");
    ann["tags"] = json!({"a": of("bob"), "b": of("eve"), "c": of("ghost")});
    let doc = |id: &str| entity("Doc", id, json!({"key": id}), &[]);
    json!([
        ann,
        user("bob"),
        user("eve"),
        doc("a"),
        doc("b"),
        doc("c"),
        doc("d")
    ])
}

#[test]
fn a_slice_has_the_tags_that_were_asked_for() {
    let deciding = Deciding::of(SCHEMA, POLICIES, &tenancy());
    for (key, value) in [
        ("a", Some("bob")),
        ("d", None),
        ("b", Some("eve")),
        ("a", Some("bob")),
    ] {
        let asked = question("User::\"ann\"", "see", &format!("Doc::\"{key}\""));
        let decision = deciding.decide(&asked);
        let seen = decision.slice.iter();
        let mut ids: Vec<_> = seen
            .map(|seen| seen.loaded.row.uid.id().unescaped().to_owned())
            .collect();
        ids.sort();
        let mut wanted: Vec<&str> = [key, "ann"].into_iter().chain(value).collect();
        wanted.sort_unstable();
        assert_eq!(ids, wanted, "{key}");
        assert!(decision.missing.is_empty(), "{key}: {:?}", decision.missing);
        let is_ann = |uid: &cedar_policy::EntityUid| uid.id().unescaped() == "ann";
        let ann = decision
            .slice
            .iter()
            .find(|seen| is_ann(&seen.loaded.row.uid))
            .unwrap();
        let all = ann.asked_row();
        let keys: Vec<&str> = all.tags.keys().map(|key| &**key).collect();
        assert_eq!(keys, value.map(|_| key).into_iter().collect::<Vec<_>>());
        assert!(ann.asked_tags().eq(all.tags.iter()));
        // All of them are there.
        assert_eq!(ann.loaded.row.tags.len(), 3);
    }
}
