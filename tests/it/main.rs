//! Integration tests: the real binary, a real database, real sockets.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, also in what several of them share"
)]

mod author;
mod callers;
mod cedar_agrees;
mod check_command;
mod connection;
mod console;
mod deciding;
mod decision_log;
mod entities_file;
mod eventually;
mod explain;
mod export;
mod fail_closed;
mod few_tags;
mod flood;
mod forms;
mod gateway;
mod history;
mod http;
mod identity;
mod import;
mod in_process;
mod init;
mod kept;
mod layers;
mod limits;
mod living;
mod mutation;
mod one_name;
mod operations;
mod other_commands;
mod over;
mod overload;
mod participant_taken;
mod plans;
mod postgres;
mod proof;
mod reload;
mod requests;
mod review;
mod rules;
mod rules_hold;
mod rules_page;
mod samples;
mod search_agrees;
mod searching;
mod shadow;
mod sidecar;
mod slice_agrees;
mod store;
mod telemetry;
mod templates;
mod thread;
mod tls;
