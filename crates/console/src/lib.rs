//! The console: pages at `/console` for people who ask, support, audit, write policies and run the program.
//!
//! Pages are made on the server and need no script; a little of it completes ids. Nothing is loaded from elsewhere. All
//! that a page shows is asked for on a [`Desk`](peppol_authz_server::http::Desk), which is the way of the API with its
//! permissions, limits and observers: a page can show nothing that the API would not tell the same caller.
//!
//! A visit (`visit.rs`) is a request that was let in, by the connection or by a session (`session.rs`), whose credential is verified
//! again each time. `guard.rs` holds what browsers have to be told and asked: headers, origins, tokens of forms.
//!
//! Work that takes long, such as suites and proofs, is an errand (`errand.rs`): begun by a form, one at a time, beside the workers.
//!
//! Imports run one way, `routes → {pages} → visit → refusal → frame → {session, guard, language, entity} → query`.

mod ask;
mod asked_types;
mod assets;
mod cedar;
mod commands;
mod complete;
mod console;
mod decisions;
mod entity;
mod entry;
mod errand;
mod errand_form;
mod frame;
mod graph;
mod guard;
mod language;
mod policies;
mod policy_title;
mod proved;
mod query;
mod question_link;
mod random;
mod refusal;
mod review;
mod rights;
mod routes;
mod session;
mod sign_in;
mod sign_in_form;
mod state;
mod tested;
mod visit;

pub use commands::{Commands, DoctorCheck};
pub use console::{Console, ConsoleSetting};
pub use routes::router;
