use super::*;
use crate::sqlite::SqliteDialect;
use peppol_authz_engine::store::Comparison;

fn is(name: &str, text: &str) -> Condition {
    Condition::Holds(Operand::Attribute(name.into()), ValueTest::Is(text.into()))
}

fn present(name: &str) -> Condition {
    Condition::Holds(Operand::Attribute(name.into()), ValueTest::Present)
}

fn long(name: &str) -> Condition {
    let test = ValueTest::Long(Comparison::Less, 3);
    Condition::Holds(Operand::Attribute(name.into()), test)
}

fn made(condition: Condition, after: Option<&str>) -> SelectStatement {
    let wanted = Candidates {
        of: "Doc".parse().unwrap(),
        condition,
        after: after.map(Arc::from),
        limit: 7,
    };
    statement(&SqliteDialect, &wanted)
}

fn queries(condition: Condition) -> usize {
    made(condition, None).sql.matches(" UNION ").count() + 1
}

/// Each of the few that are named by an alternative is found by its own index.
#[test]
fn alternatives_that_name_few_are_queries_of_their_own() {
    let two = Condition::any([is("a", "x"), is("b", "y")]);
    assert_eq!(queries(two.clone()), 2);
    assert_eq!(queries(Condition::all([present("c"), two.clone()])), 2);
    let four = Condition::all([two.clone(), Condition::any([is("c", "x"), is("d", "y")])]);
    assert_eq!(queries(four), 4);
    // No index finds all of these.
    assert_eq!(queries(Condition::any([long("a"), long("b")])), 1);
    let many = (0..17).map(|n| is(&format!("a{n}"), "x"));
    assert_eq!(queries(Condition::any(many)), 1);
}

/// A query that names few entities is sorted at the end; any other stops when there are enough.
#[test]
fn only_what_names_few_is_run_to_its_end() {
    assert!(!made(is("a", "x"), None).sql.contains("AS walked"));
    assert!(made(long("a"), None).sql.contains("AS walked"));
    assert!(made(Condition::Always, None).sql.contains("AS walked"));
}

#[test]
fn a_page_begins_behind_an_id_in_every_alternative() {
    let two = Condition::any([is("a", "x"), is("b", "y")]);
    let made = made(two, Some("d"));
    assert_eq!(made.sql.matches("e.\"id\" COLLATE BINARY > ?2").count(), 2);
    let text = |text: &str| Parameter::Text(text.into());
    let parameters = [Parameter::Long(7), text("d"), text("x"), text("y")];
    assert_eq!(made.parameters, parameters);
}

/// Nothing of a question becomes part of a statement.
#[test]
fn texts_are_parameters() {
    let hostile = "x' OR TRUE --";
    let tag = ValueTest::Tag {
        of: "Doc".into(),
        key: hostile.into(),
        test: Box::new(ValueTest::Like(vec![hostile.into(), hostile.into()])),
    };
    let made = made(
        Condition::all([is("a", hostile), Condition::Holds(Operand::Id, tag)]),
        Some(hostile),
    );
    assert!(!made.sql.contains("OR TRUE"), "{}", made.sql);
}

#[test]
fn conditions_are_joined_in_pairs() {
    let parts = |n: usize| (0..n).map(|n| n.to_string()).collect::<Vec<_>>();
    assert_eq!(joined(parts(0), "OR"), "TRUE");
    assert_eq!(joined(parts(1), "OR"), "0");
    assert_eq!(joined(parts(5), "OR"), "(((0 OR 1) OR (2 OR 3)) OR 4)");
}

/// A condition without one of its parts holds of more entities.
#[test]
fn a_bounded_condition_holds_of_more() {
    let any = Condition::any((0..5).map(|n| is("a", &n.to_string())));
    assert_eq!(any.clone().bounded(5), any);
    assert_eq!(any.clone().bounded(4), Condition::Always);
    let all = Condition::all([any, is("b", "x")]);
    assert_eq!(all.clone().bounded(6), all);
    assert_eq!(
        all.bounded(5),
        Condition::all([Condition::any((0..5).map(|n| is("a", &n.to_string())))])
    );
}

#[test]
fn what_another_part_says_already_is_not_said() {
    let of = |test| Condition::Holds(Operand::Id, test);
    let tag = |test: ValueTest| ValueTest::Tag {
        of: "Doc".into(),
        key: "k".into(),
        test: Box::new(test),
    };
    let passes = of(tag(ValueTest::Is("x".into())));
    for parts in [
        [of(tag(ValueTest::Present)), passes.clone()],
        [passes.clone(), of(tag(ValueTest::Present))],
    ] {
        assert_eq!(Condition::all(parts), passes);
    }
    assert_eq!(Condition::all([present("a"), is("a", "x")]), is("a", "x"));
    // Of another value, or the other way round, it says something.
    for parts in [
        [present("b"), is("a", "x")],
        [
            Condition::Holds(Operand::Attribute("a".into()), ValueTest::Absent),
            present("a"),
        ],
        [of(tag(ValueTest::Is("y".into()))), passes],
    ] {
        assert_eq!(
            Condition::all(parts.clone()),
            Condition::All(parts.to_vec())
        );
    }
}
