//! Storage on the user's computer: received mail, drafts, people, and their files.

pub(crate) mod drafts;
pub(crate) mod layout;
pub(crate) mod mailbox;
pub(crate) mod outgoing;
pub(crate) mod people;
pub(crate) mod skipped;
