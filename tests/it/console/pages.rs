//! The contents of pages.

use serde_json::json;

use super::*;

/// One whose callers may have decisions explained.
fn explained(start: Start) -> Start {
    start.variable("PEPPOL_AUTHZ_EXPLAIN__ALLOW", "all")
}

#[test]
fn an_answer_says_why_and_how_to_ask_again() {
    let sidecar = explained(local()).start();
    let mut browser = Browser::at(&sidecar);
    let page = browser.open(DENIED);
    assert_eq!(page.status, 200);
    for told in [
        "AT-1120",
        "MCH-2",
        "the organisation has no contact of type BUSINESS",
        "organisation/mode-change-needs-business-contact",
        "<mark>",
        "<svg",
        "/v1/is_authorized",
        "/access/v1/evaluation",
        "[[case]]",
    ] {
        assert!(page.text.contains(told), "{told}: {}", page.text);
    }
    // The link asks the same, and the API says the same.
    let allowed = browser.open(ALLOWED);
    assert!(
        allowed.text.contains("Allowed") && allowed.text.contains("organisation/orgadmin-manages")
    );
    let answer = sidecar.ask(&json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"requestModeChange\"",
        "resource": {"type": "Peppol::Organisation", "id": "acme"},
        "context": {"requestedMode": "SHARED"},
    }));
    assert_eq!(answer["reasons"][0]["code"], "AT-1120");
    // Of a denial by default, what is missing, with the decision after that.
    let near = browser.open(
        "/console/ask?action=getOrganisation&principal-type=Peppol::User&principal=mia\
         &resource-type=Peppol::Organisation&resource=acme&ask=1",
    );
    assert!(
        near.text.contains("NOT_PERMITTED") && near.text.contains("Try it with this change"),
        "{}",
        near.text
    );
}

#[test]
fn hostile_values_are_text() {
    let id = format!("<script>alert(1)</script>\"'&{}", "x".repeat(400));
    // No id has such a letter, and a target may.
    let turned = format!("{id}\u{202e}");
    let schema = "entity User = { name: String };
        action see appliesTo { principal: User, resource: User, context: { why?: String } };";
    let policies = "@id(\"a<script>\") @message(\"<img src=x onerror=alert(1)>\u{202e}\")
        forbid (principal, action, resource) when { principal.name != \"nobody\" };
        @id(\"p\") permit (principal, action, resource);";
    let entities = json!([{
        "uid": {"type": "User", "id": id},
        "attrs": {"name": "</code><script>alert(2)</script>\u{2066}"},
        "parents": [],
    }]);
    let start = Start::new()
        .with(&["--console"])
        .policies(schema, policies)
        .entities(&entities);
    let sidecar = explained(start).start();
    let mut browser = Browser::at(&sidecar);
    let percent =
        |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02x}")).collect() };
    let (encoded, turned) = (percent(&id), percent(&turned));
    for target in [
        format!(
            "/console/ask?action=see&principal-type=User&principal={encoded}&resource-type=User&resource={encoded}&context.why={encoded}&ask=1"
        ),
        format!("/console/ask?action={turned}&principal={turned}&ask=1"),
        format!(
            "/console/ask?action=see&principal-type=User&principal={turned}&resource-type=User&resource={encoded}&ask=1"
        ),
        format!("/console/rights?principal-type=User&principal={turned}"),
        format!("/console/rights?principal-type=User&principal={encoded}"),
        format!("/console/rights?resource-type={turned}&resource={encoded}"),
        format!("/console/policies?q={turned}"),
        "/console/policies".to_owned(),
    ] {
        let page = browser.open(&target);
        assert!(
            matches!(page.status, 200 | 403),
            "{}: {}",
            page.status,
            page.text
        );
        for hostile in ["<script>", "</code><script", "<img", "\u{202e}", "\u{2066}"] {
            // An input holds what was typed, and nothing turns around there but it.
            let text = without_values(&page.text);
            assert!(!text.contains(hostile), "{hostile}: {text}");
        }
    }
    let page = browser.open(&format!(
        "/console/ask?action=see&principal-type=User&principal={encoded}&resource-type=User&resource={encoded}&ask=1"
    ));
    assert!(
        page.text
            .contains("&lt;img src=x onerror=alert(1)&gt;\\u202e"),
        "{}",
        page.text
    );
    assert!(
        page.text.contains("&lt;/code&gt;&lt;script&gt;"),
        "{}",
        page.text
    );
}

/// A page without the values of its fields.
fn without_values(page: &str) -> String {
    let mut parts = page.split(" value=\"");
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        let (value, rest) = part.split_once('"').unwrap();
        assert!(!value.contains('<'), "{value}");
        text += rest;
    }
    text
}

#[test]
fn a_page_is_in_the_language_that_was_chosen_or_wished_for() {
    let sidecar = local().start();
    let mut browser = Browser::at(&sidecar);
    let english = browser.open("/console/ask");
    assert!(english.text.contains("<html lang=\"en\">") && english.text.contains("Sign in"));
    let wished = browser.send(
        "GET /console/ask",
        &[("accept-language", "de-AT,en;q=0.5")],
        "",
    );
    assert!(wished.text.contains("<html lang=\"de\">") && wished.text.contains("Anmelden"));
    let chosen = browser.open("/console/ask?action=getOrganisation&lang=de");
    assert_eq!(
        (chosen.status, chosen.header("location")),
        (303, Some("/console/ask?action=getOrganisation"))
    );
    assert!(
        browser
            .open("/console/ask")
            .text
            .contains("<html lang=\"de\">")
    );
}

#[test]
fn the_rights_on_a_resource_are_those_that_questions_are_answered() {
    let sidecar = local().start();
    let mut browser = Browser::at(&sidecar);
    let page = browser.open("/console/rights?resource-type=Peppol::Organisation&resource=acme");
    assert_eq!(page.status, 200);
    let mut cells = 0;
    for part in page.text.split("<td class=\"").skip(1) {
        let Some(is_allowed) = part
            .strip_prefix("yes")
            .map(|_| true)
            .or(part.strip_prefix("no").map(|_| false))
        else {
            continue;
        };
        let (_, rest) = part.split_once("href=\"").unwrap();
        let (target, _) = rest.split_once('"').unwrap();
        let answer = browser.open(&target.replace("&amp;", "&"));
        assert_eq!(
            answer.text.contains("class=\"verdict allow\""),
            is_allowed,
            "{target}"
        );
        cells += 1;
    }
    assert!(cells > 20, "{}", page.text);
    let mia = browser.open("/console/rights?principal-type=Peppol::User&principal=mia");
    assert!(
        mia.text.contains("createOrganisation") && !mia.text.contains(">acme<"),
        "{}",
        mia.text
    );
}

#[test]
fn the_state_has_the_settings_and_hides_what_is_secret() {
    let start = local();
    let file = start.path("callers.toml");
    let entries = entry("support", &key("support"), &["explain"]);
    std::fs::write(&file, &entries).unwrap();
    let hash = hash_of_api_key(&key("inline")).unwrap();
    let settings = start.path("authz.toml");
    std::fs::write(
        &settings,
        format!("[callers]\nkey = [{{ name = \"inline\", hash = \"{hash}\", claims = {{}} }}]\n"),
    )
    .unwrap();
    let sidecar = start
        .with(&["--config", settings.to_str().unwrap()])
        .start();
    let mut browser = Browser::at(&sidecar);
    let page = browser.open("/console/state");
    for told in [
        "Ready",
        "console.enabled",
        "--console",
        "server.connections",
        "peppol-authz",
    ] {
        assert!(page.text.contains(told), "{told}: {}", page.text);
    }
    assert!(!page.text.contains(&hash.to_string()), "{}", page.text);
}

#[test]
fn a_right_that_would_be_is_told_from_one_that_is() {
    let sidecar = local().start();
    let mut browser = Browser::at(&sidecar);
    let target = "/console/rights?resource-type=Peppol::Organisation&resource=acme";
    let now = browser.open(target);
    assert!(
        !now.text.contains("gained") && !now.text.contains("lost"),
        "{}",
        now.text
    );
    assert!(now.text.contains("mode:SHARED"), "{}", now.text);
    let same = browser.open(&format!("{target}&suppose=mode:DEMO"));
    assert!(
        !same.text.contains("class=\"no gained\"") && !same.text.contains("class=\"yes lost\"")
    );
    let then = browser.open(&format!("{target}&suppose=mode:WHITELABEL"));
    assert!(then.text.contains("class=\"no gained\""), "{}", then.text);
    // Nothing was written, and nothing is remembered.
    assert_eq!(browser.open(target).text, now.text);
    let answer = sidecar.ask(&json!({
        "principal": "Peppol::User::\"anna\"", "action": "Peppol::Action::\"requestModeChange\"",
        "resource": {"type": "Peppol::Organisation", "id": "acme"}, "context": {"requestedMode": "SHARED"},
    }));
    assert_eq!(answer["decision"], "Deny");
}
