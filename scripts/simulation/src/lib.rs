//! The server's and the client's core in one thread under one seed.

pub mod store;
