//! The manifest: what a backup holds, of which store, and when it was made.

use correio_proto::{mail::Sha256, message::Realm};
use serde::{Deserialize, Serialize};

use super::error::ArchiveError;
use crate::data_directory::{CERTIFICATE, DATABASE, INVITE_KEY, PROGRAM_CERTIFICATE};

/// Name of the manifest in an archive.
pub const MANIFEST: &str = "manifest.json";

/// The format of the archives that this program writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// Most bytes of a manifest.
pub(super) const MANIFEST_BYTES_MAX: u64 = 64 * 1024;

/// Most bytes of a key file.
pub const KEY_BYTES_MAX: u64 = 64 * 1024;

/// A file of a data directory that a backup may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchivedFile {
    /// The database.
    Database,
    /// The server's own certificate with its key.
    Certificate,
    /// The server's own certificate for mail programs with its key.
    ProgramCertificate,
    /// The key of invites.
    InviteKey,
}

impl ArchivedFile {
    /// Every file.
    pub const ALL: [Self; 4] =
        [Self::Database, Self::Certificate, Self::ProgramCertificate, Self::InviteKey];

    /// The file's name, in an archive and in a data directory.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Database => DATABASE,
            Self::Certificate => CERTIFICATE,
            Self::ProgramCertificate => PROGRAM_CERTIFICATE,
            Self::InviteKey => INVITE_KEY,
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|file| file.name() == name)
    }
}

/// An entry of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// The file.
    pub file: ArchivedFile,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: Sha256,
}

/// What a backup holds, of which store, and when it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The version of the program that made the backup.
    pub correio: String,
    /// The version of the database's schema.
    pub schema: u32,
    /// The store's id.
    pub realm: Realm,
    /// When the backup was made, as in RFC 3339; for people.
    pub made_at: String,
    /// The files, each once, the database among them.
    pub files: Vec<FileEntry>,
}

/// The manifest as JSON.
#[derive(Serialize, Deserialize)]
struct Written {
    format: u32,
    correio: String,
    schema: u32,
    realm: String,
    made_at: String,
    files: Vec<WrittenFile>,
}

#[derive(Serialize, Deserialize)]
struct WrittenFile {
    name: String,
    size: u64,
    sha256: String,
}

/// The fields that every format has.
#[derive(Deserialize)]
struct Version {
    format: u32,
    #[serde(default)]
    correio: String,
}

impl Manifest {
    /// The manifest as JSON.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Damaged`]; no manifest of this program causes it.
    pub fn write(&self) -> Result<Vec<u8>, ArchiveError> {
        let files = self.files.iter().map(|entry| WrittenFile {
            name: entry.file.name().to_owned(),
            size: entry.size,
            sha256: entry.sha256.to_string(),
        });
        let written = Written {
            format: FORMAT,
            correio: self.correio.clone(),
            schema: self.schema,
            realm: self.realm.to_string(),
            made_at: self.made_at.clone(),
            files: files.collect(),
        };
        let mut json = serde_json::to_vec_pretty(&written)
            .map_err(|error| ArchiveError::damaged(error.to_string()))?;
        json.push(b'\n');
        Ok(json)
    }

    /// Parses a manifest.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Newer`], [`ArchiveError::Damaged`].
    pub fn parse(json: &[u8]) -> Result<Self, ArchiveError> {
        let invalid = |error: serde_json::Error| {
            ArchiveError::damaged(format!("its manifest is not valid: {error}"))
        };
        let version: Version = serde_json::from_slice(json).map_err(invalid)?;
        if version.format > FORMAT {
            return Err(ArchiveError::Newer { correio: printable(&version.correio) });
        }
        let written: Written = serde_json::from_slice(json).map_err(invalid)?;
        let realm = written.realm.parse();
        let realm = realm.map_err(|_| ArchiveError::damaged("its manifest has no realm"))?;
        let mut files: Vec<FileEntry> = Vec::new();
        for file in &written.files {
            let entry = parse_file(file)?;
            if files.iter().any(|known| known.file == entry.file) {
                let reason = format!("its manifest lists {} twice", entry.file.name());
                return Err(ArchiveError::damaged(reason));
            }
            files.push(entry);
        }
        if !files.iter().any(|entry| entry.file == ArchivedFile::Database) {
            return Err(ArchiveError::damaged("its manifest lists no database"));
        }
        let (correio, made_at) = (printable(&written.correio), printable(&written.made_at));
        Ok(Self { correio, schema: written.schema, realm, made_at, files })
    }

    /// Bytes of all files together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, entry| sum.saturating_add(entry.size))
    }
}

fn parse_file(file: &WrittenFile) -> Result<FileEntry, ArchiveError> {
    let Some(known) = ArchivedFile::named(&file.name) else {
        let reason = format!("its manifest lists {:?}, which no server has", file.name);
        return Err(ArchiveError::damaged(reason));
    };
    let sha256 = file.sha256.parse().map_err(|_| {
        ArchiveError::damaged(format!("its manifest has no checksum of {}", known.name()))
    })?;
    if known != ArchivedFile::Database && file.size > KEY_BYTES_MAX {
        let reason = format!("its {} is larger than any key", known.name());
        return Err(ArchiveError::damaged(reason));
    }
    Ok(FileEntry { file: known, size: file.size, sha256 })
}

/// A text of the archive for messages: short, and without characters that control a terminal.
fn printable(text: &str) -> String {
    text.chars().take(64).map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let entry = |file, size| FileEntry { file, size, sha256: Sha256([7; 32]) };
        Manifest {
            correio: "0.1.0".to_owned(),
            schema: 1,
            realm: Realm([3; 16]),
            made_at: "2026-07-01T03:00:00Z".to_owned(),
            files: vec![
                entry(ArchivedFile::Database, 1 << 40),
                entry(ArchivedFile::Certificate, 500),
            ],
        }
    }

    #[test]
    fn a_manifest_comes_back() {
        let manifest = manifest();
        assert_eq!(Manifest::parse(&manifest.write().unwrap()).unwrap(), manifest);
        assert_eq!(manifest.bytes(), (1 << 40) + 500);
    }

    #[test]
    fn a_manifest_with_anything_else_is_refused() {
        let json = String::from_utf8(manifest().write().unwrap()).unwrap();
        for (from, to, said) in [
            ("\"tls.pem\"", "\"../tls.pem\"", "which no server has"),
            ("\"tls.pem\"", "\"correio.db\"", "correio.db twice"),
            ("\"correio.db\"", "\"invite.key\"", "larger than any key"),
            ("\"size\": 500", "\"size\": 65537", "larger than any key"),
            ("\"size\": 500", "\"size\": -1", "not valid"),
            ("0707", "+7+7", "no checksum of correio.db"),
            ("0707", "07", "no checksum of correio.db"),
            ("0303", "03", "no realm"),
            ("\"format\": 1", "\"format\": \"1\"", "not valid"),
            ("{", "[", "not valid"),
        ] {
            let changed = json.replacen(from, to, 1);
            assert_ne!(changed, json, "{from}");
            let error = Manifest::parse(changed.as_bytes()).unwrap_err();
            assert!(matches!(error, ArchiveError::Damaged { .. }), "{to}: {error}");
            assert!(error.to_string().contains(said), "{to}: {error}");
        }
    }

    #[test]
    fn a_newer_format_is_named_whatever_else_it_has() {
        let json = br#"{"format": 2, "correio": "9.0\u001b[2J", "parts": []}"#;
        let error = Manifest::parse(json).unwrap_err();
        assert!(matches!(&error, ArchiveError::Newer { correio } if correio == "9.0?[2J"));
    }
}
