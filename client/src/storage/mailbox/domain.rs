//! The domain of the mail addresses in a mailbox's files.

use std::net::IpAddr;

use crate::address::Address;

/// The domain of a server's mail addresses.
pub(super) fn domain(server: &Address) -> String {
    match server.ip() {
        None => server.host().trim_end_matches('.').to_owned(),
        Some(IpAddr::V4(ip)) => format!("[{ip}]"),
        Some(IpAddr::V6(ip)) => format!("[IPv6:{ip}]"),
    }
}
