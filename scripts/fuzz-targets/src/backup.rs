//! Target `backup`: an archive that a restore reads. The first byte says how the rest becomes one:
//! the bytes themselves, a tar stream to compress, or a real backup with changed bytes.

use std::io::{self, Read, Write};

use correio_proto::message::Realm;
use correio_server::{
    cancel::Cancel,
    ops::archive::{ArchiveError, ArchivedFile, FileEntry, Manifest, Source, digest, pack, unpack},
};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};

use crate::input::Input;

/// Most bytes of a file that a run accepts.
const FILE_MAX: u64 = 1 << 20;

/// The files of a backup.
type Files = Vec<(ArchivedFile, Vec<u8>)>;

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    match input.below(3) {
        0 => _ = read(input.rest()),
        1 => _ = read(&compress(input.rest())),
        _ => changed(&mut input),
    }
}

/// A real backup whose tar stream is changed in some bytes is refused, or has the same files.
fn changed(input: &mut Input<'_>) {
    let files: Files = ArchivedFile::ALL.map(|file| (file, input.counted().to_vec())).to_vec();
    let backup = make(&files);
    let mut tar = Vec::new();
    GzDecoder::new(backup.as_slice()).read_to_end(&mut tar).unwrap();
    while !input.is_empty() {
        let at = usize::from(input.number()) % tar.len();
        tar[at] = input.byte();
    }
    if let Some(found) = read(&compress(&tar)) {
        assert_eq!(found, files);
    }
}

fn make(files: &Files) -> Vec<u8> {
    let cancel = Cancel::default();
    let entry = |(file, content): &(ArchivedFile, Vec<u8>)| {
        let (sha256, size) = digest(&mut content.as_slice(), &cancel).unwrap();
        FileEntry { file: *file, size, sha256 }
    };
    let manifest = Manifest {
        correio: "0.1.0".to_owned(),
        schema: 1,
        realm: Realm([7; 16]),
        made_at: "2026-07-01T03:00:00Z".to_owned(),
        files: files.iter().map(entry).collect(),
    };
    let mut contents: Vec<&[u8]> = files.iter().map(|(_, content)| content.as_slice()).collect();
    let mut sources: Vec<Source<'_>> =
        contents.iter_mut().map(|content| content as Source<'_>).collect();
    pack(Vec::new(), &manifest, &mut sources, &cancel, |_| ()).unwrap()
}

fn compress(tar: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(tar).unwrap();
    encoder.finish().unwrap()
}

/// Reads an archive. Checks that the files of an accepted archive have the sizes and checksums that
/// it states, and that a new archive of them gives the same files.
fn read(archive: &[u8]) -> Option<Files> {
    let cancel = Cancel::default();
    let mut places: Vec<FileEntry> = Vec::new();
    let (sender, receiver) = std::sync::mpsc::channel();
    let accept = |manifest: &Manifest| {
        let is_small = manifest.files.iter().all(|entry| entry.size <= FILE_MAX);
        is_small.then_some(()).ok_or(ArchiveError::TooLarge { needed: FILE_MAX + 1, free: 0 })
    };
    let open = |entry: &FileEntry| {
        places.push(entry.clone());
        Ok(Place { index: places.len() - 1, left: entry.size, sender: sender.clone() })
    };
    let manifest = unpack(archive, &cancel, accept, open, |_| ());
    drop(sender);
    let mut contents = vec![Vec::new(); places.len()];
    for (index, bytes) in receiver {
        contents[index].extend(bytes);
    }
    let manifest = match manifest {
        Ok(manifest) => manifest,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return None;
        }
    };
    assert_eq!(manifest.files, places);
    assert_eq!(Manifest::parse(&manifest.write().unwrap()).unwrap(), manifest);
    for (entry, content) in places.iter().zip(&contents) {
        let found = digest(&mut content.as_slice(), &cancel).unwrap();
        assert_eq!(found, (entry.sha256, entry.size));
    }
    Some(places.into_iter().map(|entry| entry.file).zip(contents).collect())
}

/// A file that takes no more than its entry states.
struct Place {
    index: usize,
    left: u64,
    sender: std::sync::mpsc::Sender<(usize, Vec<u8>)>,
}

impl Write for Place {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self.left.checked_sub(bytes.len() as u64).unwrap();
        self.sender.send((self.index, bytes.to_vec())).unwrap();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
