//! Integration tests: the real binary, a real database, real sockets.

mod connection;
mod deciding;
mod entities_file;
mod fail_closed;
mod http;
mod import;
mod layers;
mod limits;
mod operations;
mod readme;
mod reload;
mod rules;
mod rules_hold;
mod sidecar;
mod slice_agrees;
mod store;
mod thread;
