//! Rights of more actions than a page shows.

use serde_json::json;

use super::*;

#[test]
fn actions_beyond_a_page_are_on_the_next_one() {
    let actions: Vec<String> = (0..230).map(|number| format!("\"a{number:03}\"")).collect();
    let schema = format!(
        "entity User; entity Thing; action {} appliesTo {{ principal: User, resource: Thing }};",
        actions.join(", ")
    );
    let policies = "@id(\"p\") permit (principal == User::\"u\", action, resource);
@id(\"q\") permit (principal == User::\"v\", action == Action::\"a229\", resource);
";
    let entity =
        |of: &str, id: &str| json!({"uid": {"type": of, "id": id}, "attrs": {}, "parents": []});
    let sidecar = Start::new()
        .with(&["--console"])
        .policies(&schema, policies)
        .entities(&json!([
            entity("User", "u"),
            entity("User", "v"),
            entity("Thing", "t")
        ]))
        .start();
    let mut browser = Browser::at(&sidecar);
    for target in [
        "/console/rights?resource-type=Thing&resource=t",
        "/console/rights?principal-type=User&principal=u",
    ] {
        let first = browser.open(target).text;
        assert!(
            first.contains("1–100 / 230") && !first.contains("a100"),
            "{first}"
        );
        let mut seen = 0;
        let mut page = first;
        for (shown, more) in [("1–100", true), ("101–200", true), ("201–230", false)] {
            assert!(page.contains(&format!("{shown} / 230")), "{shown}: {page}");
            seen += (0..230)
                .filter(|number| page.contains(&format!("a{number:03}")))
                .count();
            let next = page
                .split("href=\"")
                .find(|rest| rest.contains(">Further actions<") && rest.contains("column="));
            assert_eq!(next.is_some(), more, "{page}");
            if let Some(next) = next {
                let (target, _) = next.split_once('"').unwrap();
                page = browser.open(&target.replace("&amp;", "&")).text;
            }
        }
        assert_eq!(seen, 230, "{target}");
        if target.contains("resource=") {
            // A member with rights on this page alone is on it.
            assert!(page.contains("<bdi class=\"id\">v</bdi>"), "{page}");
        }
    }
    // A number of nowhere is that of the last or the first page.
    for (column, shown) in [
        ("999999999999999999999", "1–100"),
        ("5000", "201–230"),
        ("150", "101–200"),
        ("x", "1–100"),
    ] {
        let page = browser
            .open(&format!(
                "/console/rights?principal-type=User&principal=u&column={column}"
            ))
            .text;
        assert!(page.contains(&format!("{shown} / 230")), "{column}: {page}");
    }
}
