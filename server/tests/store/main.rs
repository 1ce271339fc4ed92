//! Tests of the stores: the contract that all of them keep, and the faults that the store on a disk
//! survives.
//!
//! This is a program of its own, because its tests close a store and open it again at once: a
//! process that another test starts holds the lock on the directory for a moment, until the process
//! runs its program.

#![allow(missing_docs, unreachable_pub)] // It is all test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[macro_use]
mod suite;

mod admin;
mod admin_large;
mod admin_mail;
mod app_passwords;
mod bounds;
mod check;
mod contents;
mod contents_groups;
mod contract;
mod copied;
mod damage;
mod directory;
mod disk;
mod files;
mod flushing;
mod foreign;
mod gateway;
mod groups;
mod hidden;
mod kept_once;
mod killing;
mod lists;
mod lists_large;
mod log;
mod messages;
mod migrate_killed;
mod migrate_refused;
mod migrated_store;
mod migration_runs;
mod opening;
mod other_programs;
mod outlines;
mod postgres_closing;
mod postgres_connection;
mod postgres_cuts;
mod postgres_lanes;
mod postgres_migrate;
mod postgres_nodes;
mod postgres_outages;
mod postgres_refusals;
mod postgres_refused_repeats;
mod queue;
mod retention;
mod snapshot;
mod support;
mod upgrading;
