//! All tests of the server in one program, except those of the stores. A test that needs a process
//! of its own, because it sets limits or is killed, runs this program again
//! ([`correio_testing::rerun`]).

#![allow(missing_docs, unreachable_pub)] // It is all test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod admin;
mod announcing;
mod app_passwords;
mod config;
mod connection;
mod contents;
mod daemon;
mod deploy;
mod directory;
mod disabled;
mod fail2ban;
mod faults;
mod gateway_sessions;
mod gateways;
mod help;
mod http;
mod late_answers;
mod limits;
mod lists;
mod logout;
mod lost;
mod mail_programs;
mod messages;
mod metrics;
mod nodes;
mod operator;
mod other_programs;
mod page;
mod process;
mod promises;
mod proxy;
mod recovery;
mod reference;
mod retention;
mod service;
mod session;
mod shared_throttle;
mod smuggling;
mod stale;
mod stalled;
mod tickets;
mod tidy;
mod tls;
