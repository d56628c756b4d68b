//! One party has one name, however it is written: every spelling of an id means the same entity
//! at every entrance, or is refused there.

mod case;
mod characters;
mod documents;
mod forms;
mod integers;
mod members;
mod new_identifiers;
mod schemes;
mod upgraded;

use serde_json::{Value, json};

use crate::gateway::tokens::Key;
use crate::sidecar::{Reply, Sidecar, Start};

/// A sidecar behind a gateway, with tokens that name users and their organisations.
struct Scene {
    sidecar: Sidecar,
    /// By user.
    tokens: Vec<(&'static str, String)>,
}

/// The user who asks, and the organisation.
const USERS: [(&str, &str); 2] = [("gina", "globex"), ("rita", "rival")];

fn organisation(id: &str) -> Value {
    json!({
        "type": "ORGANISATION", "id": id, "legalIdentifierCode": "SE_ORGNR", "legalIdentifier": id,
        "organisationMode": "SHARED", "modeChangeRequest": null, "contacts": [],
    })
}

fn user(id: &str) -> Value {
    json!({
        "type": "USER", "id": id, "email": format!("{id}@x.example"), "emailVerified": true, "superadmin": false,
    })
}

fn role(user: &str, organisation: &str, role: &str) -> Value {
    json!({"type": "MEMBERSHIP", "userId": user, "organisationId": organisation, "memberRole": role})
}

fn participant(id: &str, organisation: &str) -> Value {
    json!({"type": "PARTICIPANT", "id": id, "organisationId": organisation, "environment": "PRODUCTION"})
}

/// Two organisations, each with an orgadmin who manages its parties.
fn organisations() -> Vec<Value> {
    let mut documents = Vec::new();
    for (id, of) in USERS {
        documents.extend([organisation(of), user(id)]);
        documents.extend(["orgadmin", "ApManager"].map(|it| role(id, of, it)));
    }
    documents
}

impl Scene {
    fn of(documents: &[Value]) -> Self {
        let key = Key::new();
        let start = Start::new().documents(documents);
        std::fs::write(start.path("keys.json"), key.set().to_string()).unwrap();
        let settings = format!(
            "[jwt]\njwks = \"{}\"\nissuer = [\"https://issuer.example\"]\naudience = [\"sidecar\"]\n\
             [[jwt.principal]]\ntype = \"User\"\nclaim = \"sub\"\n",
            start.path("keys.json").display()
        );
        let path = start.path("config.toml");
        std::fs::write(&path, settings).unwrap();
        let tokens = USERS.map(|(id, of)| {
            let claims = json!({
                "iss": "https://issuer.example", "aud": "sidecar", "sub": id, "organisation": of,
                "exp": 4_102_444_800_u64,
            });
            (id, key.token(&claims))
        });
        Self {
            sidecar: start.with(&["--config", path.to_str().unwrap()]).start(),
            tokens: tokens.to_vec(),
        }
    }

    /// The answer to a gateway about a request of a user.
    fn at_gateway(&self, who: &str, request: &str, body: Option<&Value>) -> Reply {
        let (method, target) = request.split_once(' ').unwrap();
        let token = self.tokens.iter().find(|(id, _)| *id == who).unwrap();
        let authorization = format!("Bearer {}", token.1);
        let headers = [
            ("authorization", authorization.as_str()),
            ("x-forwarded-method", method),
            ("x-forwarded-uri", target),
        ];
        let text = body.map_or(Vec::new(), |body| body.to_string().into_bytes());
        self.sidecar.send("/authz/traefik", &headers, &text)
    }

    /// The native answer, with its status.
    fn natively(&self, question: &Value) -> (u16, Value) {
        let reply = self.sidecar.post("/v1/is_authorized", question);
        (reply.status, reply.json())
    }
}

fn about(principal: &str, action: &str, kind: &str, id: &str) -> Value {
    json!({
        "principal": {"type": "Peppol::User", "id": principal},
        "action": {"type": "Peppol::Action", "id": action},
        "resource": {"type": format!("Peppol::{kind}"), "id": id},
    })
}
