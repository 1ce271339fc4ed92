//! Tests of the sessions of POP3, with a store that is scripted.

mod authorization;
mod dialogue;
mod listing;
mod mailbox;
mod parts;
mod program;
mod retrieval;
mod transaction;
