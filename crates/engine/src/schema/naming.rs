//! The names by which callers call the types and actions of a schema.
//!
//! Programs that do not know Cedar write `user` and `send_document` for
//! `Peppol::User` and `Peppol::Action::"sendDocument"`. A name is looked for as
//! Cedar writes it, then without its namespace, then without regard to case and
//! separators; where a shorter form could mean two things it means none of them,
//! or a new type in the schema could turn a question into another one.

use super::map::Map;

/// The names of entity types, or those of actions; built once, with the schema.
#[derive(Debug)]
pub(super) struct Names<T> {
    /// As written in the schema, with and without the namespace; `None` where two
    /// things are called so.
    spelled: Map<String, Option<T>>,
    /// The same in lower case and without separators.
    loose: Map<String, Option<T>>,
}

/// A type or an action, with its names in the schema.
pub(super) struct NamedItem<T> {
    /// With the namespace; no other thing is called so.
    pub(super) full: String,
    /// Without.
    pub(super) short: String,
    pub(super) thing: T,
}

impl<T: Clone + Eq> Names<T> {
    pub(super) fn new(all: Vec<NamedItem<T>>) -> Self {
        let (mut spelled, mut loose) = (Map::default(), Map::default());
        for named in &all {
            put(&mut spelled, named.short.clone(), &named.thing);
            for name in [&named.short, &named.full] {
                // A name of nothing but separators loosens to none, under which nothing is found.
                let name = Some(loosened(name)).filter(|name| !name.is_empty());
                if let Some(name) = name {
                    put(&mut loose, name, &named.thing);
                }
            }
        }
        // Last: a full name without a namespace wins over a short name.
        for named in all {
            spelled.insert(named.full, Some(named.thing));
        }
        Self { spelled, loose }
    }

    /// The thing that a name stands for; `None` if there is none, or more than one.
    pub(super) fn get(&self, name: &str) -> Option<&T> {
        match self.spelled.get(name) {
            Some(found) => found.as_ref(),
            None => self.loose.get(&loosened(name))?.as_ref(),
        }
    }
}

fn put<T: Clone + Eq>(names: &mut Map<String, Option<T>>, name: String, thing: &T) {
    names
        .entry(name)
        .and_modify(|found| {
            if found.as_ref() != Some(thing) {
                *found = None;
            }
        })
        .or_insert_with(|| Some(thing.clone()));
}

fn loosened(name: &str) -> String {
    let letters = name.chars().filter(|letter| !matches!(letter, '_' | '-'));
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::{NamedItem, Names};
    use crate::schema::Schema;

    const SCHEMA: &str = r#"
        entity snake_case, SnakeCase;
        namespace A {
            entity User, LegalEntity, Robot, Thing, THING;
            action sendDocument, "can read", "__", archive, Archive
                appliesTo { principal: User, resource: Thing };
            action group;
        }
        namespace B {
            entity Robot, LegalEntity;
            action sendDocument appliesTo { principal: Robot, resource: Robot };
        }"#;

    fn entity_type(name: &str) -> Option<String> {
        let schema = Schema::parse(SCHEMA).unwrap();
        let found = schema.entity_type_called(name)?;
        Some(found.name.to_string())
    }

    fn action(name: &str) -> Option<String> {
        let schema = Schema::parse(SCHEMA).unwrap();
        let found = schema.action_called(name)?;
        Some(found.uid.to_string())
    }

    #[test]
    fn a_type_is_found_with_its_namespace_without_it_and_loosely() {
        for name in [
            "A::User", "User", "user", "USER", "u_ser", "a::user", "-User_",
        ] {
            assert_eq!(entity_type(name).as_deref(), Some("A::User"), "{name}");
        }
        for name in ["A::LegalEntity", "a::legal_entity", "A::legal-entity"] {
            let wanted = Some("A::LegalEntity");
            assert_eq!(entity_type(name).as_deref(), wanted, "{name}");
        }
        for name in [
            "", "_", "Us er", "Users", "C::User", "AUser", "::User", "A::",
        ] {
            assert_eq!(entity_type(name), None, "{name}");
        }
    }

    #[test]
    fn a_name_of_two_types_is_that_of_neither() {
        for name in ["LegalEntity", "legal_entity", "legalentity"] {
            assert_eq!(entity_type(name), None, "{name}");
        }
        // Each can be written as it is, but not in another way.
        assert_eq!(entity_type("Thing").as_deref(), Some("A::Thing"));
        assert_eq!(entity_type("THING").as_deref(), Some("A::THING"));
        assert_eq!(entity_type("thing"), None);
        assert_eq!(entity_type("a::thing"), None);
        assert_eq!(entity_type("snake_case").as_deref(), Some("snake_case"));
        assert_eq!(entity_type("SnakeCase").as_deref(), Some("SnakeCase"));
        assert_eq!(entity_type("snake-case"), None);
    }

    /// Cedar refuses such a schema of types, and takes one of actions.
    #[test]
    fn the_whole_name_wins_over_a_shorter_one() {
        let named = |full: &str, short: &str| NamedItem {
            full: full.to_owned(),
            short: short.to_owned(),
            thing: full.to_owned(),
        };
        let names = Names::new(vec![
            named("Robot", "Robot"),
            named("A::Robot", "Robot"),
            named("B::Robot", "Robot"),
            named("B::Lone", "Robot"),
        ]);
        for name in ["Robot", "A::Robot", "B::Robot", "B::Lone"] {
            assert_eq!(names.get(name).map(String::as_str), Some(name));
        }
        assert_eq!(names.get("a::robot").map(String::as_str), Some("A::Robot"));
        assert_eq!(names.get("robot"), None);
    }

    #[test]
    fn an_action_is_found_as_cedar_writes_it_by_its_id_and_loosely() {
        for name in [
            "A::Action::\"can read\"",
            "can read",
            "CAN READ",
            "can_ read",
        ] {
            let wanted = Some("A::Action::\"can read\"");
            assert_eq!(action(name).as_deref(), wanted, "{name}");
        }
        assert_eq!(action("sendDocument"), None);
        let exact = "B::Action::\"sendDocument\"";
        assert_eq!(action(exact).as_deref(), Some(exact));
        assert_eq!(action("__").as_deref(), Some("A::Action::\"__\""));
        for name in ["archive", "Archive"] {
            let wanted = format!("A::Action::\"{name}\"");
            assert_eq!(action(name), Some(wanted));
        }
    }

    #[test]
    fn what_cannot_be_asked_is_no_action() {
        for name in [
            "group",
            "A::Action::\"group\"",
            "",
            "-",
            "_",
            "ARCHIVE",
            "read",
        ] {
            assert_eq!(action(name), None, "{name}");
        }
    }
}
