//! Layout of the data directory: where an account's mail and drafts are, and the people that it
//! knows.
//!
//! A server has several spellings: a name, `localhost`, an IP address. The directory is named after
//! the spelling used first; other spellings find it through [`KnownServers::same_server`]. A
//! directory of the spelling itself takes precedence, so that data once found stays where it is. A
//! server without TLS proves nothing, so every spelling has its own directory.

use std::path::{Path, PathBuf};

use correio_proto::mail::Username;

use crate::{address::Address, trust::KnownServers};

/// Kind of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Mail,
    Drafts,
    People,
}

impl Kind {
    fn directory(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Drafts => "drafts",
            Self::People => "people",
        }
    }
}

/// The directory of an account in a data directory: `<kind>/<host>_<port>/<username>`. It need not
/// exist yet.
pub(crate) fn directory(
    data: &Path,
    kind: Kind,
    address: &Address,
    username: &Username,
) -> PathBuf {
    let of = |address: &Address| {
        data.join(kind.directory()).join(address.directory_name()).join(username.as_str())
    };
    let own = of(address);
    if own.is_dir() {
        return own;
    }
    // Without the file no other spellings are known. Calls that need the file report its errors.
    let same = KnownServers::in_directory(data).same_server(address).unwrap_or_default();
    same.iter().map(of).find(|directory| directory.is_dir()).unwrap_or(own)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use correio_proto::{fingerprint::Fingerprint, message::Realm};
    use tempfile::TempDir;

    use super::*;
    use crate::Trust;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn another_spelling_of_a_server_finds_the_same_directory() {
        let data = TempDir::new().unwrap();
        let place = |server: &str| {
            directory(data.path(), Kind::Mail, &address(server), &"tony".parse().unwrap())
        };
        let known = KnownServers::in_directory(data.path());
        let trust = Trust::Fingerprint(Fingerprint::of(b"own"));
        for (server, realm) in [("localhost", 1), ("127.0.0.1", 1), ("other.example", 2)] {
            known.record_realm(&address(server), trust, Realm([realm; 16])).unwrap();
        }
        let first = place("localhost");
        assert_eq!(first, data.path().join("mail/localhost_8888/tony"));
        assert_ne!(place("127.0.0.1"), first, "nothing is there yet");
        fs::create_dir_all(&first).unwrap();
        assert_eq!(place("127.0.0.1"), first);
        assert_ne!(place("other.example"), first, "it keeps other mail");
        assert_ne!(place("127.0.0.1:8889"), first, "nothing is known of it");
        // A directory of the spelling itself, made by an older version, stays in use.
        let own = data.path().join("mail/127.0.0.1_8888/tony");
        fs::create_dir_all(&own).unwrap();
        assert_eq!(place("127.0.0.1"), own);
    }

    #[test]
    fn a_claim_alone_finds_nobody_else_s_directory() {
        let data = TempDir::new().unwrap();
        let known = KnownServers::in_directory(data.path());
        let (home, liar) = (address("home.example"), address("liar.example"));
        let line = |address: &Address, proof: Fingerprint| {
            format!("{address} {proof} {}\n", Realm([1; 16]))
        };
        let text = line(&home, Fingerprint::of(b"own")) + &line(&liar, Fingerprint::of(b"other"));
        fs::write(data.path().join("known_servers"), text).unwrap();
        assert_eq!(known.list().unwrap().len(), 2);
        let username = "tony".parse().unwrap();
        fs::create_dir_all(directory(data.path(), Kind::Drafts, &home, &username)).unwrap();
        let place = directory(data.path(), Kind::Drafts, &liar, &username);
        assert_eq!(place, data.path().join("drafts/liar.example_8888/tony"));
    }
}
