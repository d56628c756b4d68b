//! Faults of what a route is asked as.

use super::{TABLE, assert_fault, faults, marked};

#[test]
fn of_an_ask() {
    const LOOK: &str = "action = \"look\"\nresource = { Desk = \"{path.id}\" }";
    for (new, message) in [
        (
            "action = «\"lok\"»\nresource = { Desk = \"{path.id}\" }",
            "no action is called `lok`; did you mean `look`?",
        ),
        (
            "action = «1»\nresource = { Desk = \"{path.id}\" }",
            "a string is wanted",
        ),
        (
            "action = \"look\"\nresource = { «User» = \"{path.id}\" }",
            "`look` is not asked on a `Shop::User`",
        ),
        (
            "action = \"look\"\nresource = { «Dsk» = \"{path.id}\" }",
            "no entity type is called `Dsk`; did you mean `Shop::Desk`?",
        ),
        ("action = \"look\"\nresource = «{}»", "an entity is wanted"),
        (
            "action = \"look\"\nresource = «{ Desk = \"a\", User = \"b\" }»",
            "an entity is wanted",
        ),
        (
            "action = \"look\"\nresource = «\"{path.id}\"»",
            "a table is wanted",
        ),
        (
            "action = \"look\"\nresource = { Desk = «\"\"» }",
            "an empty text",
        ),
        (
            "action = \"look\"\nresource = { Desk = «{}» }",
            "one attribute is wanted, by which it is found",
        ),
        (
            "action = \"look\"\nresource = { Desk = { «keeper» = \"{path.id}\" } }",
            "a `Shop::Desk` has no attribute `keeper`",
        ),
        (
            "action = \"look\"\nresource = { Desk = { «size» = \"{path.id}\" } }",
            "`size` of a `Shop::Desk` is neither a string nor an entity",
        ),
        (
            "action = \"look\"\nresource = { Desk = { mode = «\"SHUT\"» } }",
            "not one of `CLOSED`, `OPEN`",
        ),
        (
            "action = \"look\"\nresource = { Desk = \"{path.id}\" }\n«whence» = 1",
            "unknown key `whence`; did you mean `when`?",
        ),
        (
            "action = \"look\"\nresource = { Desk = \"{path.id}\" }\nbelongs = { «keeper» = \"x\" }",
            "a `Shop::Desk` has no attribute `keeper`",
        ),
        (
            "action = \"look\"\nresource = { Desk = \"{path.id}\" }\nbelongs = { size = «\"{path.id}\"» }",
            "this is always a string, and a whole number is wanted",
        ),
        (
            "action = \"look\"\nresource = { Desk = \"{path.id}\" }\neach = «\"{path.id}\"»",
            "an array is in the body or in a claim",
        ),
        (
            "action = \"look\"\nresource = { Desk = \"{path.id}\" }\neach = «\"a {body.ids}\"»",
            "one reference is wanted, as `{body.name}`",
        ),
        (
            "action = \"look\"\nresource = { Desk = \"{path.id}\" }\neach = «\"{body.ids}\"»",
            "`each` in an ask that does not refer to `{each}`",
        ),
        (
            "action = \"look\"\nresource = { Desk = \"{path.id}\" }\nwhen = «{}»",
            "no condition",
        ),
        (
            "action = \"look\"\nresource = { Desk = \"{path.id}\" }\nwhen = { given = «[]» }",
            "`given` of nothing",
        ),
        (
            "action = \"look\"\nresource = { Desk = \"{path.id}\" }\nwhen = { sets = «{}» }",
            "`sets` of nothing",
        ),
        (
            "action = \"look\"\nresource = { Desk = \"{path.id}\" }\nbelongs = «{}»",
            "`belongs` of nothing",
        ),
        (
            "action = \"look\"\nresource = { Desk = \"{path.id}\" }\nwhen = { of = «{ Desk = \"x\" }», given = \"{query.x}\" }",
            "`of` without `sets` or `clears`",
        ),
        (
            "action = \"look\"\nresource = { Desk = \"{path.id}\" }\nwhen = { of = { User = \"x\" }, sets = { «wish» = \"{claim.x}\" } }",
            "a `Shop::User` has no attribute `wish`",
        ),
    ] {
        assert_fault(LOOK, new, message);
    }
    let ask = "[[route.ask]]\naction = \"look\"\nresource = { Desk = \"{path.id}\" }";
    for (new, message) in [
        (
            "«[[route.ask]]»\nresource = { Desk = \"{path.id}\" }",
            "an ask without `action`",
        ),
        (
            "«[[route.ask]]»\naction = \"look\"",
            "an ask without `resource`",
        ),
    ] {
        assert_fault(ask, new, message);
    }
}

#[test]
fn of_a_reference() {
    for (new, message) in [
        ("«{path.x}»", "no parameter `x` in the path"),
        ("«{path}»", "`{path}` without a name"),
        ("«{query.}»", "`{query.}` without a name"),
        ("«{claim}»", "`{claim}` without a name"),
        ("«{body.}»", "`{body.}` without a name"),
        ("«{body.a..b}»", "`{body.a..b}` without a name"),
        ("«{header.a b}»", "no header is called so"),
        ("«{constant.other}»", "no constant `other`"),
        ("«{each}»", "`{each}` in an ask without `each`"),
        ("«{each.id}»", "`{each.id}` in an ask without `each`"),
        ("«{cookie.a}»", "`{cookie.a}` is no reference"),
        ("«{}»", "`{}` is no reference"),
        ("a«{path.id»", "a `{` without `}`"),
        ("ä{path.id}«}»", "a `}` without `{`"),
        ("{path.id}«{constant.x}»{{", "no constant `x`"),
    ] {
        let new = format!("resource = {{ Desk = \"{new}\" }}");
        assert_fault("resource = { Desk = \"{path.id}\" }", &new, message);
    }
    // In single quotes, as names in double quotes are in it.
    for (new, message) in [
        ("«{claim.\"a}»", "with a `\"` without another"),
        ("«{claim.\"\"}»", "without a name"),
        ("«{claim.\"a\"b}»", "with no `.` behind a name in quotes"),
        ("«{claim./}»", "without a name"),
        ("«{claim./a//b}»", "without a name"),
        ("«{claim./a~2}»", "with a `~` that is neither `~0` nor `~1`"),
        ("«{claim./a~}»", "with a `~` that is neither `~0` nor `~1`"),
        ("«{body./a~b}»", "with a `~` that is neither `~0` nor `~1`"),
        ("«{claim.a. b}»", "with a blank at one end of ` b`"),
        (
            "«{claim.https://acme.example/org}»",
            "with a name that is cut at its dots",
        ),
        (
            "«{claim.https://acme/app.example/org}»",
            "with a name that is cut at its dots",
        ),
        (
            "«{claim.https://acme.example.id}»",
            "with a name that is cut at its dots",
        ),
        (
            "«{claim.*.id}»",
            "that does not begin with the name of a claim",
        ),
        (
            "«{claim.#}»",
            "that does not begin with the name of a claim",
        ),
        ("«{claim.a.#.b}»", "with more behind `#`, which is a name"),
        (
            "«{claim.cnf.jkt}»",
            "which is never there, as no token that has `cnf` is accepted",
        ),
        ("«{claim.sub.id}»", "within `sub`, which is always a string"),
        ("«{claim./exp/0}»", "within `exp`, which is always a number"),
    ] {
        let message = format!("`{}` {message}", new.replace(['«', '»'], ""));
        let new = format!("resource = {{ Desk = '{new}' }}");
        assert_fault("resource = { Desk = \"{path.id}\" }", &new, &message);
    }
    for (old, new, message) in [
        (
            "{ Desk = \"{path.id}\" }",
            "{ Desk = «\"{claim.exp}\"» }",
            "this is always a number, and a string is wanted",
        ),
        (
            "each = \"{body.users}\"",
            "each = «\"{claim.sub}\"»",
            "this is always a string, and an array is wanted",
        ),
        (
            "each = \"{body.users}\"",
            "each = «\"{claim.a.#}\"»",
            "this is always a string, and an array is wanted",
        ),
        (
            "force = \"{body.force}\"",
            "force = «\"{claim.exp}\"»",
            "this is always a number, and true or false is wanted",
        ),
        (
            "n = 5",
            "n = «\"{claim.jti}\"»",
            "this is always a string, and a whole number is wanted",
        ),
        (
            "modes = [\"OPEN\"]",
            "modes = «\"{claim.iss}\"»",
            "this is always a string, and an array is wanted",
        ),
    ] {
        assert_fault(old, new, message);
    }
    // All requests of an entry have to have it.
    let (place, table) = marked(
        &TABLE
            .replacen(
                "\"POST /desks/{id}/look\"",
                "\"POST /desks/{desk}/look\"",
                1,
            )
            .replacen("{path.id}", "«{path.id}»", 1),
    );
    let message = "no parameter `id` in the path".to_owned();
    assert_eq!(faults(&table), [(place, message)]);
}

#[test]
fn of_a_context() {
    for (old, new, message) in [
        (
            "action = \"look\"\n",
            "action = «\"move\"»\n",
            "`move` needs `mode` in its context",
        ),
        (
            "mode = \"{constant.usual}\"",
            "mode = \"OPEN\"\n«colour» = \"x\"",
            "`colour` is not in the context of `move`",
        ),
        (
            "mode = \"{constant.usual}\"",
            "mode = «\"SHUT\"»",
            "not one of `CLOSED`, `OPEN`",
        ),
        ("usual = \"OPEN\"", "usual = \"SHUT\"", ""),
        (
            "mode = \"{constant.usual}\"",
            "mode = { from = \"{body.mode}\", optional = «true» }",
            "optional, and the context does not go without it",
        ),
        (
            "to = { Desk = { owner = \"{body.to}\" }, optional = true }",
            "to = «{ User = \"{body.to}\" }»",
            "a `Shop::Desk` is wanted, not a `Shop::User`",
        ),
        (
            "to = { Desk = { owner = \"{body.to}\" }, optional = true }",
            "to = { Desk = \"{body.to}\", optional = «\"yes\"» }",
            "`true` or `false` is wanted",
        ),
        (
            "to = { Desk = { owner = \"{body.to}\" }, optional = true }",
            "to = «{ optional = true }»",
            "an entity is wanted",
        ),
        (
            "note = { from = \"{{{path.id}}} of {claim.a.b}\", optional = true }",
            "note = { from = «\"always\"» }",
            "it is always the same, and `from` refers to a request",
        ),
        (
            "note = { from = \"{{{path.id}}} of {claim.a.b}\", optional = true }",
            "note = { from = \"{body.a}\", «either» = 1 }",
            "unknown key `either`",
        ),
        (
            "rights = { read = true, write = false }",
            "rights = «{ read = true }»",
            "`write`: is missing",
        ),
        (
            "rights = { read = true, write = false }",
            "rights = { read = true, write = «\"{body.w}\"» }",
            "a reference within a constant",
        ),
        (
            "rights = { read = true, write = false }",
            "rights = «\"{path.id}\"»",
            "this is always a string, and an object is wanted",
        ),
        ("n = 5", "n = «\"5\"»", "a whole number is wanted"),
        (
            "n = 5",
            "n = «5.5»",
            "no constant of a context is written so",
        ),
        (
            "n = 5",
            "n = «9223372036854775808»",
            "a whole number of 64 bits is wanted",
        ),
        (
            "n = 5",
            "n = «\"{query.n}\"»",
            "this is always a string, and a whole number is wanted",
        ),
        (
            "n = 5",
            "n = «\"1{body.n}\"»",
            "this is always a string, and a whole number is wanted",
        ),
        (
            "force = \"{body.force}\"",
            "force = { from = «\"{header.force}\"» }",
            "this is always a string, and true or false is wanted",
        ),
        (
            "modes = [\"OPEN\"]",
            "modes = «[\"OPEN\", \"SHUT\"]»",
            "`1`: not one of `CLOSED`, `OPEN`",
        ),
        (
            "yes = \"OPEN\"",
            "yes = «\"SHUT\"»",
            "not one of `CLOSED`, `OPEN`",
        ),
        (
            "choices = { yes = \"OPEN\", no = \"CLOSED\" }",
            "choices = «{}»",
            "no choices",
        ),
    ] {
        if message.is_empty() {
            // In a constant, it is where that is used.
            let (place, table) = marked(&TABLE.replacen(old, new, 1).replacen(
                "\"{constant.usual}\"",
                "«\"{constant.usual}\"»",
                1,
            ));
            let message = "not one of `CLOSED`, `OPEN`".to_owned();
            assert_eq!(faults(&table), [(place, message)]);
        } else {
            assert_fault(old, new, message);
        }
    }
}

#[test]
fn of_a_condition() {
    for (old, new, message) in [
        ("given = [", "«if» = 1, given = [", "unknown key `if`"),
        (
            "\"{query.x}\"",
            "«\"x\"»",
            "one reference is wanted, as `{body.name}`",
        ),
        ("\"{query.x}\"", "«1»", "a string is wanted"),
        (
            "not_given = \"{body.z}\"",
            "not_given = «\"{body.z} \"»",
            "one reference is wanted, as `{body.name}`",
        ),
        (
            "{ wish = \"{body.wish}\" }, g",
            "{ «wsh» = \"{body.wish}\" }, g",
            "a `Shop::Desk` has no attribute `wsh`; did you mean `wish`?",
        ),
        (
            "{ wish = \"{body.wish}\" }, g",
            "«\"{body.wish}\"», g",
            "a table is wanted",
        ),
        (
            "{ wish = \"{body.wish}\" }, g",
            "{ size = «\"{query.size}\"» }, g",
            "this is always a string, and a whole number is wanted",
        ),
        (
            "clears = { wish =",
            "clears = { «mode» =",
            "`mode` is always there, and never cleared",
        ),
        (
            "clears = { wish =",
            "clears = { «x» =",
            "a `Shop::Desk` has no attribute `x`",
        ),
        (
            "{ User = \"{each.id}\" }",
            "{ «Usr» = \"{each.id}\" }",
            "no entity type is called `Usr`; did you mean `Shop::User`?",
        ),
        (
            "unknown = { User = \"x\" }",
            "unknown = «\"x\"»",
            "a table is wanted",
        ),
    ] {
        assert_fault(old, new, message);
    }
}
