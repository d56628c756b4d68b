//! Parts that the benchmarks share: a tenancy of any size, and CPU time.

#![allow(dead_code, reason = "each benchmark uses a part")]

pub(crate) mod figures;
pub(crate) mod pinned;
pub(crate) mod program;
pub(crate) mod questions;
pub(crate) mod ten;

use std::io::{BufReader, Read};

use peppol_authz_database::{Import, Sqlite};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// The size of a tenancy.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// Organisations, each with an orgadmin, an ApUser and a participant.
    pub(crate) organisations: usize,
    /// Party authorizations, memberships and legal entities of the one user and
    /// the one sub-account that the benchmarks ask about.
    pub(crate) relations: usize,
}

/// The documents of a tenancy, made as they are read.
pub(crate) fn documents(size: Size) -> impl Iterator<Item = Value> {
    let organisations = (0..size.organisations).flat_map(|n| {
        let mode = ["DEMO", "SHARED", "WHITELABEL"][n % 3];
        [
            json!({"type":"ORGANISATION","id":format!("o-{n}"),"legalIdentifierCode":"SE_ORGNR",
                   "legalIdentifier":n.to_string(),"organisationMode":mode,
                   "contacts":[{"contactType":"BUSINESS"}]}),
            json!({"type":"USER","id":format!("u-{n}"),"email":format!("u{n}@example.com"),
                   "emailVerified":true,"superadmin":false}),
            json!({"type":"MEMBERSHIP","userId":format!("u-{n}"),"organisationId":format!("o-{n}"),
                   "memberRole":"orgadmin"}),
            json!({"type":"PARTICIPANT","id":participant(n),"organisationId":format!("o-{n}"),"environment":"TEST"}),
            json!({"type":"LEGAL_ENTITY","id":format!("le-{n}"),"organisationId":format!("o-{n}")}),
            json!({"type":"DOCUMENT","id":format!("d-{n}"),"legalEntityId":format!("le-{n}"),"direction":"RECEIVED"}),
        ]
    });
    let fixed = [
        json!({"type":"ACCESS_POINT","id":"ap-test","environment":"TEST","organisationId":null}),
        json!({"type":"ACCESS_POINT","id":"ap-production","environment":"PRODUCTION","organisationId":null}),
        json!({"type":"USER","id":"busy","email":"busy@example.com","emailVerified":true,"superadmin":false}),
        json!({"type":"SUB_ACCOUNT","id":"sub","email":"sub@example.com","organisationId":"o-0","fullAccess":false,
               "legalEntityIds":(0..size.relations).map(|n| format!("le-{n}")).collect::<Vec<_>>()}),
    ];
    let relations = (0..size.relations).flat_map(|n| {
        [
            json!({"type":"MEMBERSHIP","userId":"busy","organisationId":format!("o-{n}"),"memberRole":"ApUser"}),
            json!({"type":"PARTY_AUTHORIZATION","userId":"busy","participantId":participant(n),"name":"p",
                   "permissions":{"canSendDocument":true,"canReceiveDocument":true,"canRemoveDocument":false,"canManageHook":true}}),
        ]
    });
    organisations.chain(fixed).chain(relations)
}

pub(crate) fn participant(n: usize) -> String {
    format!("iso6523-actorid-upis::0007:{n}")
}

/// Documents as a stream of lines.
pub(crate) struct Lines<I> {
    documents: I,
    line: Vec<u8>,
    at: usize,
}

impl<I> Lines<I> {
    pub(crate) fn new(documents: I) -> Self {
        Self {
            documents,
            line: Vec::new(),
            at: 0,
        }
    }
}

impl<I: Iterator<Item = Value>> Read for Lines<I> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.line.len() {
            let Some(document) = self.documents.next() else {
                return Ok(0);
            };
            self.line = format!("{document}\n").into_bytes();
            self.at = 0;
        }
        let rest = &self.line[self.at..];
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.at += len;
        Ok(len)
    }
}

pub(crate) fn import(store: &Sqlite, size: Size) -> u64 {
    let input = BufReader::with_capacity(1 << 20, Lines::new(documents(size)));
    let imported = store.import(
        &Import::new().unwrap(),
        vec![("bench".to_owned(), input)],
        &mut |_| {},
    );
    imported.unwrap().documents
}

/// Nanoseconds that this thread has been on a processor.
pub(crate) fn thread_cpu() -> u64 {
    // What `/proc` says of a thread that runs is as old as the last tick of the clock.
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap()
}

/// Seconds that a process has been on a processor, by its clock ticks.
pub(crate) fn process_cpu(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = text
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    // USER_HZ is 100 on every Linux that is met today.
    ticks / 100.0
}

/// A line of `/proc/PID/status` in KiB; `None` for a process that has ended.
pub(crate) fn memory(pid: u32, line: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let found = text.lines().find_map(|l| l.strip_prefix(line))?;
    found
        .trim_start_matches(':')
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .ok()
}

pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
