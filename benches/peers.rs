//! Ours beside other decision points, with the ten policies and the hundred entities of `benches/ten`, which each has in its
//! own language: Cerbos, whose requests bring the attributes since it has no store, and cedar-agent, which has a store in
//! memory. `benches/peers/peers.py` installs and starts them, each by its own defaults.
//!
//! First, all are asked each question that there is, and give the same decision. Then a load takes turns between them and the
//! floor, a server that parses our questions and answers a constant: one by one, and in batches of 50 of one principal, the
//! most that Cerbos takes by default. Each runs twice: ours as by default, and with no decision kept; those
//! as by default, with a line of their logs for each request, and with errors alone in these, as ours.
//!
//! `cargo bench --profile dist --bench peers [-- SECONDS]`. Needs npm, and network the first time.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark may stop, and speaks"
)]

mod common;
#[path = "http/compare.rs"]
mod compare;
#[path = "http/floor.rs"]
mod floor;
#[path = "http/kind.rs"]
#[allow(dead_code, reason = "the benchmark uses a part")]
mod kind;
#[path = "peers/language.rs"]
mod language;
#[path = "http/load.rs"]
mod load;
#[path = "peers/peer.rs"]
mod peer;
#[path = "http/rpc.rs"]
#[allow(dead_code, reason = "the floor needs it")]
mod rpc;

use std::net::TcpStream;
use std::time::Duration;

use common::figures::figure;
use common::memory;
use common::program::{ANEW, Program, Server};
use common::questions::Asked;
use common::ten::{all_of_ten, entities_of_ten, random_of_one_user, random_of_ten, serve_ten};
use compare::{Compared, in_turn};
use kind::{BATCH, Kind};
use language::{Agent, Cerbos, Language, Native};
use load::{Load, exchange};
use peer::Peer;
use serde_json::{Value, json};

/// Random questions, one by one or in batches; after the last the first comes again.
const RANDOM: usize = 20_000;

/// A server that is compared.
struct Contender<'a> {
    name: &'static str,
    version: &'a str,
    server: Server<'a>,
    language: &'a dyn Language,
}

fn main() {
    let arguments = floor::or_arguments();
    let seconds = arguments.first().and_then(|text| text.parse().ok());
    let time = Duration::from_secs(seconds.unwrap_or(3));
    let directory = tempfile::tempdir().unwrap();
    peer::install();
    let ours = |settings| Program::start_by(serve_ten(directory.path()), settings);
    let (anew, kept) = (ours(&[ANEW]), ours(&[]));
    let entities = directory.path().join("entities.json");
    let peer = |name, options: &[&str]| Peer::start(name, &entities, options);
    let [cerbos, quiet_cerbos] = [&[][..], &["--quiet"]].map(|options| peer("Cerbos", options));
    let [agent, quiet_agent] = [&[][..], &["--quiet"]].map(|options| peer("cedar-agent", options));
    let in_cerbos = Cerbos::new(&entities_of_ten());
    let our = |name, program| Contender {
        name,
        version: env!("CARGO_PKG_VERSION"),
        server: Program::server(program),
        language: &Native,
    };
    let their = |name, peer, language| Contender {
        name,
        version: Peer::version(peer),
        server: Peer::server(peer),
        language,
    };
    let contenders = [
        our("peppol-authz", &kept),
        our("peppol-authz, no decision kept", &anew),
        their("Cerbos", &cerbos, &in_cerbos),
        their("Cerbos, quiet", &quiet_cerbos, &in_cerbos),
        their("cedar-agent", &agent, &Agent),
        their("cedar-agent, quiet", &quiet_agent, &Agent),
    ];
    let all: Vec<Vec<Asked>> = all_of_ten().map(|asked| vec![asked]).collect();
    let singles: Vec<Vec<Asked>> = (0..RANDOM).map(|n| vec![random_of_ten(n)]).collect();
    let batches: Vec<Vec<Asked>> = (0..RANDOM / BATCH)
        .map(|n| random_of_one_user(n, BATCH))
        .collect();
    let with_batches: Vec<&Contender<'_>> = contenders
        .iter()
        .filter(|each| each.language.has_batches())
        .collect();
    let contenders: Vec<&Contender<'_>> = contenders.iter().collect();
    agree(&contenders, &all);
    agree(&with_batches, &batches);
    println!("{}", Compared::head());
    compare("one by one", &contenders, &singles, time);
    compare("batches of 50", &with_batches, &batches, time);
}

/// Stops where one decides other than the first.
fn agree(contenders: &[&Contender<'_>], questions: &[Vec<Asked>]) {
    let first = contenders[0];
    let expected = decisions(first, questions);
    for contender in &contenders[1..] {
        let found = decisions(contender, questions);
        for ((asked, expected), found) in questions.iter().zip(&expected).zip(&found) {
            let one = |n: usize| asked.get(n).map(Asked::native);
            let differs = (0..expected.len().max(found.len()))
                .find(|n| expected.get(*n) != found.get(*n))
                .map(|n| (one(n), expected.get(n), found.get(n)));
            if let Some((question, expected, found)) = differs {
                panic!(
                    "{} says {expected:?} and {} says {found:?} (allowed?) to {}",
                    first.name,
                    contender.name,
                    question.unwrap_or_default()
                );
            }
        }
    }
    let expected = expected.concat();
    let allowed = expected.iter().filter(|allowed| **allowed).count();
    let names: Vec<&str> = contenders.iter().map(|each| each.name).collect();
    println!(
        "{} questions, {allowed} allowed: the same from {}",
        expected.len(),
        names.join("; ")
    );
}

/// The decisions of each request.
fn decisions(contender: &Contender<'_>, questions: &[Vec<Asked>]) -> Vec<Vec<bool>> {
    let mut stream = TcpStream::connect(contender.server.address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = Vec::new();
    questions
        .iter()
        .map(|asked| {
            let request = contender.language.request(asked);
            let length = exchange(&mut stream, &request, &mut buffer);
            let answer: Value = serde_json::from_slice(&buffer[buffer.len() - length..]).unwrap();
            contender.language.allowed(&answer)
        })
        .collect()
}

/// Loads the floor and all of them in turn, and tells of each beside the floor.
fn compare(name: &str, contenders: &[&Contender<'_>], questions: &[Vec<Asked>], time: Duration) {
    let kinds: Vec<Kind> = contenders
        .iter()
        .map(|contender| {
            let requests = questions
                .iter()
                .map(|asked| contender.language.request(asked))
                .collect();
            match questions[0].len() {
                1 => Kind::singles(name, requests),
                _ => Kind::batches(name, requests),
            }
        })
        .collect();
    let floor = kinds[0].floor(&contenders[0].server);
    let of_floor = || kinds[0].load(&floor.server(), time);
    let loads: Vec<_> = kinds
        .iter()
        .zip(contenders)
        .map(|(kind, contender)| move || kind.load(&contender.server, time))
        .collect();
    let mut turns: Vec<&dyn Fn() -> Load> = vec![&of_floor];
    turns.extend(loads.iter().map(|load| load as &dyn Fn() -> Load));
    let found = in_turn(&turns);
    for ((contender, kind), found_of_it) in contenders.iter().zip(&kinds).zip(&found[1..]) {
        let compared = Compared::of(&found[0], found_of_it, kind.each);
        println!("{}", compared.line(&format!("{name}, {}", contender.name)));
        let mut values = compared.values("of_floor");
        values["server"] = json!(contender.name);
        values["version"] = json!(contender.version);
        values["asked"] = json!(name);
        values["memory_kib"] = json!(memory(contender.server.pid, "VmRSS"));
        figure("peers", &format!("{name}, {}", contender.name), values);
    }
}
