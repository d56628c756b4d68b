//! Callers by certificate, key and token, at a listener that others can reach.

use super::*;
use crate::gateway::tokens::Key;

/// Its settings, and a file of further keys.
fn start(ours: &Authority) -> Start {
    let start = Start::quickstart();
    let (keys, set) = (start.path("callers.toml"), start.path("keys.json"));
    let former = hash_of_api_key(&key("former")).unwrap();
    let hash = hash_of_api_key(&key("operator")).unwrap();
    std::fs::write(
        &keys,
        format!("[[key]]\nname = \"operator\"\nhash = [\"{hash}\", \"{former}\"]\nclaims = {{ roles = [\"admin\", \"search\"] }}\n"),
    )
    .unwrap();
    let text = format!(
        "[callers]\nfile = \"{}\"\naudience = \"authz\"\nkey = [{}, {}, {}]\n\
         [jwt]\njwks = \"{}\"\nissuer = \"https://login.example.com/\"\naudience = \"peppol\"\n",
        keys.display(),
        entry("monitoring", &["metrics"]),
        entry("gateway", &["decide"]),
        entry("support", &["decide", "explain"]),
        set.display(),
    );
    with_tls(
        with_settings(start, &text),
        &ours.sign("server", "IP:127.0.0.1"),
    )
    .with(&["--listen", "0.0.0.0:0"])
    .variable(
        "PEPPOL_AUTHZ_TLS__CLIENT_CA",
        ours.certificate().to_str().unwrap(),
    )
}

#[test]
fn each_caller_may_ask_what_the_shipped_policies_say() {
    let (ours, issuer) = (Authority::new(), Key::new());
    let start = start(&ours);
    std::fs::write(start.path("keys.json"), issuer.set().to_string()).unwrap();
    let sidecar = start.start();
    let open = || connect(&sidecar, ours.client(None, HTTP1));
    let mut plain = open();
    // Somebody unknown is told that the program lives, and nothing else.
    assert_eq!(plain.get("/livez").status, 200);
    let ready = plain.get("/readyz");
    assert_eq!(
        (ready.status, &*ready.text),
        (200, "{\"ready\":true,\"missing\":[]}")
    );
    for path in ["/metrics", "/version", "/openapi.json", "/nowhere"] {
        let reply = open().get(path);
        is_refused(&reply, 401, "CALLER_UNKNOWN");
        assert!(
            reply
                .header("www-authenticate")
                .unwrap()
                .starts_with("Bearer ")
        );
    }
    for name in ["nobody", "monitorin"] {
        is_refused(
            &send_as(&mut open(), name, DECIDE, ALLOWED),
            401,
            "CALLER_UNKNOWN",
        );
    }
    let record = sidecar.wait_for_log("a caller was refused");
    for (member, value) in [
        ("caller", "unknown"),
        ("surface", "/metrics"),
        ("reason", "it is not known"),
    ] {
        assert_eq!(record[member], value, "{record}");
    }
    // A gateway's client shows its own credential, which is none of the gateway.
    let bearer = format!("Bearer {}", key("gateway"));
    let told = [
        ("x-original-method", "GET"),
        ("x-original-uri", "/orgs/acme"),
    ];
    let of_client = [&told[..], &[("authorization", &*bearer)]].concat();
    let reply = send(&mut open(), "GET /authz/nginx", &of_client, "");
    is_refused(&reply, 403, "CALLER_NOT_ALLOWED");
    // In the words that the client of a gateway gets.
    assert_eq!(reply.header("x-authz-code"), Some("CALLER_NOT_ALLOWED"));
    let id = reply.header("x-authz-decision-id");
    assert_eq!(reply.json()["decisionId"].as_str(), id);
    let of_gateway = [&told[..], &[("sidecar-authorization", &*bearer)]].concat();
    let reply = send(&mut open(), "GET /authz/nginx", &of_gateway, "");
    assert_eq!(
        (reply.status, reply.json()["code"].as_str()),
        (401, Some("TOKEN_MISSING"))
    );

    // Each surface has its own words for a caller that is not let in, or may not ask this.
    let target = ("x-amz-target", "VerifiedPermissions.IsAuthorized");
    let asked = r#"{"policyStoreId": "x", "principal": {"entityType": "Peppol::User", "entityId": "anna"},
        "action": {"actionType": "Peppol::Action", "actionId": "getOrganisation"},
        "resource": {"entityType": "Peppol::Organisation", "entityId": "acme"}}"#;
    let monitoring = format!("Bearer {}", key("monitoring"));
    for (status, headers) in [
        (401, vec![target]),
        (403, vec![target, ("authorization", &*monitoring)]),
    ] {
        let reply = send(&mut open(), "POST /", &headers, asked);
        assert_eq!(reply.status, status, "{}", reply.text);
        let kind = "com.amazonaws.verifiedpermissions#AccessDeniedException";
        assert_eq!(reply.json()["__type"], kind, "{}", reply.text);
        assert_eq!(
            reply.header("content-type"),
            Some("application/x-amz-json-1.0")
        );
    }
    let reply = send(&mut open(), "POST /api/plan/resources", &[], "{}");
    assert_eq!(
        (reply.status, &reply.json()["code"]),
        (401, &json!(16)),
        "{}",
        reply.text
    );

    let search = json!({
        "principal": {"type": "Peppol::User"},
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": "Peppol::Organisation::\"acme\"",
    })
    .to_string();
    let plan = json!({
        "principal": "Peppol::User::\"anna\"",
        "action": "Peppol::Action::\"getOrganisation\"",
        "resource": {"type": "Peppol::Organisation"},
    })
    .to_string();
    // Of a type that the schema does not have nothing is found, which is not told to everybody either.
    let misspelt = json!({
        "subject": {"type": "user", "id": "anna"},
        "action": {"name": "getOrganisation"},
        "resource": {"type": "organization"},
    })
    .to_string();
    let unread = json!({
        "subject": {"type": "user", "id": "anna"},
        "action": {"name": "putUser"},
        "resource": {"type": "organisation"},
        "context": {"user": 7},
    })
    .to_string();
    let explained = ALLOWED.replacen('{', "{\"explain\": true, ", 1);
    let lines = [
        (DECIDE, ALLOWED),
        ("POST /v1/search", &search),
        ("POST /access/v1/search/resource", &misspelt),
        ("POST /access/v1/search/resource", &unread),
        ("POST /v1/plan", &plan),
        (DECIDE, &explained),
        ("GET /metrics", ""),
        ("GET /version", ""),
    ];
    for (name, may) in [
        (
            "monitoring",
            [false, false, false, false, false, false, true, false],
        ),
        (
            "gateway",
            [true, false, false, false, false, false, false, false],
        ),
        (
            "support",
            [true, false, false, false, false, true, false, false],
        ),
        (
            "operator",
            [false, true, true, true, true, false, true, true],
        ),
        ("former", [false, true, true, true, true, false, true, true]),
    ] {
        for ((line, body), may) in lines.iter().zip(may) {
            let reply = send_as(&mut open(), name, line, body);
            let expected = if may { 200 } else { 403 };
            assert_eq!(
                reply.status, expected,
                "{name} {line} {body}: {}",
                reply.text
            );
        }
    }
    let client = ours.sign(
        "client",
        "URI:spiffe://example.org/gateway,DNS:gateway.example",
    );
    let mut certified = connect(&sidecar, ours.client(Some(&client), HTTP1));
    certified.is_served();
    is_refused(
        &send(&mut certified, "POST /v1/search", &[], &search),
        403,
        "CALLER_NOT_ALLOWED",
    );
    let evaluation = json!({
        "subject": {"type": "user", "id": "anna"},
        "action": {"name": "get_organisation"},
        "resource": {"type": "organisation", "id": "acme"},
    })
    .to_string();
    let line = "POST /access/v1/evaluation";
    assert_eq!(
        send(&mut certified, line, &[], &evaluation).json()["decision"],
        true
    );
    let reply = send_as(&mut open(), "monitoring", line, &evaluation);
    is_refused(&reply, 403, "CALLER_NOT_ALLOWED");

    // A token for this program, and one of a user.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let claims = |audience: &str| {
        json!({"iss": "https://login.example.com/", "aud": audience, "sub": "worker",
               "exp": now.as_ref().unwrap().as_secs() + 3600, "roles": ["decide"]})
    };
    let [ours_token, users] =
        ["authz", "peppol"].map(|audience| format!("Bearer {}", issuer.token(&claims(audience))));
    is_allowed(&send(
        &mut open(),
        DECIDE,
        &[("authorization", &ours_token)],
        ALLOWED,
    ));
    let reply = send(&mut open(), DECIDE, &[("authorization", &users)], ALLOWED);
    is_refused(&reply, 401, "CALLER_UNKNOWN");

    let text = send_as(&mut open(), "monitoring", "GET /metrics", "").text;
    for sample in [
        "caller=\"key:gateway\",result=\"let_in\"",
        "caller=\"key:gateway\",result=\"not_permitted\"",
        "caller=\"uri:spiffe://example.org/gateway\",result=\"let_in\"",
        "caller=\"unknown\",result=\"unknown\"",
        "caller=\"token:https://login.example.com/|worker\",result=\"let_in\"",
    ] {
        let name = format!("peppol_authz_caller_requests_total{{{sample}}}");
        assert!(text.contains(&name), "no {name} in {text}");
    }
}

#[test]
fn envoys_grpc_knows_its_callers() {
    let ours = Authority::new();
    let start = start(&ours).variable("PEPPOL_AUTHZ_GATEWAY__ENVOY_GRPC_LISTEN", "0.0.0.0:0");
    std::fs::write(start.path("keys.json"), "{\"keys\": []}").unwrap();
    let sidecar = start.start();
    let address = sidecar.logged("listening for Envoy's gRPC")["address"].clone();
    let address = address.as_str().unwrap();
    let client = ours.sign("envoy", "URI:spiffe://example.org/envoy");
    // An error of gRPC could be let through: it is a denial of HTTP, with a certificate and without one.
    for own in [None, Some(&client)] {
        assert_eq!(grpc_status(address, ours.client(own, "h2")), "0");
    }
}

/// The status of gRPC that a check without contents gets.
fn grpc_status(address: &str, config: rustls::ClientConfig) -> String {
    let provider = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let stream = crate::tls::shake(address, config, "127.0.0.1").unwrap();
    provider.block_on(async move {
        let (near, far) = tokio::io::duplex(1 << 16);
        std::thread::spawn(move || crate::tls::relay(stream, far));
        let (mut requests, connection) = h2::client::handshake(near).await.unwrap();
        tokio::spawn(async move { drop(connection.await) });
        let request = axum::http::Request::post(crate::gateway::envoy::CHECK)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .unwrap();
        let (response, mut body) = requests.send_request(request, false).unwrap();
        body.send_data(bytes::Bytes::from_static(&[0; 5]), true)
            .unwrap();
        let response = response.await.unwrap();
        if let Some(status) = response.headers().get("grpc-status") {
            return status.to_str().unwrap().to_owned();
        }
        let mut body = response.into_body();
        while let Some(Ok(_)) = body.data().await {}
        let trailers = body.trailers().await.unwrap().unwrap();
        trailers["grpc-status"].to_str().unwrap().to_owned()
    })
}
