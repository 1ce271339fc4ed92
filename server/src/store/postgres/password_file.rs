//! Passwords in a file of lines `host:port:database:user:password`, as libpq's `.pgpass`.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use zeroize::Zeroizing;

use super::database_url::{Host, Password};

/// Largest file, in bytes.
const FILE_MAX: u64 = 1 << 20;

/// Bits of a file's mode that let its group or others read or write it.
const OTHERS: u32 = 0o077;

/// Finds the password of a user. The first line that fits is taken; `*` fits everything.
///
/// # Errors
///
/// The file cannot be read, or others may read it.
pub(super) fn find(
    path: &Path,
    host: &Host,
    database: &str,
    user: &str,
) -> io::Result<Option<Password>> {
    let file = File::open(path)?;
    if file.metadata()?.mode() & OTHERS != 0 {
        return Err(io::Error::other("others may read it: give it the mode 0600"));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(FILE_MAX).read_to_string(&mut text)?;
    Ok(text.lines().find_map(|line| password_of(line, host, database, user)))
}

fn password_of(line: &str, host: &Host, database: &str, user: &str) -> Option<Password> {
    if line.starts_with('#') {
        return None;
    }
    let fields = fields(line);
    let [names, port, of_database, of_user, password] = fields.as_slice() else { return None };
    let fits =
        |field: &Zeroizing<String>, value: &str| field.as_str() == "*" || field.as_str() == value;
    let is_host = match host {
        Host::Tcp { name, .. } => fits(names, name),
        Host::Unix { directory, .. } => {
            fits(names, "localhost") || fits(names, &directory.to_string_lossy())
        }
    };
    let is_theirs = is_host
        && fits(port, &host.port().to_string())
        && fits(of_database, database)
        && fits(of_user, user);
    is_theirs.then(|| Password(password.clone()))
}

/// The fields of a line, in which `\:` and `\\` stand for themselves. The password, which is the
/// fifth, may have colons.
fn fields(line: &str) -> Vec<Zeroizing<String>> {
    let mut fields = vec![Zeroizing::new(String::new())];
    let mut signs = line.chars();
    while let Some(sign) = signs.next() {
        let sign = match sign {
            ':' if fields.len() < 5 => {
                fields.push(Zeroizing::new(String::new()));
                continue;
            }
            '\\' => signs.next().unwrap_or('\\'),
            sign => sign,
        };
        if let Some(last) = fields.last_mut() {
            last.push(sign);
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Option<String> {
        let host = Host::Tcp { name: "db".to_owned(), port: 5433 };
        password_of(line, &host, "mail", "loki").map(|password| password.0.to_string())
    }

    #[test]
    fn a_line_fits_by_its_fields() {
        for (line, password) in [
            ("db:5433:mail:loki:geheim", Some("geheim")),
            ("*:*:*:*:ge:heim", Some("ge:heim")),
            ("db:5433:mail:loki:ge\\:he\\\\im", Some("ge:he\\im")),
            ("#db:5433:mail:loki:geheim", None),
            ("db:5432:mail:loki:geheim", None),
            ("other:5433:mail:loki:geheim", None),
            ("db:5433:other:loki:geheim", None),
            ("db:5433:mail:tony:geheim", None),
            ("db:5433:mail:loki", None),
            ("", None),
        ] {
            assert_eq!(found(line).as_deref(), password, "{line}");
        }
    }

    #[test]
    fn a_socket_of_this_machine_is_localhost_or_its_directory() {
        let host = Host::Unix { directory: "/run/postgresql".into(), port: 5432 };
        for (name, fits) in [("localhost", true), ("/run/postgresql", true), ("db", false)] {
            let line = format!("{name}:*:*:*:geheim");
            assert_eq!(password_of(&line, &host, "mail", "loki").is_some(), fits, "{name}");
        }
    }
}
