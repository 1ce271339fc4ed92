//! All tests of the protocol in one program.

// It is all test.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod contents;
mod golden;
mod hostile;
mod refused;
mod rfc5322;
mod start_tls;
mod support;
mod tls;
mod values;
mod vectors;
