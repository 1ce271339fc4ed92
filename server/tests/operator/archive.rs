//! Tests of reading backups that are damaged, cut off, or made by an attacker.

use std::{
    cell::Cell,
    fs,
    io::{self, Cursor, Read, Write},
};

use correio_proto::message::Realm;
use correio_server::{
    cancel::Cancel,
    ops::archive::{self, ArchiveError, ArchivedFile, FileEntry, Manifest, pack},
};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use tar::{EntryType, Header};

const DATABASE: &[u8] = &[7; 5000];
const KEY: &[u8] = b"key";

fn manifest() -> Manifest {
    let entry = |file, mut content: &[u8]| {
        let (sha256, size) = archive::digest(&mut content, &Cancel::default()).unwrap();
        FileEntry { file, size, sha256 }
    };
    Manifest {
        correio: "0.1.0".to_owned(),
        schema: 1,
        realm: Realm([1; 16]),
        made_at: "2026-07-01T03:00:00Z".to_owned(),
        files: vec![entry(ArchivedFile::Database, DATABASE), entry(ArchivedFile::InviteKey, KEY)],
    }
}

fn backup() -> Vec<u8> {
    let (mut database, mut key) = (DATABASE, KEY);
    let cancel = Cancel::default();
    pack(Vec::new(), &manifest(), &mut [&mut database, &mut key], &cancel, |_| ()).unwrap()
}

/// Reads a backup. Returns its files, each up to where reading ended.
fn unpack(backup: &[u8]) -> Result<Vec<Vec<u8>>, ArchiveError> {
    let files = std::sync::Mutex::new(Vec::new());
    struct Place<'a>(&'a std::sync::Mutex<Vec<Vec<u8>>>);
    impl Write for Place<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().last_mut().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let open = |entry: &FileEntry| {
        assert!(ArchivedFile::ALL.contains(&entry.file));
        files.lock().unwrap().push(Vec::new());
        Ok(Place(&files))
    };
    archive::unpack(backup, &Cancel::default(), |_| Ok(()), open, |_| ())?;
    Ok(files.into_inner().unwrap())
}

/// An archive of these entries, each with a type, a name and a content.
fn crafted(entries: &[(EntryType, &str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (kind, name, content) in entries {
        let mut header = Header::new_gnu();
        // Written by hand: the library refuses names that lead elsewhere.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_cksum();
        archive.append(&header, *content).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

/// The error of reading crafted entries; the manifest of [`manifest`] comes first.
fn refusal(entries: &[(EntryType, &str, &[u8])]) -> String {
    let manifest = manifest().write().unwrap();
    let mut all = vec![(EntryType::Regular, "manifest.json", manifest.as_slice())];
    all.extend(entries);
    unpack(&crafted(&all)).unwrap_err().to_string()
}

#[test]
fn what_was_packed_comes_back() {
    assert_eq!(unpack(&backup()).unwrap(), [DATABASE, KEY]);
    let plain = EntryType::Regular;
    let manifest = manifest().write().unwrap();
    let entries: [(_, _, &[u8]); 3] = [
        (plain, "manifest.json", &manifest),
        (plain, "correio.db", DATABASE),
        (plain, "invite.key", KEY),
    ];
    assert_eq!(unpack(&crafted(&entries)).unwrap(), [DATABASE, KEY]);
}

#[test]
fn a_bit_that_is_flipped_anywhere_is_noticed() {
    let whole = backup();
    for at in 0..whole.len() {
        for bit in [0, 3, 7] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << bit;
            match unpack(&damaged) {
                Err(error) => assert!(!error.to_string().is_empty()),
                // Time and system in gzip's own head mean nothing, nor do the bits that fill the
                // last byte before its checksum.
                Ok(files) => {
                    assert!((3..10).contains(&at) || at == whole.len() - 9, "at {at}");
                    assert_eq!(files, [DATABASE, KEY]);
                }
            }
        }
    }
}

#[test]
fn a_backup_that_is_cut_anywhere_is_noticed() {
    let whole = backup();
    for length in 0..whole.len() {
        let error = unpack(&whole[..length]).unwrap_err();
        assert!(matches!(error, ArchiveError::Cut), "{length}: {error}");
    }
    // The archive may be cut off and compressed afterwards.
    let mut tar = Vec::new();
    GzDecoder::new(whole.as_slice()).read_to_end(&mut tar).unwrap();
    for length in (0..tar.len() - 1024).step_by(256) {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&tar[..length]).unwrap();
        assert!(unpack(&encoder.finish().unwrap()).is_err(), "{length}");
    }
}

#[test]
fn names_and_kinds_of_entries_are_not_trusted() {
    let plain = EntryType::Regular;
    let database = (plain, "correio.db", DATABASE);
    let key = (plain, "invite.key", KEY);
    for (entries, said) in [
        (vec![(plain, "../correio.db", DATABASE), key], "entry of correio.db is another"),
        (vec![(plain, "/etc/correio.db", DATABASE), key], "entry of correio.db is another"),
        (vec![(plain, "./correio.db", DATABASE), key], "entry of correio.db is another"),
        (vec![(EntryType::Symlink, "correio.db", DATABASE), key], "entry of correio.db"),
        (vec![(EntryType::Link, "correio.db", DATABASE), key], "entry of correio.db"),
        (vec![(EntryType::Directory, "correio.db", DATABASE), key], "entry of correio.db"),
        (vec![(EntryType::GNUSparse, "correio.db", DATABASE), key], "correio.db"),
        (
            vec![(EntryType::GNULongName, "././@LongLink", b"correio.db\0"), database, key],
            "another",
        ),
        (vec![(EntryType::XHeader, "x", b"18 path=correio.db\n"), database, key], "is another"),
        (vec![(plain, "correio.db", &DATABASE[1..]), key], "entry of correio.db is another"),
        (vec![(plain, "correio.db", &[8; 5000]), key], "another checksum"),
        (vec![key, database], "entry of correio.db is another"),
        (vec![database, database], "entry of invite.key is another"),
        (vec![database], "invite.key is missing"),
        (vec![database, key, key], "does not list"),
        (vec![database, key, (plain, "tls.pem", KEY)], "does not list"),
        (vec![(plain, "manifest.json", KEY), database, key], "entry of correio.db is another"),
    ] {
        let error = refusal(&entries);
        assert!(error.contains(said), "{said}: {error}");
    }
}

#[test]
fn what_is_no_backup_is_said_to_be_none() {
    let gzip = |content: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    };
    let other = crafted(&[(EntryType::Regular, "correio.db", DATABASE)]);
    let link = crafted(&[(EntryType::Symlink, "manifest.json", b"{}")]);
    for foreign in [b"SQLite format 3\0".to_vec(), vec![0], other, link, gzip(b"")] {
        let error = unpack(&foreign).unwrap_err();
        assert!(matches!(error, ArchiveError::Foreign), "{error}");
    }
    assert!(unpack(&gzip(b"a text that somebody has compressed")).is_err());
    for garbage in [&b"x"[..], &[0x1f, 0x8b], &backup()] {
        let mut longer = backup();
        longer.extend_from_slice(garbage);
        let error = unpack(&longer).unwrap_err();
        assert!(error.to_string().contains("follows"), "{error}");
    }
}

/// A few bytes may say that they stand for a terabyte, or unpack to it.
#[test]
fn sizes_are_bounded_by_the_manifest_and_by_what_is_accepted() {
    let huge = FileEntry { size: 1 << 40, ..manifest().files[0].clone() };
    let manifest = Manifest { files: vec![huge], ..manifest() };
    let written = Cell::new(0);
    let json = manifest.write().unwrap();
    let all = crafted(&[(EntryType::Regular, "manifest.json", &json)]);
    let accept =
        |manifest: &Manifest| Err(ArchiveError::TooLarge { needed: manifest.bytes(), free: 1 });
    let open = |_: &FileEntry| {
        written.set(written.get() + 1);
        Ok(io::sink())
    };
    let cancel = Cancel::default();
    let refused = archive::unpack(Cursor::new(&all), &cancel, accept, open, |_| ());
    assert!(matches!(refused, Err(ArchiveError::TooLarge { needed, .. }) if needed == 1 << 40));
    assert_eq!(written.get(), 0);

    let large = vec![b' '; 100 * 1024];
    for (name, said) in [("manifest.json", "too large"), ("x", "not a backup")] {
        let error = unpack(&crafted(&[(EntryType::Regular, name, &large)])).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
    // What goes on behind the end is not unpacked without end.
    let mut bomb = GzEncoder::new(Vec::new(), Compression::fast());
    let mut tar = Vec::new();
    GzDecoder::new(backup().as_slice()).read_to_end(&mut tar).unwrap();
    bomb.write_all(&tar).unwrap();
    io::copy(&mut io::repeat(0).take(8 << 20), &mut bomb).unwrap();
    let error = unpack(&bomb.finish().unwrap()).unwrap_err();
    assert!(error.to_string().contains("goes on after its end"), "{error}");
}

#[test]
fn a_file_that_changes_while_it_is_packed_makes_no_backup() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("short");
    fs::write(&path, &DATABASE[1..]).unwrap();
    let (mut short, mut key) = (fs::File::open(&path).unwrap(), KEY);
    let cancel = Cancel::default();
    let packed = pack(Vec::new(), &manifest(), &mut [&mut short, &mut key], &cancel, |_| ());
    assert!(packed.unwrap_err().to_string().contains("became shorter"));
}
