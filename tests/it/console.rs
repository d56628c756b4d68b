//! The console: who is let in, sessions, forms, headers, and what hostile values become.

mod decisions;
mod draft;
mod errands;
mod headers;
mod pages;
mod review;
mod sessions;
mod shadow;
mod supposing;
mod wide;

use peppol_authz_server::identity::hash_of_api_key;

use crate::connection::Connection;
use crate::sidecar::{Reply, Sidecar, Start};
use crate::tls::{Authority, HTTP1, connect, with_tls};

/// A key of a caller, which is its name in a long form.
pub(super) fn key(name: &str) -> String {
    format!("authz_{name:_>40}")
}

/// The form of an entry of the keys' file.
pub(super) fn entry(name: &str, key: &str, roles: &[&str]) -> String {
    let hash = hash_of_api_key(key).unwrap();
    format!("[[key]]\nname = \"{name}\"\nhash = \"{hash}\"\nclaims = {{ roles = {roles:?} }}\n")
}

/// A console on this machine, which needs no sign-in.
pub(super) fn local() -> Start {
    Start::quickstart().with(&["--console"])
}

/// One that others reach by TLS, for callers with keys: `support`, `operator`, `plain` and `service`.
pub(super) fn keyed(ours: &Authority) -> Start {
    let start = Start::quickstart();
    let keys = [
        entry(
            "support",
            &key("support"),
            &["console", "decide", "explain"],
        ),
        entry("plain", &key("plain"), &["console", "decide"]),
        entry("operator", &key("operator"), &["admin", "search"]),
        entry("service", &key("service"), &["decide", "search", "explain"]),
    ];
    let file = start.path("callers.toml");
    std::fs::write(&file, keys.concat()).unwrap();
    let settings = start.path("authz.toml");
    let text = format!(
        "[callers]\nfile = \"{}\"\n[console]\nenabled = true\nsessions = 3\n[reload]\npoll_interval = \"100ms\"\n",
        file.display()
    );
    std::fs::write(&settings, text).unwrap();
    let start = start.with(&[
        "--config",
        settings.to_str().unwrap(),
        "--listen",
        "0.0.0.0:0",
    ]);
    with_tls(start, &ours.sign("server", "IP:127.0.0.1"))
}

/// A browser: it keeps cookies, and says where its forms come from. Each request has a connection of its own: who is refused
/// before the body was read loses it.
pub(super) struct Browser<'a> {
    connect: Box<dyn Fn() -> Connection + 'a>,
    cookies: Vec<(String, String)>,
    origin: &'static str,
}

impl<'a> Browser<'a> {
    pub(super) fn at(sidecar: &'a Sidecar) -> Self {
        Self::over(|| Connection::open(sidecar), "http://127.0.0.1")
    }

    pub(super) fn by_tls(sidecar: &'a Sidecar, ours: &'a Authority) -> Self {
        let connect = || connect(sidecar, ours.client(None, HTTP1));
        Self::over(connect, "https://127.0.0.1")
    }

    fn over(connect: impl Fn() -> Connection + 'a, origin: &'static str) -> Self {
        Self {
            connect: Box::new(connect),
            cookies: Vec::new(),
            origin,
        }
    }

    /// Sends a request with these headers beside the browser's own.
    pub(super) fn send(&mut self, line: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut text = format!("{line} HTTP/1.1\r\n");
        let host = self.origin.split_once("://").unwrap().1.to_owned();
        if !headers.iter().any(|(name, _)| *name == "host") {
            text += &format!("host: {host}\r\n");
        }
        if !self.cookies.is_empty() {
            let pairs = self.cookies.iter();
            let pairs: Vec<_> = pairs
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            text += &format!("cookie: {}\r\n", pairs.join("; "));
        }
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!("content-length: {}\r\n\r\n{body}", body.len());
        let mut connection = (self.connect)();
        connection.write(text);
        let reply = connection.reply();
        for (name, value) in &reply.headers {
            if name == "set-cookie" {
                let (pair, _) = value.split_once(';').unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                self.cookies.retain(|(known, _)| known != name);
                if !value.is_empty() {
                    self.cookies.push((name.to_owned(), value.to_owned()));
                }
            }
        }
        reply
    }

    pub(super) fn open(&mut self, target: &str) -> Reply {
        self.send(&format!("GET {target}"), &[], "")
    }

    /// Sends a form as a page of this origin does.
    pub(super) fn submit(&mut self, target: &str, body: &str) -> Reply {
        let headers = [("origin", self.origin), ("sec-fetch-site", "same-origin")];
        self.send(&format!("POST {target}"), &headers, body)
    }

    /// Signs in by a key; the answer to the form.
    pub(super) fn sign_in(&mut self, key: &str) -> Reply {
        let page = self.open("/console/sign-in");
        let mark = mark_in(&page.text, "/console/sign-in");
        self.submit(
            "/console/sign-in",
            &format!("form={mark}&credential={key}&to=/console/ask"),
        )
    }

    pub(super) fn session(&self) -> Option<&str> {
        let mut cookies = self.cookies.iter();
        let found = cookies.find(|(name, _)| name == "peppol-authz-session");
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn set_session(&mut self, value: &str) {
        self.cookies
            .push(("peppol-authz-session".to_owned(), value.to_owned()));
    }
}

/// The mark of the form with that action.
pub(super) fn mark_in(page: &str, action: &str) -> String {
    let (_, form) = page
        .split_once(&format!("action=\"{action}\""))
        .unwrap_or_else(|| panic!("{page}"));
    let (_, rest) = form.split_once("name=\"form\" value=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

/// A question in the parameters of the page.
pub(super) const ALLOWED: &str = "/console/ask?action=getOrganisation&principal-type=Peppol::User&principal=anna\
                                  &resource-type=Peppol::Organisation&resource=acme&ask=1";
pub(super) const DENIED: &str = "/console/ask?action=requestModeChange&principal-type=Peppol::User&principal=anna\
                                 &resource-type=Peppol::Organisation&resource=acme&context.requestedMode=SHARED&ask=1";
