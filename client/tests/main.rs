//! All tests of the client in one program. Tests that put the program `correio` under limits, kill
//! it or give it another clock run it as a process of its own.

#![allow(missing_docs, unreachable_pub)] // It is all test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod clock;
mod crash;
mod killed;
mod library_drafts;
mod library_example;
mod library_large;
mod library_messages;
mod library_network;
mod library_server;
mod mailbox_faults;
mod program_answers;
mod program_app_passwords;
mod program_commands;
mod program_config;
mod program_examples;
mod program_find;
mod program_help;
mod program_json;
mod program_kept;
mod program_keys;
mod program_large;
mod program_lines;
mod program_lists;
mod program_local;
mod program_pastes;
mod program_people;
mod program_recover;
mod program_register;
mod program_reply;
mod program_round_trip;
mod program_screen;
mod program_seen;
mod program_send;
mod program_shell;
mod program_status;
mod program_terminal;
mod program_throttled;
mod program_trust;
mod program_watch;
mod received_messages;
mod support;
