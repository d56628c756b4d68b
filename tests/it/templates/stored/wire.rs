//! Links in a database on the wire and on the command line.

use serde_json::{Value, json};

use super::app::App;
use crate::author::Ended;
use crate::deciding::question;
use crate::sidecar::{Start, program};
use crate::templates::{POLICIES, SCHEMA};

const LINKS: &str = "
INSERT INTO template_link VALUES ('l/team-a', 'share/viewer', 'Team', 'a', 'Folder', 'a');
INSERT INTO template_link (link, template, principal_type, principal_id) VALUES ('l/bar-carl', 'bar/one', 'User', 'carl');
";

fn run(arguments: &[&str]) -> Ended {
    Ended::from(program().args(arguments).output().unwrap())
}

#[test]
fn links_of_a_database_decide_everywhere() {
    let app = App::sqlite();
    app.sql(LINKS);
    let log = app.path("decisions.ndjson");
    let [additions, database, log_file] = [app.path("additions"), app.path("app.db"), log.clone()]
        .map(|path| path.display().to_string());
    let source = format!("sqlite:{database}");
    let start = Start::new()
        .policies(SCHEMA, POLICIES)
        .with(&["--tenancy", &source, "--additions", &additions])
        .variable("PEPPOL_AUTHZ_EXPLAIN__ALLOW", "all")
        .variable("PEPPOL_AUTHZ_DECISION_LOG__SLICE", "true")
        .variable("PEPPOL_AUTHZ_DECISION_LOG__TO", &format!("file:{log_file}"));
    std::fs::write(start.path("policies/links.toml"), "stored = true\n").unwrap();
    let mut sidecar = start.start();
    let asked = |principal: &str| question(&format!("User::\"{principal}\""), "see", "Plan::\"p\"");
    let mut explained = asked("anna");
    explained["explain"] = true.into();
    let answer = sidecar.ask(&explained);
    assert_eq!(answer["reasons"][0]["policy"], "l/team-a", "{answer}");
    let told = &answer["explanation"]["policies"][0];
    let link = json!({"template": "share/viewer", "principal": "Team::\"a\"", "resource": "Folder::\"a\""});
    assert_eq!(told["link"], link, "{told}");
    assert!(
        told["source"].as_str().unwrap().contains("?principal"),
        "{told}"
    );
    let answer = sidecar.ask(&asked("carl"));
    assert_eq!(answer["reasons"][0]["code"], "BARRED", "{answer}");
    assert_eq!(
        answer["diagnostics"]["reason"],
        json!(["l/bar-carl"]),
        "{answer}"
    );

    // Other surfaces, batches.
    let requests = json!({"requests": [asked("anna"), asked("carl"), asked("bea")]});
    let batch = sidecar.post("/v1/batch_is_authorized", &requests).json();
    let decisions: Vec<_> = batch["results"]
        .as_array()
        .unwrap_or_else(|| panic!("{batch}"))
        .iter()
        .map(|it| it["decision"].as_str().unwrap())
        .collect();
    assert_eq!(decisions, ["Allow", "Deny", "Deny"]);
    let evaluation = |principal: &str| {
        let question = json!({
            "subject": {"type": "User", "id": principal},
            "action": {"name": "see"},
            "resource": {"type": "Plan", "id": "p"},
        });
        sidecar.post("/access/v1/evaluation", &question).json()
    };
    assert_eq!(evaluation("anna")["decision"], true);
    assert_eq!(evaluation("carl")["decision"], false);
    let amazon = json!({
        "policyStoreId": "any",
        "principal": {"entityType": "User", "entityId": "anna"},
        "action": {"actionType": "Action", "actionId": "see"},
        "resource": {"entityType": "Plan", "entityId": "p"},
    });
    let target = ("X-Amz-Target", "VerifiedPermissions.IsAuthorized");
    let reply = sidecar.send("/", &[target], amazon.to_string().as_bytes());
    let determining = json!([{"policyId": "l/team-a"}]);
    assert_eq!(
        reply.json()["determiningPolicies"],
        determining,
        "{}",
        reply.text
    );
    let search = json!({
        "principal": "User::\"anna\"", "action": "Action::\"see\"", "resource": {"type": "Plan"},
    });
    let found = || sidecar.post("/v1/search", &search).json()["results"].clone();
    let planned = || sidecar.post("/v1/plan", &search).json();
    assert_eq!(found(), json!([{"type": "Plan", "id": "p"}]));
    let plan = planned();
    assert_eq!(
        (&plan["kind"], &plan["sql"]["parameters"]),
        (&json!("conditional"), &json!(["anna", "p"])),
        "{plan}"
    );
    let resources = sidecar.post(
        "/access/v1/search/resource",
        &json!({
            "subject": {"type": "User", "id": "anna"},
            "action": {"name": "see"},
            "resource": {"type": "Plan"},
        }),
    );
    assert_eq!(
        resources.json()["results"],
        json!([{"type": "Plan", "id": "p"}])
    );
    let sets = ["--schema", "test.cedarschema", "--policies", "policies"].map(str::to_owned);
    let sets = sets.map(|name| match name.starts_with("--") {
        true => name,
        false => sidecar.path(&name).display().to_string(),
    });
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let from = ["--tenancy", &source, "--additions", &additions];
    let reviewed = run(&[
        &["review"][..],
        &sets,
        &from,
        &["--principal", "User::\"anna\""],
    ]
    .concat());
    assert_eq!(reviewed.code, Some(0), "{reviewed:?}");
    assert!(reviewed.stdout.contains("l/team-a"), "{reviewed:?}");

    // Taken back: the next question knows.
    app.sql("DELETE FROM template_link WHERE link = 'l/team-a'");
    assert_eq!(sidecar.ask(&asked("anna"))["decision"], "Deny");
    assert_eq!(evaluation("anna")["decision"], false);
    assert_eq!(found(), json!([]));
    assert_eq!(planned()["sql"]["parameters"], json!(["anna"]));
    app.sql(
        "INSERT INTO template_link VALUES ('l/bad', 'share/vewer', 'Team', 'a', 'Folder', 'a')",
    );
    let reply = sidecar.post("/v1/is_authorized", &asked("anna"));
    assert_eq!(reply.status, 500, "{}", reply.text);
    for path in ["/v1/search", "/v1/plan"] {
        let reply = sidecar.post(path, &search);
        assert_eq!(
            reply.json()["code"],
            "TENANCY_UNUSABLE",
            "{path}: {}",
            reply.text
        );
    }
    assert_eq!(sidecar.ask(&asked("olga"))["decision"], "Allow");
    app.sql(&format!("DELETE FROM template_link; {LINKS}"));
    assert_eq!(sidecar.ask(&asked("anna"))["decision"], "Allow");
    let [schema, policies] =
        ["test.cedarschema", "policies"].map(|name| sidecar.path(name).display().to_string());
    let records = sidecar.stop();
    let records = json!(records).to_string();
    assert!(records.contains("share/vewer"), "{records}");

    // The log has the links, and is decided again.
    let lines = std::fs::read_to_string(&log).unwrap();
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    let uid = |kind: &str| json!({"type": kind, "id": "a"});
    assert_eq!(
        first["links"],
        json!([{"id": "l/team-a", "template": "share/viewer", "principal": uid("Team"), "resource": uid("Folder")}]),
        "{first}"
    );
    let sets = ["--schema", &schema, "--policies", &policies];
    let over = ["--tenancy", &source, "--additions", &additions];
    let ended = run(&[
        &["explain"][..],
        &sets,
        &over,
        &[
            "--principal",
            "User::\"anna\"",
            "--action",
            "see",
            "--resource",
            "Plan::\"p\"",
        ],
    ]
    .concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("in the store"), "{ended:?}");
    let ended = run(&[&["replay", &log_file][..], &sets].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // Without its links no line is decided as if there were none.
    let without = lines.replace("\"links\":", "\"others\":");
    std::fs::write(&log, without).unwrap();
    let ended = run(&[&["replay", &log_file][..], &sets].concat());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("no links of the store"), "{ended:?}");

    // All of them are looked at before a question comes to one.
    let doctor = || run(&[&["doctor"][..], &sets, &over].concat());
    let ended = doctor();
    assert!(
        ended
            .stdout
            .contains("2 in the store, which fit the policies"),
        "{ended:?}"
    );
    app.sql("INSERT INTO template_link VALUES ('l/bad', 'share/vewer', 'User', 'nobody', 'Folder', 'a')");
    let ended = doctor();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let told = "1 of 3 in the store do not fit the policies; first view `template_link`: link `l/bad` of template `share/vewer`";
    assert!(ended.stdout.contains(told), "{ended:?}");
    app.sql("DELETE FROM template_link WHERE link = 'l/bad'");

    // A set without templates leaves them to others, with a warning.
    let others = app.path("others");
    std::fs::create_dir(&others).unwrap();
    std::fs::write(others.join("p.cedar"), crate::deciding::PERMIT_ALL).unwrap();
    let others = others.display().to_string();
    let ended = run(&[
        &["doctor", "--schema", &schema, "--policies", &others][..],
        &over,
    ]
    .concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("nobody reads its links"), "{ended:?}");

    // The questions of a request, which no store is asked for, and a decision.
    let routes = app.path("routes.toml");
    let table = "[[route]]\nrequest = \"GET /plans/{id}\"\n\n[[route.ask]]\naction = \"see\"\n\
                 resource = { Plan = \"{path.id}\" }\n";
    std::fs::write(&routes, table).unwrap();
    let table = ["--routes", &routes.display().to_string()].map(str::to_owned);
    let table: Vec<&str> = table.iter().map(String::as_str).collect();
    let ended = run(&[&["route", "GET", "/plans/p"][..], &sets, &table].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let anna = ["--principal", "User::\"anna\""];
    let ended = run(&[
        &["route", "GET", "/plans/p"][..],
        &sets,
        &table,
        &over,
        &anna,
    ]
    .concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.ends_with("Allow\n"), "{ended:?}");

    // A set that says nothing of links does not fit a store that has some, and the other way round.
    std::fs::write(sidecar.path("policies/links.toml"), "link = []\n").unwrap();
    let question = [
        "--principal",
        "User::\"anna\"",
        "--action",
        "see",
        "--resource",
        "Plan::\"p\"",
    ];
    let ended = run(&[&["authorize"][..], &sets, &over, &question].concat());
    assert!(ended.stderr.contains("`stored = false`"), "{ended:?}");
    std::fs::write(
        sidecar.path("policies/links.toml"),
        "link = []\nstored = false\n",
    )
    .unwrap();
    let ended = run(&[&["authorize"][..], &sets, &over, &question].concat());
    assert_eq!(ended.code, Some(2), "{ended:?}");
    std::fs::write(sidecar.path("policies/links.toml"), "stored = true\n").unwrap();
    std::fs::write(
        sidecar.path("entities.json"),
        crate::templates::entities().to_string(),
    )
    .unwrap();
    let entities = format!("entities:{}", sidecar.path("entities.json").display());
    let ended = run(&[
        &["authorize"][..],
        &sets,
        &["--tenancy", &entities],
        &question,
    ]
    .concat());
    assert!(
        ended.stderr.contains("no view `template_link`"),
        "{ended:?}"
    );
}
