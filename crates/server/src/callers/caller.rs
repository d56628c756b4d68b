//! A caller: what a connection and a credential tell of who asks.

use std::net::IpAddr;
use std::sync::OnceLock;

use serde_json::{Map, Value as Json, json};

use super::aside::Aside;
use super::last_permit::LastPermit;
use crate::tls::{ClientCertificate, now};

/// The longest name or role that is taken from a credential, in bytes.
const LONGEST: usize = 256;

/// The most roles of a caller.
const MOST_ROLES: usize = 100;

/// A listener, by its purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ListenerName {
    /// Questions over HTTP; with no other listener, everything.
    #[default]
    Questions,
    /// Envoy's gRPC.
    Envoy,
    /// Metrics, readiness and the like.
    Administration,
}

/// By what a caller has shown who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proof {
    /// It is somebody unknown.
    Nothing,
    /// The kernel says which user it is.
    Socket,
    /// A certificate.
    Certificate,
    /// A key.
    Key,
    /// A bearer token.
    Token,
}

/// A connection, as far as it tells who is at its other end.
#[derive(Clone, Debug, Default)]
pub struct Transport {
    /// Where it came.
    pub listener: ListenerName,
    /// True over a Unix socket, and at a listener on the loopback interface.
    pub is_local: bool,
    /// The address at its other end.
    pub address: Option<IpAddr>,
    /// User and group of the process at the other end of a Unix socket.
    pub user: Option<(u32, u32)>,
    /// The certificate that was shown.
    pub certificate: Option<ClientCertificate>,
}

/// The one that asks this program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    /// Its name, which is unique among callers.
    pub id: String,
    /// By what it has shown who it is.
    pub proof: Proof,
    /// True over a Unix socket, and at a listener on the loopback interface.
    pub is_local: bool,
    /// Where it asks.
    pub listener: ListenerName,
    address: Option<IpAddr>,
    user: Option<(u32, u32)>,
    uri: Option<String>,
    dns: Vec<String>,
    key: Option<String>,
    issuer: Option<String>,
    subject: Option<String>,
    roles: Vec<String>,
    /// The time at which its certificate expires, in seconds of the Unix epoch.
    until: Option<i64>,
    pub(crate) let_in: Aside<LetInCounter>,
    pub(super) last_permit: Aside<LastPermit>,
}

/// Counts a request of a caller that is let in, by a counter that is looked up once.
#[derive(Default)]
pub(crate) struct LetInCounter(OnceLock<CountOne>);

/// Counts one.
type CountOne = Box<dyn Fn() + Send + Sync>;

// === impl ListenerName ===

impl ListenerName {
    /// As policies, metrics and the log have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Questions => "questions",
            Self::Envoy => "envoy",
            Self::Administration => "administration",
        }
    }
}

// === impl Proof ===

impl Proof {
    /// As policies have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Socket => "socket",
            Self::Certificate => "certificate",
            Self::Key => "key",
            Self::Token => "token",
        }
    }
}

// === impl LetInCounter ===

impl LetInCounter {
    /// Counts one by the counter that was found, or is found now.
    pub(crate) fn count(&self, find: impl FnOnce() -> CountOne) {
        self.0.get_or_init(find)();
    }
}

// === impl Caller ===

impl Caller {
    /// A caller inside of this process.
    #[must_use]
    pub fn inside() -> Self {
        Self::of(Transport {
            is_local: true,
            ..Transport::default()
        })
    }

    /// The caller that a connection tells of.
    #[must_use]
    pub fn of(transport: Transport) -> Self {
        let mut caller = Self {
            id: "unknown".to_owned(),
            proof: Proof::Nothing,
            is_local: transport.is_local,
            listener: transport.listener,
            address: transport.address,
            user: transport.user,
            uri: None,
            dns: Vec::new(),
            key: None,
            issuer: None,
            subject: None,
            roles: Vec::new(),
            until: None,
            let_in: Aside::default(),
            last_permit: Aside::default(),
        };
        if let Some((uid, _)) = transport.user {
            caller.proof = Proof::Socket;
            caller.id = format!("uid:{uid}");
        }
        if let Some(certificate) = transport.certificate {
            caller.proof = Proof::Certificate;
            caller.id = match (&certificate.uri, certificate.dns.first()) {
                (Some(uri), _) => format!("uri:{uri}"),
                (None, Some(name)) => format!("dns:{name}"),
                (None, None) => format!("certificate:{}", certificate.fingerprint),
            };
            caller.uri = certificate.uri;
            caller.dns = certificate.dns;
            caller.until = Some(certificate.until);
        }
        caller
    }

    /// The same with a key, by the name of its entry.
    #[must_use]
    pub(super) fn with_key(&self, name: &str, roles: Vec<String>) -> Self {
        Self {
            id: format!("key:{name}"),
            proof: Proof::Key,
            key: Some(name.to_owned()),
            roles,
            ..self.clone()
        }
    }

    /// The same with a token of an issuer.
    #[must_use]
    pub(super) fn with_token(&self, issuer: &str, subject: &str, roles: Vec<String>) -> Self {
        Self {
            id: format!("token:{issuer}|{subject}"),
            proof: Proof::Token,
            issuer: Some(issuer.to_owned()),
            subject: Some(subject.to_owned()),
            roles,
            ..self.clone()
        }
    }

    /// True if its certificate has expired since the connection began.
    pub(super) fn has_expired(&self) -> bool {
        self.until.is_some_and(|until| until <= now())
    }

    /// The same connection without its certificate.
    pub(super) fn without_certificate(&self) -> Self {
        Self::of(Transport {
            listener: self.listener,
            is_local: self.is_local,
            address: self.address,
            user: self.user,
            certificate: None,
        })
    }

    /// The caller as an entity in Cedar's JSON.
    pub(super) fn entity(&self) -> Json {
        let mut attributes = json!({
            "proof": {"__entity": {"type": "Sidecar::Proof", "id": self.proof.name()}},
            "local": self.is_local,
            "roles": self.roles,
            "dns": self.dns,
        });
        if let Json::Object(attributes) = &mut attributes {
            let address = self.address.map(|address| address.to_string());
            let mut put = |name: &str, value: Option<Json>| {
                value.map(|value| attributes.insert(name.to_owned(), value))
            };
            put(
                "address",
                address.map(|ip| json!({"__extn": {"fn": "ip", "arg": ip}})),
            );
            put("uid", self.user.map(|(uid, _)| uid.into()));
            put("gid", self.user.map(|(_, gid)| gid.into()));
            put("uri", self.uri.clone().map(Json::from));
            put("key", self.key.clone().map(Json::from));
            put("issuer", self.issuer.clone().map(Json::from));
            put("subject", self.subject.clone().map(Json::from));
        }
        json!({
            "uid": {"type": "Sidecar::Caller", "id": self.id},
            "attrs": attributes,
            "parents": [],
        })
    }
}

/// The roles that claims have under a name: a string, or an array of strings.
pub(super) fn roles(found: Option<&Json>) -> Vec<String> {
    let all = match found {
        Some(Json::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let roles = all.iter().filter_map(Json::as_str);
    let roles = roles.filter(|role| role.len() <= LONGEST);
    roles.take(MOST_ROLES).map(str::to_owned).collect()
}

/// A claim that names somebody: a string that is not too long.
pub(super) fn name_in<'a>(claims: &'a Map<String, Json>, claim: &str) -> Option<&'a str> {
    let text = claims.get(claim)?.as_str()?;
    (!text.is_empty() && text.len() <= LONGEST).then_some(text)
}
