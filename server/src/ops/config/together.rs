//! Refuses settings that are valid alone and cannot work together. The server refuses them at the
//! start, since it would otherwise refuse the same mail or client for ever.

use std::path::{self, Path, PathBuf};

use correio_proto::{
    limits::{FRAME_OVERHEAD_MAX, PAGE_BYTES_MAX, PAGE_MAILS_MAX, PIECE_MAX},
    message::RegistrationPolicy,
};

use super::{
    error::ConfigError,
    types::{Config, Listen, SecurityConfig},
    values::Values,
};
use crate::{
    data_directory,
    ops::certificate::CertificateSource,
    protocol::Service,
    store::{
        CreateStore,
        kind::{StoreConfig, StoreKind},
    },
};

/// Refuses a pair of settings that cannot work together.
pub(super) fn check(config: &Config, values: &Values) -> Result<(), ConfigError> {
    let refuse = |first, second, why| Err(refused(values, first, second, why));
    sizes(config, values)?;
    for key in ["database", "database-sync", "node-name"] {
        if config.store.kind() != StoreKind::Postgres && values.is_written(key) {
            return refuse(
                "store",
                key,
                "only the store postgres is in a database that several servers can share",
            );
        }
    }
    if config.store == StoreConfig::Memory {
        if config.create_store == CreateStore::Never {
            let why = "a store in memory is empty at every start";
            return refuse("store", "create-store", why);
        }
        if config.registration == (RegistrationPolicy::Closed {}) {
            let why = "a store in memory has no account at the start, and none could be made";
            return refuse("store", "registration", why);
        }
    }
    if let Some(log) = &config.log_file {
        if is_in_data_directory(log, &config.data_dir) {
            let why = "the log would be written into a file that the server keeps its data in";
            return refuse("log-file", "data-dir", why);
        }
        if let SecurityConfig::Tls(CertificateSource::Files { certificate, key }) = &config.security
        {
            for (path, name) in [(certificate, "tls-cert"), (key, "tls-key")] {
                if is_same_file(path, log) {
                    return refuse("log-file", name, "the log would be written into that file");
                }
            }
        }
    }
    gateways(config, values)?;
    addresses(&config.listen, values)
}

/// Refuses addresses for mail programs that cannot be served.
fn gateways(config: &Config, values: &Values) -> Result<(), ConfigError> {
    for service in [Service::SUBMISSIONS, Service::POP3S] {
        if config.security == SecurityConfig::Plaintext && values.is_written(service.name()) {
            let why = "TLS from the first byte needs TLS: without it, give the address to \
                       submission or pop3";
            return Err(refused(values, "plaintext", service.name(), why));
        }
    }
    if config.mail_domain.is_none()
        && let Some((service, _)) = config.gateways.first()
    {
        let why = "mail programs need a name after the @ of mail addresses: set mail-domain to \
                   the name by which they reach this server";
        return Err(refused(values, service.name(), "mail-domain", why));
    }
    Ok(())
}

/// Refuses bounds that a body or a content could never be within.
fn sizes(config: &Config, values: &Values) -> Result<(), ConfigError> {
    let (body, content) = (config.body_max, config.content_max);
    let piece = usize::try_from(content).map_or(PIECE_MAX, |content| content.min(PIECE_MAX));
    let pairs = [
        (
            config.input_max < body + FRAME_OVERHEAD_MAX,
            ("input-bytes", "body-bytes"),
            "a mail with the longest body would never be received: input-bytes must exceed \
             body-bytes by 8 KiB",
        ),
        (
            config.input_max < piece + FRAME_OVERHEAD_MAX,
            ("input-bytes", "mail-bytes"),
            "a piece of a content would never be received: input-bytes must be at least 264 KiB, \
             or exceed mail-bytes by 8 KiB",
        ),
        (
            config.output_max < reply_bytes(body),
            ("output-bytes", "body-bytes"),
            "a page with the longest body would never be sent: output-bytes must exceed \
             body-bytes by 1856 KiB",
        ),
        (
            config.quota.bytes < body as u64,
            ("mailbox-bytes", "body-bytes"),
            "a mail with the longest body would fit into no mailbox: mailbox-bytes must be at \
             least body-bytes",
        ),
        (
            config.quota.bytes < content,
            ("mailbox-bytes", "mail-bytes"),
            "a mail with the largest content would fit into no mailbox: mailbox-bytes must be at \
             least mail-bytes",
        ),
        (
            config.upload_bytes < content,
            ("upload-bytes", "mail-bytes"),
            "the largest content could never be uploaded: upload-bytes must be at least mail-bytes",
        ),
    ];
    match pairs.into_iter().find(|(is_refused, ..)| *is_refused) {
        Some((_, (first, second), why)) => Err(refused(values, first, second, why)),
        None => Ok(()),
    }
}

pub(super) fn refused(
    values: &Values,
    first: &str,
    second: &str,
    why: &'static str,
) -> ConfigError {
    ConfigError::Together { first: values.written(first), second: values.written(second), why }
}

/// Bytes of the largest reply to a client: a page that is almost full and one more mail. The reply
/// with a piece is smaller.
fn reply_bytes(body: usize) -> usize {
    PAGE_BYTES_MAX + body + PAGE_MAILS_MAX as usize * FRAME_OVERHEAD_MAX
}

fn is_in_data_directory(log: &Path, directory: &Path) -> bool {
    let name = log.file_name().and_then(|name| name.to_str());
    let parent = log.parent().unwrap_or(Path::new(""));
    // Two different paths may name the same directory.
    let is_same = place(parent) == place(directory);
    is_same && name.is_some_and(data_directory::is_reserved)
}

/// Whether two paths name the same file.
fn is_same_file(a: &Path, b: &Path) -> bool {
    let of = |path: &Path| place(path.parent().unwrap_or(Path::new("")));
    a.file_name() == b.file_name() && of(a) == of(b)
}

/// The canonical path of a directory, or the absolute path if the directory does not exist.
fn place(directory: &Path) -> PathBuf {
    // The parent of a bare file name is empty and means the current directory.
    let written = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let absolute = || path::absolute(written).unwrap_or_else(|_| written.to_owned());
    written.canonicalize().unwrap_or_else(|_| absolute())
}

/// Refuses an address that a wildcard address includes: the kernel would report it as in use.
fn addresses(listen: &Listen, values: &Values) -> Result<(), ConfigError> {
    let Listen::On(addresses) = listen else {
        return Ok(());
    };
    for all in addresses.iter().filter(|address| address.ip().is_unspecified()) {
        let included = addresses.iter().find(|other| {
            other.port() == all.port()
                && other.port() != 0
                && other.is_ipv4() == all.is_ipv4()
                && !other.ip().is_unspecified()
        });
        if let Some(included) = included {
            return Err(ConfigError::Value {
                place: values.place("listen"),
                value: included.to_string(),
                allowed: match all.is_ipv4() {
                    true => "an address that 0.0.0.0 with the same port does not include",
                    false => "an address that [::] with the same port does not include",
                },
            });
        }
    }
    Ok(())
}
