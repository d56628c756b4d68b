//! Kinds of load: their requests, and the floor that parses such.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::common::program::{Program, Server};
use crate::common::questions::request;
use crate::load::{Load, exchange};
use crate::{floor, load, rpc};

pub(crate) const BATCH: usize = 50;
/// Questions that come one by one come over many connections, batches over few.
pub(crate) const SINGLES: usize = 16;
pub(crate) const BATCHES: usize = 4;

/// Requests that are asked in turn.
pub(crate) enum Requests {
    /// Over so many connections.
    Http(Arc<Vec<Vec<u8>>>, usize),
    Envoy(Arc<Vec<Bytes>>),
}

/// A kind of load.
pub(crate) struct Kind {
    pub(crate) name: String,
    pub(crate) requests: Requests,
    /// Decisions of a request.
    pub(crate) each: usize,
}

impl Kind {
    pub(crate) fn single(name: &str, path: &str, bodies: impl Iterator<Item = Value>) -> Self {
        Self::singles(name, bodies.map(|body| request(path, &body)).collect())
    }

    pub(crate) fn batch(
        name: &str,
        path: &str,
        of: &str,
        bodies: impl Iterator<Item = Value>,
    ) -> Self {
        let bodies: Vec<Value> = bodies.collect();
        let requests = bodies
            .chunks_exact(BATCH)
            .map(|bodies| request(path, &json!({of: bodies})))
            .collect();
        Self::batches(name, requests)
    }

    /// Of requests that ask one question each.
    pub(crate) fn singles(name: &str, requests: Vec<Vec<u8>>) -> Self {
        Self {
            name: name.to_owned(),
            requests: Requests::Http(Arc::new(requests), SINGLES),
            each: 1,
        }
    }

    /// Of requests that ask many.
    pub(crate) fn batches(name: &str, requests: Vec<Vec<u8>>) -> Self {
        Self {
            name: name.to_owned(),
            requests: Requests::Http(Arc::new(requests), BATCHES),
            each: BATCH,
        }
    }

    pub(crate) fn load(&self, server: &Server<'_>, time: Duration) -> Load {
        match &self.requests {
            Requests::Http(requests, connections) => {
                let from = Arc::new(AtomicUsize::new(0));
                let server = (server.address, server.pid);
                load::load(server, requests, &from, *connections, time)
            }
            Requests::Envoy(checks) => {
                let server = (server.envoy.unwrap(), server.pid);
                rpc::load(server, checks, SINGLES, time)
            }
        }
    }

    /// The floor that parses such requests, and answers as many bytes as the server did.
    pub(crate) fn floor(&self, server: &Server<'_>) -> Program {
        let mut constants = Vec::new();
        if let Requests::Http(requests, _) = &self.requests {
            let path = requests[0].split(|byte| *byte == b' ').nth(1).unwrap();
            let path = String::from_utf8_lossy(path);
            let mut stream = TcpStream::connect(server.address).unwrap();
            let size = exchange(&mut stream, &requests[0], &mut Vec::new());
            constants.push(format!("{path}={size}"));
        }
        Program::start(&mut floor::command(&constants))
    }
}
