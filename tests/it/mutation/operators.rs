//! Each operator, on a policy that is written for it.

use peppol_authz_author::MutationOperator;

use super::made;

const SCHEMA: &str = r#"
entity Colour enum ["red", "green", "blue\"ish"];
entity Group;
type Flags = { read: Bool, write: Bool, count: Long };
entity User in [Group] = {
  active: Bool, trusted: Bool, age: Long, limit: Long,
  colour: Colour, colours: Set<Colour>, boss?: User,
} tags Flags;
entity Door in [Group] = { owner: User, deputy: User, key: String };
action use;
action enter, lock, paint in [use] appliesTo { principal: User, resource: Door, context: { a: Bool, b?: Bool } };
"#;

/// The policies that an operator makes of one.
fn of(operator: MutationOperator, policy: &str) -> Vec<String> {
    made(SCHEMA, policy, Some(operator))
        .into_iter()
        .map(|mutant| mutant.text.unwrap_or_default())
        .collect()
}

/// The conditions that an operator makes of one.
fn conditions(operator: MutationOperator, condition: &str) -> Vec<String> {
    let (before, after) = ("permit (principal, action, resource) when { ", " };");
    of(operator, &format!("{before}{condition}{after}"))
        .iter()
        .map(|text| {
            let text = text.strip_prefix(before).unwrap();
            text.strip_suffix(after).unwrap().to_owned()
        })
        .collect()
}

#[test]
fn every_operator_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<_> = MutationOperator::ALL
        .iter()
        .map(|operator| operator.name())
        .collect();
    assert_eq!(names.len(), 16);
}

#[test]
fn a_policy_is_left_out_once() {
    assert_eq!(
        of(
            MutationOperator::DropPolicy,
            "permit (principal, action, resource);"
        ),
        [""]
    );
}

#[test]
fn effects() {
    let (permit, forbid) = (
        "@code(\"C\") permit (principal, action, resource);",
        "@code(\"C\") forbid (principal, action, resource);",
    );
    assert_eq!(of(MutationOperator::FlipEffect, permit), [forbid]);
    assert_eq!(of(MutationOperator::FlipEffect, forbid), [permit]);
}

#[test]
fn scopes() {
    assert_eq!(
        of(
            MutationOperator::WidenScope,
            "permit (principal is User, action == Action::\"enter\", resource in Group::\"g\");"
        ),
        [
            "permit (principal, action == Action::\"enter\", resource in Group::\"g\");",
            "permit (principal is User, action, resource in Group::\"g\");",
            "permit (principal is User, action == Action::\"enter\", resource);",
        ]
    );
    // Two parts are left out one by one and together.
    let mut found = of(
        MutationOperator::WidenScope,
        "permit (principal is User in Group::\"g\", action, resource == Door::\"d\");",
    );
    found.sort();
    assert_eq!(
        found,
        [
            "permit (principal in Group::\"g\", action, resource == Door::\"d\");",
            "permit (principal is User in Group::\"g\", action, resource);",
            "permit (principal is User, action, resource == Door::\"d\");",
            "permit (principal, action, resource == Door::\"d\");",
        ]
    );
    assert_eq!(
        of(
            MutationOperator::WidenScope,
            "permit (principal, action in [Action::\"use\"], resource);"
        ),
        ["permit (principal, action, resource);"]
    );
    assert_eq!(
        of(
            MutationOperator::WidenScope,
            "permit (principal, action, resource);"
        ),
        [""; 0]
    );
}

#[test]
fn actions() {
    let of = |action: &str| {
        of(
            MutationOperator::AddAction,
            &format!("permit (principal, {action}, resource);"),
        )
    };
    let list = |actions: &[&str]| {
        let actions: Vec<_> = actions
            .iter()
            .map(|id| format!("Action::\"{id}\""))
            .collect();
        format!(
            "permit (principal, action in [{}], resource);",
            actions.join(", ")
        )
    };
    assert_eq!(
        of("action == Action::\"enter\""),
        [list(&["enter", "lock"]), list(&["enter", "paint"])]
    );
    assert_eq!(
        of("action in [ Action::\"lock\", ]"),
        [
            "permit (principal, action in [ Action::\"lock\", Action::\"enter\"], resource);",
            "permit (principal, action in [ Action::\"lock\", Action::\"paint\"], resource);",
        ]
    );
    // All of them are there already.
    for all in [
        "action in Action::\"use\"",
        "action in [Action::\"use\"]",
        "action",
    ] {
        assert_eq!(of(all), [""; 0], "{all}");
    }
}

/// Only one that its principals and resources can be asked about.
#[test]
fn actions_on_something_else_are_not_added() {
    let schema = "entity User, Robot, Door, Desk;\n\
                  action enter, lock appliesTo { principal: User, resource: Door };\n\
                  action sit appliesTo { principal: User, resource: Desk };\n\
                  action weld appliesTo { principal: Robot, resource: Door };\n";
    for (principal, resource, added) in [
        ("principal is User", "resource is Door", &["lock"][..]),
        ("principal is User", "resource", &["lock", "sit"]),
        ("principal", "resource == Door::\"d\"", &["lock", "weld"]),
    ] {
        let policy = format!("permit ({principal}, action == Action::\"enter\", {resource});");
        let found = super::made(schema, &policy, Some(MutationOperator::AddAction));
        let texts: Vec<_> = found
            .iter()
            .map(|mutant| mutant.text.clone().unwrap())
            .collect();
        let expected: Vec<_> = added
            .iter()
            .map(|id| {
                format!(
                    "permit ({principal}, action in [Action::\"enter\", Action::\"{id}\"], {resource});"
                )
            })
            .collect();
        assert_eq!(texts, expected);
    }
}

#[test]
fn clauses() {
    let policy =
        "permit (principal, action, resource) when { context.a } unless { principal.active };";
    assert_eq!(
        of(MutationOperator::DropClause, policy),
        [
            "permit (principal, action, resource)  unless { principal.active };",
            "permit (principal, action, resource) when { context.a } ;",
        ]
    );
    assert_eq!(
        of(MutationOperator::FlipClause, policy),
        [
            "permit (principal, action, resource) unless { context.a } unless { principal.active };",
            "permit (principal, action, resource) when { context.a } when { principal.active };",
        ]
    );
}

#[test]
fn conjuncts_and_disjuncts() {
    let (and, or) = (
        MutationOperator::DropConjunct,
        MutationOperator::DropDisjunct,
    );
    let three = "context.a && principal.active && principal.trusted";
    assert_eq!(
        conditions(and, three),
        [
            "principal.active && principal.trusted",
            "context.a && principal.trusted",
            "context.a && principal.active",
        ]
    );
    assert_eq!(conditions(or, three), [""; 0]);
    // Each chain by itself, however deep, and in what is called and chosen too.
    let mixed = "context.a || (principal.active && principal.trusted)";
    assert_eq!(
        conditions(or, mixed),
        ["(principal.active && principal.trusted)", "context.a"]
    );
    assert_eq!(
        conditions(and, mixed),
        [
            "context.a || (principal.trusted)",
            "context.a || (principal.active)"
        ]
    );
    assert_eq!(
        conditions(and, "[true].contains(context.a && principal.active)"),
        [
            "[true].contains(principal.active)",
            "[true].contains(context.a)"
        ]
    );
    assert_eq!(
        conditions(or, "if context.a || principal.active then true else false"),
        [
            "if principal.active then true else false",
            "if context.a then true else false",
        ]
    );
    // An operator that is written over lines, with a comment.
    assert_eq!(
        conditions(or, "context.a // && never\n || // or\n principal.active"),
        ["principal.active", "context.a"]
    );
    assert_eq!(conditions(and, "context.a"), [""; 0]);
}

#[test]
fn negations() {
    assert_eq!(
        conditions(
            MutationOperator::DropNegation,
            "!(context has b) && !! context.a"
        ),
        [
            "(context has b) && !! context.a",
            "!(context has b) && ! context.a"
        ]
    );
    // A number below zero is none.
    assert_eq!(
        conditions(MutationOperator::DropNegation, "principal.age > -1"),
        [""; 0]
    );
}

#[test]
fn comparisons() {
    let of = |condition| conditions(MutationOperator::FlipComparison, condition);
    assert_eq!(of("principal.age == 1"), ["principal.age != 1"]);
    assert_eq!(of("principal.age != 1"), ["principal.age == 1"]);
    assert_eq!(
        of("principal.age < 1"),
        ["principal.age <= 1", "principal.age >= 1"]
    );
    assert_eq!(
        of("principal.age <= 1"),
        ["principal.age < 1", "principal.age > 1"]
    );
    assert_eq!(
        of("principal.age > 1"),
        ["principal.age >= 1", "principal.age <= 1"]
    );
    assert_eq!(
        of("principal.age >= 1"),
        ["principal.age > 1", "principal.age < 1"]
    );
    assert_eq!(
        of("principal in Group::\"g\""),
        ["principal == Group::\"g\""]
    );
    // However it is written.
    assert_eq!(
        of("principal.age // == 7\n  ==// != 8\n1"),
        ["principal.age // == 7\n  !=// != 8\n1"]
    );
    assert_eq!(of("(principal.age==1)"), ["(principal.age!=1)"]);
    // These compare nothing.
    assert_eq!(
        of("resource.key like \"a==b*\" && resource is Door"),
        [""; 0]
    );
}

#[test]
fn contains() {
    let of = |condition| conditions(MutationOperator::FlipContains, condition);
    let (any, all) = (
        "principal.colours.containsAny([Colour::\"red\"])",
        "principal.colours.containsAll([Colour::\"red\"])",
    );
    assert_eq!(of(any), [all]);
    assert_eq!(of(all), [any]);
    assert_eq!(of("principal.colours.contains(Colour::\"red\")"), [""; 0]);
}

#[test]
fn elements() {
    let of = |condition| conditions(MutationOperator::DropElement, condition);
    assert_eq!(
        of("principal.colours.containsAny([Colour::\"red\", Colour::\"green\"])"),
        [
            "principal.colours.containsAny([Colour::\"green\"])",
            "principal.colours.containsAny([Colour::\"red\"])",
        ]
    );
    assert_eq!(
        of("[1, 2, 3,].contains(principal.age)"),
        [
            "[2, 3,].contains(principal.age)",
            "[1, 3,].contains(principal.age)",
            "[1, 2,].contains(principal.age)",
        ]
    );
    assert_eq!(
        super::made(
            SCHEMA,
            "permit (principal, action in [Action::\"enter\", Action::\"lock\"], resource);",
            Some(MutationOperator::DropElement)
        )
        .iter()
        .map(|mutant| mutant.text.clone().unwrap())
        .collect::<Vec<_>>(),
        [
            "permit (principal, action in [Action::\"lock\"], resource);",
            "permit (principal, action in [Action::\"enter\"], resource);",
        ]
    );
}

#[test]
fn entities_of_a_closed_vocabulary() {
    let of = |condition| conditions(MutationOperator::SwapEntity, condition);
    assert_eq!(
        of("principal.colour == Colour::\"red\""),
        [
            "principal.colour == Colour::\"blue\\\"ish\"",
            "principal.colour == Colour::\"green\"",
        ]
    );
    // In any spelling.
    assert_eq!(
        of("principal.colour == Colour::\"blue\\u{22}ish\""),
        [
            "principal.colour == Colour::\"green\"",
            "principal.colour == Colour::\"red\""
        ]
    );
    // One that may be any is left alone, and so is a text.
    assert_eq!(
        of("principal == User::\"red\" && resource.key == \"red\""),
        [""; 0]
    );
}

#[test]
fn attributes_of_one_type() {
    let of = |condition| conditions(MutationOperator::SwapAttribute, condition);
    assert_eq!(of("principal.active"), ["principal.trusted"]);
    assert_eq!(
        of("principal.age < principal.limit"),
        [
            "principal.limit < principal.limit",
            "principal.age < principal.age"
        ]
    );
    // In a record that a tag is, and in the context; `count` is no flag.
    assert_eq!(
        of("principal.hasTag(resource.key) && principal.getTag(resource.key).read"),
        ["principal.hasTag(resource.key) && principal.getTag(resource.key).write"]
    );
    assert_eq!(of("context.a"), ["context.b"]);
    assert_eq!(
        of("resource.owner == principal"),
        ["resource.deputy == principal"]
    );
    // The name behind `has` is no value.
    assert_eq!(of("context has b"), [""; 0]);
}

#[test]
fn truth() {
    assert_eq!(
        conditions(
            MutationOperator::FlipBool,
            "context.a == true || principal.active == false"
        ),
        [
            "context.a == false || principal.active == false",
            "context.a == true || principal.active == true",
        ]
    );
}

#[test]
fn branches() {
    assert_eq!(
        conditions(
            MutationOperator::TakeBranch,
            "if context.a then principal.active else principal.trusted"
        ),
        ["principal.active", "principal.trusted"]
    );
}
