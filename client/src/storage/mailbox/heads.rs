//! Reads the heads of those mails that a caller chooses by the names of their files.

use correio_proto::rfc5322::{self, FileName, Head};

use super::{
    Mailbox, MailboxError, parallel,
    scan::{MailFile, scan},
};
use crate::cancel::Cancel;

/// Files that are opened, on several threads, before their heads are handed out.
const FILES_AT_ONCE: usize = 4096;

impl Mailbox {
    /// Opens the files that `is_wanted` chooses, in the order of the mailbox, and hands out their
    /// heads. Files that cannot be read are left out. After `cancel`, the rest is left out, too.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`] if the mailbox cannot be listed.
    pub(crate) fn heads(
        &self,
        is_wanted: &dyn Fn(&FileName) -> bool,
        found: &mut dyn FnMut(&FileName, Head),
        cancel: &Cancel,
    ) -> Result<(), MailboxError> {
        let mut files = scan(self.directory())?.files;
        files.retain(|file| is_wanted(&file.name));
        for files in files.chunks(FILES_AT_ONCE) {
            if cancel.is_cancelled() {
                break;
            }
            let head = |_: &mut (), file: &MailFile| {
                let head = self.open_file(file, rfc5322::read_head).ok()??;
                Some((file.name.clone(), head))
            };
            for (name, head) in parallel::each(files, head) {
                found(&name, head);
            }
        }
        Ok(())
    }
}
