//! Reads the heads of those mails that a caller chooses by the names of their files.

use correio_proto::rfc5322::{self, FileName, Head};

use super::{Mailbox, MailboxError, scan::scan};

impl Mailbox {
    /// Opens the files that `is_wanted` chooses, in the order of the mailbox, and hands out their
    /// heads. Files that cannot be read are left out.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Io`] if the mailbox cannot be listed.
    pub(crate) fn heads(
        &self,
        is_wanted: &dyn Fn(&FileName) -> bool,
        found: &mut dyn FnMut(&FileName, Head),
    ) -> Result<(), MailboxError> {
        for file in scan(self.directory())?.files {
            if !is_wanted(&file.name) {
                continue;
            }
            if let Ok(Some(head)) = self.open_file(&file, rfc5322::read_head) {
                found(&file.name, head);
            }
        }
        Ok(())
    }
}
