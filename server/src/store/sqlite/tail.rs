//! Frees the disk blocks after the database's end in the main file, in slices.
//!
//! SQLite cuts the file at the end of a checkpoint of the whole log, which the store thread makes.
//! ext4 takes half a second to cut 2 GiB off, nearly all of it for blocks. So the checkpoint thread
//! punches holes first, and the cut finds no blocks.

use std::fs::File;

use rustix::{
    fs::{FallocateFlags, SeekFrom, fallocate, seek},
    io::{Result, retry_on_intr},
};

/// Bytes of a slice. The store thread waits for one at most when it reads the file.
const SLICE_BYTES: u64 = 1 << 20;

/// Frees the blocks from `end` bytes on, and leaves the file's length as it is. The file must hold
/// the database whole, synced, as of a commit after which the database ends there, and no reader
/// may need an earlier state.
///
/// # Errors
///
/// The file system makes no holes, or cannot at present. Blocks that stay are freed by the cut,
/// which then takes longer.
pub(super) fn free(main: &File, end: u64) -> Result<()> {
    let length = seek(main, SeekFrom::End(0))?;
    let mut from = end;
    while from < length {
        // Without further data, the position of the next data is an error.
        let Ok(data) = seek(main, SeekFrom::Data(from)) else {
            return Ok(());
        };
        let bytes = SLICE_BYTES.min(length.saturating_sub(data));
        punch(main, data, bytes)?;
        from = data.saturating_add(bytes);
    }
    Ok(())
}

fn punch(file: &File, offset: u64, bytes: u64) -> Result<()> {
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    retry_on_intr(|| fallocate(file, flags, offset, bytes))
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Seek, Write},
        os::unix::fs::{FileExt, MetadataExt},
    };

    use super::*;

    const MIB: usize = 1 << 20;

    fn kept(file: &File, bytes: usize) -> Vec<u8> {
        let mut kept = vec![0; bytes];
        file.read_exact_at(&mut kept, 0).unwrap();
        kept
    }

    fn disk_bytes(file: &File) -> u64 {
        file.sync_all().unwrap();
        file.metadata().unwrap().blocks() * 512
    }

    #[test]
    fn blocks_after_the_end_are_freed_and_all_before_it_stays() {
        let mut file = tempfile::tempfile().unwrap();
        let database: Vec<u8> = (0..4 * MIB).map(|at| (at / 4096 % 251) as u8 + 1).collect();
        file.write_all(&database).unwrap();
        let whole = disk_bytes(&file);
        let end = MIB + 4096;
        free(&file, end as u64).unwrap();
        assert_eq!(file.metadata().unwrap().len(), database.len() as u64);
        assert_eq!(kept(&file, end), database[..end]);
        assert!(disk_bytes(&file) <= whole - 2 * MIB as u64, "{whole}");
        // The database grows again, and becomes smaller than before.
        file.seek(std::io::SeekFrom::Start(end as u64)).unwrap();
        file.write_all(&database[end..]).unwrap();
        free(&file, database.len() as u64).unwrap();
        assert_eq!(kept(&file, database.len()), database);
        free(&file, MIB as u64).unwrap();
        assert_eq!(kept(&file, MIB), database[..MIB]);
        assert!(disk_bytes(&file) <= whole - 2 * MIB as u64, "{whole}");
    }
}
