//! A policy decision point inside of a Rust service, without HTTP and without a database: the
//! shipped schema and policies, over entities in memory.
//!
//! ```text
//! cargo run -p peppol-authz-engine --example embed
//! ```

use std::error::Error;
use std::io::Write;
use std::sync::Arc;

use cedar_policy::EntityUid;
use peppol_authz_engine::policy::{Sources, load};
use peppol_authz_engine::schema::Record;
use peppol_authz_engine::slice::{Demand, Freshness};
use peppol_authz_engine::store::EntitiesFile;
use peppol_authz_engine::{Decision, Engine, EngineOptions, Question, Session, WORKER_STACK_BYTES};

/// Anna is an administrator of one organisation and a member of another one.
const ENTITIES: &str = r#"[
  {"uid": {"type": "Peppol::EmailAddress", "id": "anna@acme.example"},
   "attrs": {"registered": true}, "parents": []},
  {"uid": {"type": "Peppol::User", "id": "anna"},
   "attrs": {
     "id": "anna",
     "email": {"__entity": {"type": "Peppol::EmailAddress", "id": "anna@acme.example"}},
     "emailVerified": true,
     "superadmin": false,
     "severalOrganisations": true
   },
   "parents": [],
   "tags": {
     "acme": [{"__entity": {"type": "Peppol::MemberRole", "id": "orgadmin"}}],
     "globex": [{"__entity": {"type": "Peppol::MemberRole", "id": "orgmember"}}]
   }},
  {"uid": {"type": "Peppol::Organisation", "id": "acme"},
   "attrs": {
     "id": "acme", "mode": {"__entity": {"type": "Peppol::Mode", "id": "SHARED"}},
     "contactTypes": [], "participantLimit": 3, "participants": 0
   },
   "parents": [], "tags": {}},
  {"uid": {"type": "Peppol::Organisation", "id": "globex"},
   "attrs": {
     "id": "globex", "mode": {"__entity": {"type": "Peppol::Mode", "id": "SHARED"}},
     "contactTypes": [], "participantLimit": 3, "participants": 0
   },
   "parents": [], "tags": {}}
]"#;

type AnyError = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), AnyError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(WORKER_STACK_BYTES)
        .enable_time()
        .build()?;
    let engine = engine()?;
    // A session holds all that it needs, so it can go to any task.
    let deciding = runtime.spawn(decisions(engine.session()));
    let mut out = std::io::stdout();
    for decision in runtime.block_on(deciding)?? {
        writeln!(out, "{}", line(&decision))?;
    }
    Ok(())
}

/// An engine over entities that never change.
pub(crate) fn engine() -> Result<Engine, AnyError> {
    let bundle = load(&Sources::shipped()).map_err(|faults| format!("{faults:?}"))?;
    let store = EntitiesFile::parse(ENTITIES.as_bytes())?;
    let options = EngineOptions {
        cache_bytes: 16 << 20,
        decision_bytes: 4 << 20,
        freshness: Freshness::EACH,
    };
    Ok(Engine::new(Arc::new(store), Arc::new(bundle), options)?)
}

/// May Anna change her own organisation, and the other one?
pub(crate) async fn decisions(session: Session) -> Result<Vec<Decision>, AnyError> {
    let anna: EntityUid = r#"Peppol::User::"anna""#.parse()?;
    let update: EntityUid = r#"Peppol::Action::"updateOrganisation""#.parse()?;
    let mut decisions = Vec::new();
    for organisation in [
        r#"Peppol::Organisation::"acme""#,
        r#"Peppol::Organisation::"globex""#,
    ] {
        let bundle = &session.state.bundle;
        let question = Question::new(
            bundle,
            &anna,
            &update,
            &organisation.parse()?,
            &Record::new(),
        )?;
        decisions.push(session.decide(&question, &Demand::default()).await?);
    }
    Ok(decisions)
}

/// The verdict, and for each reason its code or the policy that permits.
pub(crate) fn line(decision: &Decision) -> String {
    let reasons = decision.reasons.iter().map(|reason| {
        let name = reason.code.as_deref().or(reason.policy.as_deref());
        let message = reason.message.as_deref().unwrap_or_default();
        format!(" {} {message}", name.unwrap_or_default())
    });
    format!(
        "{}:{}",
        decision.verdict.name(),
        reasons.collect::<String>()
    )
}
