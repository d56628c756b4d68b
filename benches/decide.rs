//! One decision in process: by action, of random questions, and while everything around it grows.
//!
//! Figures are thread-CPU time, medians of rounds, each beside a yardstick of the
//! same run: what Cedar itself takes for the same policies and entities.
//!
//! `cargo bench --profile dist --bench decide [-- MAX_ORGANISATIONS]`

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark may stop, and speaks"
)]

mod common;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cedar_policy::{Authorizer, Entities, Request};
use common::figures::figure;
use common::questions::{Asked, random_of_shipped};
use common::ten::{entities_of_ten, random_of_ten};
use common::{Size, import, median, participant, thread_cpu};
use peppol_authz_database::{Sqlite, SqliteOptions};
use peppol_authz_engine::policy::{Bundle, SourceFile, Sources, load};
use peppol_authz_engine::slice::Freshness;
use peppol_authz_engine::store::{EntitiesFile, Store};
use peppol_authz_engine::{Engine, EngineOptions, Question, QuestionOptions};
use serde_json::{Value, json};

const ROUNDS: usize = 7;
const PER_ROUND: usize = 3000;
const RANDOM: usize = 2000;

fn ask(principal: (&str, &str), action: &str, resource: (&str, &str), context: Value) -> Value {
    json!({
        "principal": {"type": format!("Peppol::{}", principal.0), "id": principal.1},
        "action": {"type": "Peppol::Action", "id": action},
        "resource": {"type": format!("Peppol::{}", resource.0), "id": resource.1},
        "context": context,
    })
}

fn questions() -> Vec<Value> {
    let party = participant(1);
    vec![
        ask(
            ("User", "u-1"),
            "getOrganisation",
            ("Organisation", "o-1"),
            json!({}),
        ),
        ask(
            ("User", "u-0"),
            "uploadCertificate",
            ("Organisation", "o-0"),
            json!({}),
        ),
        ask(
            ("User", "u-1"),
            "createParticipant",
            ("Organisation", "o-1"),
            json!({"environment": "TEST", "participant": "0007:new"}),
        ),
        ask(
            ("User", "busy"),
            "sendDocument",
            ("Participant", &party),
            json!({"accessPoint": "ap-test"}),
        ),
        ask(
            ("User", "busy"),
            "manageHook",
            ("Participant", &party),
            json!({}),
        ),
        ask(
            ("User", "u-1"),
            "removePartyAuthorization",
            ("Participant", &party),
            json!({"user": "busy"}),
        ),
        ask(
            ("SubAccount", "sub"),
            "viewDocument",
            ("Document", "d-1"),
            json!({}),
        ),
        ask(
            ("User", "u-1"),
            "createSubAccount",
            ("LegalEntity", "le-1"),
            json!({"email": "new@example.com"}),
        ),
    ]
}

/// Microseconds of this thread for one call of `work`.
fn time(mut work: impl FnMut()) -> f64 {
    for _ in 0..PER_ROUND / 4 {
        work();
    }
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = thread_cpu();
            for _ in 0..PER_ROUND {
                work();
            }
            (thread_cpu() - start) as f64 / 1000.0 / PER_ROUND as f64
        })
        .collect();
    median(&mut rounds)
}

/// The shipped policies, and others for single organisations up to `count`.
fn sources(count: usize) -> Sources {
    let mut sources = Sources::shipped();
    // The added policies are of no rule.
    sources.rules = None;
    let mut text = String::new();
    for n in 0..count {
        let action = [
            "getOrganisation",
            "uploadCertificate",
            "createParticipant",
            "listMembers",
        ][n % 4];
        text.push_str(&format!(
            "@id(\"own/{n}\")\nforbid (principal is Peppol::User, action == Peppol::Action::\"{action}\", \
             resource == Peppol::Organisation::\"own-{n}\") when {{ principal.superadmin }};\n"
        ));
    }
    sources.policies.push(Arc::new(SourceFile {
        name: "own.cedar".to_owned(),
        path: None,
        text,
    }));
    sources
}

struct Measured {
    decide: f64,
    /// With reading the question and writing nothing.
    whole: f64,
    cedar: f64,
}

/// A question with what Cedar needs for it, ready in memory.
struct Ready<'q> {
    asked: &'q Value,
    question: Question,
    options: QuestionOptions,
    request: Request,
    entities: Entities,
}

impl<'q> Ready<'q> {
    async fn of(engine: &Engine, bundle: &Bundle, asked: &'q Value) -> Self {
        let session = engine.session();
        let (question, options) = session.question(asked, 0).unwrap();
        let decision = session.decide(&question, &options.demand).await.unwrap();
        let rows = decision
            .slice
            .iter()
            .map(|seen| seen.asked_row().to_entity().unwrap());
        let entities = Entities::from_entities(rows, None).unwrap();
        let actions = bundle.schema.cedar().action_entities().unwrap();
        let entities = actions.add_entities(entities, None).unwrap();
        let context = cedar_policy::Context::from_json_value(
            wire_context(asked, &bundle.schema),
            Some((bundle.schema.cedar(), &question.action)),
        )
        .unwrap();
        let (principal, action, resource) = (
            question.principal.clone(),
            question.action.clone(),
            question.resource.clone(),
        );
        let request = Request::new(principal, action, resource, context, None).unwrap();
        Self {
            asked,
            question,
            options,
            request,
            entities,
        }
    }
}

/// The questions are asked in turn: many of them touch much memory.
fn measure(store: &Arc<impl Store + 'static>, sources: &Sources, questions: &[Value]) -> Measured {
    let bundle = Arc::new(load(sources).unwrap());
    let engine = Engine::new(
        Arc::clone(store) as _,
        Arc::clone(&bundle),
        EngineOptions {
            cache_bytes: 64 << 20,
            decision_bytes: 0,
            // As beside somebody who follows the store.
            freshness: Freshness {
                followed: true,
                max_stale: Duration::from_secs(3600),
                untold_max_age: Duration::ZERO,
                wait: Duration::ZERO,
                closely: None,
            },
        },
    )
    .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut ready = Vec::with_capacity(questions.len());
        for question in questions {
            ready.push(Ready::of(&engine, &bundle, question).await);
        }
        let mut turn = ready.iter().cycle();
        // The yardstick: Cedar over entities and policies that are there already.
        let authorizer = Authorizer::new();
        let cedar = time(|| {
            let Ready {
                question,
                request,
                entities,
                ..
            } = turn.next().unwrap();
            let (principal, resource) = (&question.principal, &question.resource);
            let shard = bundle
                .shard(
                    &question.action,
                    principal.type_name(),
                    resource.type_name(),
                )
                .unwrap();
            for policies in shard.policies_for(principal, resource, entities) {
                std::hint::black_box(authorizer.is_authorized(request, policies, entities));
            }
        });
        let now = |future: std::pin::Pin<Box<dyn Future<Output = ()> + '_>>| {
            // A warm decision never waits.
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            let mut future = std::pin::pin!(tokio::task::unconstrained(future));
            assert!(future.as_mut().poll(&mut context).is_ready());
        };
        let decide = time(|| {
            let ready = turn.next().unwrap();
            now(Box::pin(async {
                let session = engine.session();
                let decision = session.decide(&ready.question, &ready.options.demand);
                std::hint::black_box(decision.await.unwrap());
            }));
        });
        let whole = time(|| {
            let ready = turn.next().unwrap();
            now(Box::pin(async {
                let session = engine.session();
                let (question, options) = session.question(ready.asked, 0).unwrap();
                let decision = session.decide(&question, &options.demand).await;
                std::hint::black_box(decision.unwrap());
            }));
        });
        Measured {
            decide,
            whole,
            cedar,
        }
    })
}

/// The context in Cedar's own JSON, where an entity is not a bare id.
fn wire_context(question: &Value, schema: &peppol_authz_engine::schema::Schema) -> Value {
    let action = schema.entity(&question["action"]).unwrap();
    let types = &schema.action(&action).unwrap().context.attributes;
    let entity = |name: &str, id: &Value| match &types[name].ty {
        peppol_authz_engine::schema::Type::Entity(name) => {
            json!({"type": name.to_string(), "id": id})
        }
        _ => id.clone(),
    };
    question["context"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, id)| (name.clone(), entity(name, id)))
        .collect()
}

fn report(label: &str, found: &Measured) {
    println!(
        "{label:<44} {:>7.1} {:>7.1} {:>7.1} {:>7.2}",
        found.decide,
        found.whole,
        found.cedar,
        found.decide / found.cedar
    );
    let values = json!({
        "decide_us": found.decide, "with_read_us": found.whole, "cedar_us": found.cedar,
    });
    figure("decide", label, values);
}

/// The questions that `http` asks of the server, each decided anew.
fn random(small: &Arc<Sqlite>) {
    let random = |of: fn(usize) -> Asked| (0..RANDOM).map(|n| of(n).native()).collect::<Vec<_>>();
    report(
        "random, shipped policies",
        &measure(small, &Sources::shipped(), &random(random_of_shipped)),
    );
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/ten");
    let sources = Sources::read(
        Some(&own.join("policies")),
        Some(&own.join("ten.cedarschema")),
        None,
    )
    .unwrap();
    let store = EntitiesFile::parse(entities_of_ten().to_string().as_bytes()).unwrap();
    report(
        "random, ten policies",
        &measure(&Arc::new(store), &sources, &random(random_of_ten)),
    );
}

fn main() {
    let most = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(1_000_000_usize);
    let directory = tempfile::tempdir().unwrap();
    let open = |name: &str, size: Size| {
        let store = Sqlite::open(&directory.path().join(name), SqliteOptions::default()).unwrap();
        import(&store, size);
        Arc::new(store)
    };
    println!(
        "{:<44} {:>7} {:>7} {:>7} {:>7}",
        "microseconds of CPU, warm", "decide", "+ read", "Cedar", "ratio"
    );
    let small = open(
        "small.db",
        Size {
            organisations: 1000,
            relations: 10,
        },
    );
    let shipped = Sources::shipped();
    for question in questions() {
        report(
            question["action"]["id"].as_str().unwrap(),
            &measure(&small, &shipped, std::slice::from_ref(&question)),
        );
    }
    let questions = questions();
    let mean = |store: &Arc<Sqlite>, sources: &Sources| {
        let all: Vec<_> = questions
            .iter()
            .map(|question| measure(store, sources, std::slice::from_ref(question)))
            .collect();
        let of = |part: fn(&Measured) -> f64| all.iter().map(part).sum::<f64>() / all.len() as f64;
        Measured {
            decide: of(|m| m.decide),
            whole: of(|m| m.whole),
            cedar: of(|m| m.cedar),
        }
    };
    println!("\nmean of these");
    report("1,000 organisations, 10 relations", &mean(&small, &shipped));
    random(&small);
    let many = open(
        "relations.db",
        Size {
            organisations: 10_000,
            relations: 10_000,
        },
    );
    report(
        "10,000 organisations, 10,000 relations",
        &mean(&many, &shipped),
    );
    for organisations in [100_000, 1_000_000]
        .into_iter()
        .filter(|count| *count <= most)
    {
        let store = open(
            &format!("{organisations}.db"),
            Size {
                organisations,
                relations: 10,
            },
        );
        report(
            &format!("{organisations} organisations"),
            &mean(&store, &shipped),
        );
    }
    report(
        "+ 3,000 policies for single organisations",
        &mean(&small, &sources(3000)),
    );
}
