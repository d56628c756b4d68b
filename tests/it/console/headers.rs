//! The headers for browsers, and requests of a stranger's page.

use super::*;

#[test]
fn every_answer_is_closed_to_other_pages() {
    let sidecar = local().start();
    let mut browser = Browser::at(&sidecar);
    for target in [
        "/console/ask",
        "/console/sign-in",
        "/console/nowhere",
        "/console/console.js",
        "/console/complete?type=Peppol::Mode",
    ] {
        let reply = browser.open(target);
        let policy = reply.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'"),
            "{policy}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"),
            "{policy}"
        );
        assert!(
            !policy.contains("unsafe") && !policy.contains("http"),
            "{policy}"
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{target}");
        }
        let is_asset = target.ends_with(".js");
        assert_eq!(
            reply.header("cache-control") == Some("no-store"),
            !is_asset,
            "{target}"
        );
        // No script and no style stands in a page.
        assert!(
            !reply.text.contains("style=\"") && !reply.text.contains("<script>"),
            "{}",
            reply.text
        );
        assert!(!reply.text.contains(" onclick"), "{}", reply.text);
    }
}

#[test]
fn a_stranger_in_the_same_browser_gets_nothing() {
    let sidecar = local().start();
    let mut browser = Browser::at(&sidecar);
    let image = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "no-cors"),
        ("sec-fetch-dest", "image"),
    ];
    let frame = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "iframe"),
    ];
    for headers in [&image, &frame] {
        assert_eq!(
            browser.send(&format!("GET {ALLOWED}"), headers, "").status,
            403
        );
    }
    // A link in a ticket is opened by somebody.
    let link = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    assert_eq!(
        browser.send(&format!("GET {ALLOWED}"), &link, "").status,
        200
    );
    // A name of a stranger that resolves to this machine.
    for host in ["evil.example", "127.0.0.1.evil.example:8180"] {
        let reply = browser.send(&format!("GET {ALLOWED}"), &[("host", host)], "");
        assert_eq!(reply.status, 403, "{host}");
        assert!(!reply.text.contains("class=\"verdict"), "{}", reply.text);
    }
    for host in ["localhost:8180", "127.0.0.1:8180"] {
        assert_eq!(
            browser
                .send(&format!("GET {ALLOWED}"), &[("host", host)], "")
                .status,
            200,
            "{host}"
        );
    }
}

#[test]
fn there_is_none_where_nobody_wants_it_and_it_is_where_operators_are() {
    let mut sidecar = Start::quickstart().start();
    assert_eq!(sidecar.get("/console/ask").status, 404);
    sidecar.stop();
    let sidecar = local()
        .variable("PEPPOL_AUTHZ_ADMIN__LISTEN", "127.0.0.1:0")
        .start();
    assert_eq!(sidecar.get("/console/ask").status, 404);
    let address = sidecar.logged("listening for administration");
    let address = address["address"].as_str().unwrap();
    let mut browser = Browser::over(|| Connection::open_at(address), "http://127.0.0.1");
    assert_eq!(browser.open("/console/ask").status, 200);
    assert_eq!(browser.open("/version").status, 200);
    let metrics = browser.open("/metrics").text;
    assert!(
        metrics.contains("http_request_duration_seconds_count{path=\"/console\",status=\"200\"}"),
        "{metrics}"
    );
}
