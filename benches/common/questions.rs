//! Questions of the benchmarks of the server.

use serde_json::{Value, json};

use super::participant;

pub(crate) const ORGANISATIONS: usize = 1000;

/// A question in parts that each interface words in its own way.
pub(crate) struct Asked {
    pub(crate) principal: (&'static str, String),
    pub(crate) action: &'static str,
    pub(crate) resource: (&'static str, String),
    pub(crate) context: Value,
}

impl Asked {
    /// For `/v1/is_authorized`.
    pub(crate) fn native(&self) -> Value {
        json!({
            "principal": format!("{}::\"{}\"", self.principal.0, self.principal.1),
            "action": self.action_uid(),
            "resource": {"type": self.resource.0, "id": self.resource.1},
            "context": self.context,
        })
    }

    /// For `/access/v1/evaluation`.
    pub(crate) fn authzen(&self) -> Value {
        json!({
            "subject": {"type": self.principal.0, "id": self.principal.1},
            "action": {"name": self.action},
            "resource": {"type": self.resource.0, "id": self.resource.1},
            "context": self.context,
        })
    }

    fn action_uid(&self) -> Value {
        let namespace = self.resource.0.rsplit_once("::");
        let namespace = namespace.map_or(String::new(), |(namespace, _)| format!("{namespace}::"));
        json!({"type": format!("{namespace}Action"), "id": self.action})
    }
}

/// Eight actions, each of a thousand users asking of what is theirs.
pub(crate) fn question(n: usize) -> Value {
    let n_own = n % ORGANISATIONS;
    of_shipped(n % 8, n_own, n_own, "").native()
}

/// The same actions, of random users and organisations: of theirs each second time, of others else, and of users
/// whom nobody knows.
pub(crate) fn random_of_shipped(n: usize) -> Asked {
    let mut dice = Dice(n as u64);
    let own = dice.roll(ORGANISATIONS);
    let user = if dice.roll(2) == 0 {
        own
    } else {
        dice.roll(ORGANISATIONS + ORGANISATIONS / 10)
    };
    of_shipped(dice.roll(8), user, own, &n.to_string())
}

fn of_shipped(kind: usize, user: usize, n: usize, marked: &str) -> Asked {
    const ORGANISATION: &str = "Peppol::Organisation";
    const PARTICIPANT: &str = "Peppol::Participant";
    let (own, party) = (format!("o-{n}"), participant(n));
    let (action, resource, context) = match kind {
        0 => ("getOrganisation", (ORGANISATION, own), json!({})),
        1 => ("uploadCertificate", (ORGANISATION, own), json!({})),
        2 => (
            "createParticipant",
            (ORGANISATION, own),
            json!({"environment": "TEST", "participant": format!("0007:new{marked}")}),
        ),
        3 => (
            "sendDocument",
            (PARTICIPANT, party),
            json!({"accessPoint": "ap-test"}),
        ),
        4 => ("manageHook", (PARTICIPANT, party), json!({})),
        5 => (
            "removePartyAuthorization",
            (PARTICIPANT, party),
            json!({"user": "busy"}),
        ),
        6 => (
            "viewDocument",
            ("Peppol::Document", format!("d-{n}")),
            json!({}),
        ),
        _ => (
            "createSubAccount",
            ("Peppol::LegalEntity", format!("le-{n}")),
            json!({"email": format!("new{marked}@example.com")}),
        ),
    };
    let principal = match action {
        "viewDocument" => ("Peppol::SubAccount", "sub".to_owned()),
        _ => ("Peppol::User", format!("u-{user}")),
    };
    Asked {
        principal,
        action,
        resource,
        context,
    }
}

/// Numbers that look random and are the same in each run (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }
}

pub(crate) fn request(path: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
