//! Integration tests: the real binary, a real database, real sockets.

mod rules;
mod rules_hold;
mod sidecar;
mod thread;
