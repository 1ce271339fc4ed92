//! Searches the mail on this computer, in several folders at once.

use correio_client::{Cancel, Condition, Entry, Folder, Mailbox, MailboxError, Skipped};

/// The mails that a search has found.
pub(crate) struct Found {
    /// The mails with their folders, the newest first.
    pub(crate) mails: Vec<(Folder, Entry)>,
    /// Files that could not be searched.
    pub(crate) skipped: Vec<Skipped>,
}

/// Finds the mails in these folders that meet all conditions.
pub(crate) fn search(
    mailbox: &Mailbox,
    folders: &[Folder],
    conditions: &[Condition],
    cancel: &Cancel,
) -> Result<Found, MailboxError> {
    let mut found = Found { mails: Vec::new(), skipped: Vec::new() };
    for folder in folders {
        let selected = mailbox.in_folder(*folder).select(conditions, cancel)?;
        found.mails.extend(selected.entries.into_iter().map(|entry| (*folder, entry)));
        found.skipped.extend(selected.skipped);
    }
    // Mails of one moment stay in their order of arrival.
    found.mails.sort_by_key(|(_, entry)| entry.sent_at());
    found.mails.reverse();
    Ok(found)
}
