//! Route tables: what an author sees of them.

mod asks;
mod collections;
mod shipped;

use super::{json, places};
use crate::author::{Author, POLICIES, SCHEMA};

const ROUTES: &str = "schema/routes.toml";

const SCHEMA_TEXT: &str = r#"namespace Shop {
  entity Mode enum ["OPEN", "CLOSED"];
  entity User = { email: Mail, active: Bool };
  entity Mail;
  type Rights = { read: Bool, write: Bool };
  entity Desk = { owner: User, mode: Mode, wish?: Mode, size: Long, rights: Rights };
  action look appliesTo { principal: User, resource: Desk };
  action greet appliesTo { principal: User, resource: User };
  action move appliesTo {
    principal: User,
    resource: Desk,
    context: {
      mode: Mode, to?: Desk, note?: String, rights?: Rights, n?: Long, force?: Bool,
      modes?: Set<Mode>,
    },
  };
}
"#;

/// A table that shows all that a table may say, and is without a fault.
const TABLE: &str = r##"[constants]
usual = "OPEN"

[[route]]
request = ["GET /desks/{id}", "POST /desks/{id}/look"]

[[route.ask]]
action = "look"
resource = { Desk = "{path.id}" }

[[route]]
request = "PUT /desks/{id=d-*}"

[[route.ask]]
action = "move"
resource = { Desk = "{path.id}" }
belongs = { owner = "{claim.sub}", mode = "OPEN" }
when = { sets = { wish = "{body.wish}" }, given = ["{query.x}", "{header.X-Y}"], not_given = "{body.z}" }

[route.ask.context]
mode = "{constant.usual}"
to = { Desk = { owner = "{body.to}" }, optional = true }
note = { from = "{{{path.id}}} of {claim.a.b}", optional = true }
rights = { read = true, write = false }
n = 5
force = "{body.force}"
modes = ["OPEN"]

[[route.ask]]
action = "Shop::Action::\"greet\""
each = "{body.users}"
resource = { user = { email = "{each.mail}" } }
when = { known = [{ User = "{each.id}" }, { Desk = "{path.id}" }], unknown = { User = "x" } }

[[route.ask]]
action = "move"
resource = { Desk = "{path.id}" }
context.mode = { from = "{body.mode}", choices = { yes = "OPEN", no = "CLOSED" } }
when = { clears = { wish = "{body.wish}" } }

[[route]]
request = "GET /"
public = "anybody may see the door"
"##;

fn author(table: &str) -> Author {
    let author = Author::empty();
    author.write(SCHEMA, SCHEMA_TEXT);
    author.write(
        "policies/p.cedar",
        "permit (principal, action, resource);\n",
    );
    author.write(ROUTES, table);
    author
}

/// The faults of a table: the place, as `line:column-line:column`, and the message.
#[track_caller]
fn faults(table: &str) -> Vec<(String, String)> {
    let ended = author(table).run(&["check", "--json"]);
    assert_eq!(ended.code, Some(3), "{table}\n{ended:?}");
    let faults = json(&ended);
    let all = faults.iter().map(|fault| {
        assert_eq!(
            (&fault["file"], &fault["severity"]),
            (&ROUTES.into(), &"error".into())
        );
        let place = ["line", "column", "endLine", "endColumn"].map(|member| &fault[member]);
        let [line, column, end_line, end_column] = place;
        let text = fault["message"].as_str().unwrap().to_owned();
        (format!("{line}:{column}-{end_line}:{end_column}"), text)
    });
    all.collect()
}

/// The place of what stands between `«` and `»`, and the text without these.
fn marked(text: &str) -> (String, String) {
    let (before, rest) = text.split_once('«').unwrap();
    let (inner, _) = rest.split_once('»').unwrap();
    let place = |text: &str| {
        let last = text.rsplit('\n').next().unwrap();
        let line = text.matches('\n').count() + 1;
        format!("{line}:{}", last.chars().count() + 1)
    };
    let place = format!("{}-{}", place(before), place(&format!("{before}{inner}")));
    (place, text.replace(['«', '»'], ""))
}

/// One edit of the table is one fault, where the edit says.
#[track_caller]
fn assert_fault(old: &str, new: &str, message: &str) {
    assert!(TABLE.contains(old), "{old}");
    let (place, table) = marked(&TABLE.replacen(old, new, 1));
    assert_eq!(faults(&table), [(place, message.to_owned())], "{new}");
}

#[test]
fn a_table_for_another_schema_is_without_a_fault() {
    let ended = author(TABLE).run(&["check"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said = "ok: 1 policy, 0 invariants, 3 actions, 4 routes, level 0, ";
    assert!(ended.stdout.starts_with(said), "{ended:?}");
}

#[test]
fn of_a_request() {
    const OLD: &str = "\"GET /desks/{id}\"";
    for (new, message) in [
        ("\"«FETCH» /desks/{id}\"", "unknown method `FETCH`"),
        ("\"«get» /desks/{id}\"", "unknown method `get`"),
        (
            "\"«/desks/{id}»\"",
            "no method and path with one space between",
        ),
        (
            "\"GET « /desks/{id}»\"",
            "a path that does not start with `/`",
        ),
        (
            "\"GET «desks/{id}»\"",
            "a path that does not start with `/`",
        ),
        (
            "\"GET «http://a/{id}»\"",
            "a path that does not start with `/`",
        ),
        ("\"GET /desks«/»/{id}\"", "an empty segment"),
        ("\"GET /desks/{id}«/»\"", "an empty segment"),
        ("\"GET /«..»/{id}\"", "a segment of dots, which no path has"),
        (
            "\"GET /«desks%20»/{id}\"",
            "a character that no template has",
        ),
        ("\"GET /{id}/«a?x=1»\"", "a character that no template has"),
        (
            "\"GET /desks/«x{id}»\"",
            "a segment that is neither a text nor a parameter",
        ),
        (
            "\"GET /{id}/«{x»\"",
            "a segment that is neither a text nor a parameter",
        ),
        ("\"GET /{id}/«*»\"", "a `*` outside of a parameter"),
        ("\"GET /{id}/«{}»\"", "a parameter without a name"),
        ("\"GET /{id}/«{a-b}»\"", "a parameter without a name"),
        ("\"GET /{id}/«{a=}»\"", "a parameter without a shape"),
        ("\"GET /{id}/«{a=..}»\"", "a shape that no segment has"),
        ("\"GET /{id}/«{a=a%}»\"", "a character that no template has"),
        ("\"GET /{id}/«{id}»\"", "a second parameter `id`"),
        ("«7»", "a string is wanted"),
        // The place is the whole of a text that is not written as it is.
        ("«\"\\u0046ETCH /desks/{id}\"»", "unknown method `FETCH`"),
    ] {
        assert_fault(OLD, new, message);
    }
    // Each fault is reported once.
    let (first, table) = marked(&TABLE.replace(OLD, "\"GET /desks«/»/{id}//{id}\""));
    let found = faults(&table);
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(found[0], (first, "an empty segment".to_owned()));
    assert_eq!(found[2].1, "a second parameter `id`");
}

#[test]
fn of_an_entry() {
    for (old, new, message) in [
        (
            "[constants]",
            "«colour» = 1\n[constants]",
            "unknown key `colour`",
        ),
        (
            "usual = \"OPEN\"",
            "usual = \"OPEN\"\nn = «1»",
            "a string is wanted",
        ),
        (
            "public = \"anybody may see the door\"",
            "public = «\" \"»",
            "it does not say why it is public",
        ),
        (
            "public = \"anybody may see the door\"",
            "public = «true»",
            "a string is wanted",
        ),
        (
            "request = \"GET /\"",
            "«path» = 1\nrequest = \"GET /\"",
            "unknown key `path`",
        ),
        (
            "request = \"GET /\"",
            "ask = «1»\nrequest = \"GET /\"",
            "an array of tables is wanted",
        ),
        (
            "request = \"GET /\"",
            "request = «[]»",
            "a route without a `request`",
        ),
        (
            "[[route]]\nrequest = \"GET /\"\n",
            "«[[route]]»\n",
            "a route without a `request`",
        ),
        (
            "[[route]]\nrequest = \"GET /\"\npublic = \"anybody may see the door\"",
            "«[[route]]»\nrequest = \"GET /\"",
            "a route that neither is public nor asks",
        ),
        (
            "[[route]]\nrequest = [",
            "«[[route]]»\npublic = \"all of it\"\nrequest = [",
            "a route that is public and is asked for",
        ),
        (
            "[[route]]\nrequest = [",
            "«[[route]]»\ndenied = \"none of it\"\nrequest = [",
            "a route that is denied, and is public or asked for",
        ),
        (
            "public = \"anybody may see the door\"",
            "denied = «\" \"»",
            "it does not say why it is denied",
        ),
        (
            "public = \"anybody may see the door\"",
            "public = «\"TODO: ask somebody\"»",
            "a place that is still to be filled in",
        ),
        (
            "action = \"look\"",
            "action = «\"TODO\"»",
            "a place that is still to be filled in",
        ),
    ] {
        assert_fault(old, new, message);
    }
    assert_eq!(
        faults(""),
        [("1:1-1:1".to_owned(), "there are no routes".to_owned())]
    );
    let found = faults("[constants]\na = \"b\"\n");
    assert_eq!(found[0].1, "there are no routes");
}

#[test]
fn of_what_is_no_toml() {
    let found = faults("[[route]]\nrequest == \"GET /\"\n");
    assert!(found[0].0.starts_with("2:"), "{found:?}");
    let (_, table) = marked(&TABLE.replacen("usual", "usual = \"x\"\n«usual»", 1));
    assert_eq!(
        faults(&table),
        [("3:1-3:6".to_owned(), "duplicate key".to_owned())]
    );
}

#[test]
fn of_two_entries_that_one_request_matches() {
    for (one, other, path) in [
        ("GET /a", "GET /a", "/a"),
        ("GET /", "GET /", "/"),
        ("GET /a", "HEAD /a", "/a"),
        ("HEAD /a", "GET /a", "/a"),
        ("PUT /a/{x}", "PUT /{y}/b", "/a/b"),
        ("PUT /{x}", "PUT /{y=*::*}", "/::"),
        ("PUT /{x=a*}/{y}", "PUT /{x=*b}/c", "/ab/c"),
        ("PUT /{x=a*c}", "PUT /{x=ab*bc}", "/abbc"),
        ("PUT /{x}/{y}", "PUT /{x}/{y}", "/x/x"),
    ] {
        let entry =
            |request: &str| format!("[[route]]\nrequest = \"{request}\"\npublic = \"all\"\n");
        let table = entry(one) + &entry(other).replace(other, &format!("«{other}»"));
        let (_, table) = marked(&table);
        let message =
            format!("`{other}` and `{one}` in line 2 match the same requests, as `{path}`");
        let end = 11 + other.len() + 2;
        assert_eq!(faults(&table), [(format!("5:11-5:{end}"), message)]);
        // Both are shown.
        let ended = author(&table).run(&["check"]);
        assert!(ended.stderr.contains("this one, too"), "{ended:?}");
        for line in [2, 5] {
            assert!(
                ended.stderr.contains(&format!("\n {line} │ request =")),
                "{ended:?}"
            );
        }
    }
    for (one, other) in [
        ("PUT /a", "POST /a"),
        ("HEAD /a", "POST /a"),
        ("PUT /a", "PUT /b"),
        ("PUT /a", "PUT /A"),
        ("PUT /{x}", "PUT /{x}/a"),
        ("PUT /a/{x}/c", "PUT /{y}/b/d"),
        ("PUT /{x=*::*}", "PUT /orgs"),
        ("PUT /{x=a*}", "PUT /{y=b*}"),
        ("PUT /{x=a*b}", "PUT /{y=*bb*c}"),
    ] {
        let table = format!("[[route]]\nrequest = [\"{one}\", \"{other}\"]\npublic = \"all\"\n");
        let ended = author(&table).run(&["check"]);
        assert_eq!(ended.code, Some(0), "{one} {other} {ended:?}");
    }
}

#[test]
fn an_entry_that_denies_leaves_others_something() {
    let entry =
        |request: &str, key: &str| format!("[[route]]\nrequest = \"{request}\"\n{key} = \"all\"\n");
    for (denied, other) in [
        ("GET /a", "GET /a"),
        ("GET /a", "HEAD /a"),
        ("GET /a/{x}", "GET /a/b"),
        ("GET /a/{x}", "GET /a/{y=*::*}"),
        ("GET /a/{x=b*}", "GET /a/bc"),
    ] {
        let first = entry(denied, "denied") + &entry(other, "public");
        let message = format!("`{denied}` in line 2 denies all of `{other}`");
        assert_eq!(faults(&first)[0].1, message);
        let last = entry(other, "public") + &entry(denied, "denied");
        let message = format!("`{denied}` denies all of `{other}` in line 2");
        assert_eq!(faults(&last)[0].1, message);
    }
    for (denied, other) in [
        ("GET /a/b", "GET /a/{x}"),
        ("HEAD /a", "GET /a"),
        ("GET /a/{x=*::*}", "GET /a/{y}"),
        ("GET /{x}/b", "GET /a/{y}"),
        ("POST /a", "GET /a"),
    ] {
        let table = entry(other, "public") + &entry(denied, "denied") + &entry(denied, "denied");
        let ended = author(&table).run(&["check"]);
        assert_eq!(ended.code, Some(0), "{denied} {other} {ended:?}");
    }
}

#[test]
fn a_reader_is_shown_the_line_with_a_caret() {
    let author = author(&TABLE.replacen("{path.id}", "{path.di}", 1));
    let ended = author.run(&["check"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let shown = "\
  × no parameter `di` in the path
    ╭─[schema/routes.toml:9:22]
  8 │ action = \"look\"
  9 │ resource = { Desk = \"{path.di}\" }
    ·                      ─────────
 10 │ 
    ╰────
";
    assert!(ended.stderr.contains(shown), "{}", ended.stderr);
}

#[test]
fn faults_of_policies_schema_and_routes_are_said_together() {
    let author = author(&TABLE.replacen("\"look\"", "\"lok\"", 1));
    author.write(
        "policies/broken.cedar",
        "permit (principal, action resource);\n",
    );
    author.write(
        "policies/p.cedar",
        "permit (principal, action, resource)\nwhen { principal.x };\n",
    );
    let found = places(&json(&author.run(&["check", "--json"])));
    let lines: Vec<_> = found
        .iter()
        .map(|(file, line, _)| (file.as_str(), *line))
        .collect();
    assert!(lines.contains(&("policies/broken.cedar", 1)), "{lines:?}");
    assert!(lines.contains(&("policies/p.cedar", 2)), "{lines:?}");
    assert!(lines.contains(&(ROUTES, 8)), "{lines:?}");
    // With a schema that is none, what needs none is still said.
    author.edit(SCHEMA, "Mode enum", "Mode enumm");
    author.edit(ROUTES, "PUT /desks", "PUT desks");
    let found = places(&json(&author.run(&["check", "--json"])));
    let lines: Vec<_> = found
        .iter()
        .map(|(file, line, _)| (file.as_str(), *line))
        .collect();
    assert!(lines.contains(&("policies/broken.cedar", 1)), "{lines:?}");
    assert!(lines.contains(&(SCHEMA, 2)), "{lines:?}");
    assert!(lines.contains(&(ROUTES, 12)), "{lines:?}");
    assert!(!lines.contains(&(ROUTES, 8)), "{lines:?}");
}

#[test]
fn the_table_beside_the_schema_is_meant_unless_another_is_named() {
    let author = author(&TABLE.replacen("\"look\"", "\"lok\"", 1));
    author.write("other.toml", TABLE);
    for (arguments, code) in [
        (&["check"][..], 3),
        (&["check", "--routes", "other.toml"], 0),
        // It is for the schema that lies beside it.
        (&["check", "--schema", SCHEMA], 0),
        (&["check", "--schema", SCHEMA, "--routes", ROUTES], 3),
        (&["check", "--routes", "missing.toml"], 1),
        (&["test", "--routes", ROUTES], 3),
        (
            &[
                "authorize",
                "--routes",
                ROUTES,
                "--principal",
                "x",
                "--action",
                "look",
                "--resource",
                "x",
            ],
            3,
        ),
        (
            &[
                "search",
                "--routes",
                ROUTES,
                "--principal",
                "x",
                "--action",
                "look",
                "--resource",
                "x",
            ],
            3,
        ),
    ] {
        let ended = author.run(arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?} {ended:?}");
    }
    let ended = author.run(&["check", "--schema", SCHEMA]);
    assert!(ended.stdout.contains(", 0 routes, "), "{ended:?}");
    // With another schema beside it, the shipped table is not for it.
    let author = Author::new();
    let ended = author.run(&["check"]);
    assert!(ended.stdout.contains(", 0 routes, "), "{ended:?}");
    // Policies of one's own are for the shipped schema, and so is the shipped table.
    let text = "permit (principal is Peppol::User, action, resource);\n";
    let author = Author::empty();
    author.write(POLICIES, text);
    author.run(&["check", "--fix"]);
    let ended = author.run(&["check"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stdout.contains(", 0 routes, "), "{ended:?}");
}

/// A table is part of what the revision names.
#[test]
fn another_table_is_another_revision() {
    let author = author(TABLE);
    let revision = |author: &Author| {
        let ended = author.run(&["check"]);
        let (_, revision) = ended.stdout.rsplit_once("revision ").unwrap();
        revision.to_owned()
    };
    let before = revision(&author);
    author.write(ROUTES, &format!("{TABLE}\n"));
    assert_ne!(revision(&author), before);
    author.write(ROUTES, TABLE);
    assert_eq!(revision(&author), before);
    std::fs::remove_file(author.path(ROUTES)).unwrap();
    assert_ne!(revision(&author), before);
}
