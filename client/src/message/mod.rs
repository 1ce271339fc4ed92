//! RFC 5322 messages as the content of a mail: making them from a text and files, and reading what
//! other programs made.
//!
//! A message is read from its start to its end, a line at a time, and nothing is opened or fetched.
//! What is kept of it has limits, whatever the message's size and shape are. Texts of a message are
//! those of another person: the caller makes them harmless for a terminal ([`crate::sanitize()`]).

mod answer;
mod attachment;
mod attachment_file;
mod continued;
mod decode;
mod draft;
mod fields;
mod file_name;
mod flowed;
mod head;
mod html;
mod lines;
mod make_error;
mod media_type;
mod message_id;
mod parameter;
mod save;
mod subject;
mod text;
mod view;
mod walk;

pub use answer::{Forwarded, forwarded_text, quoted_text, references};
pub use attachment::{ATTACHMENTS_MAX, Attachment};
pub use attachment_file::AttachmentFile;
pub(crate) use draft::FILES_MAX;
pub use draft::MessageDraft;
pub use fields::{FromField, MessageFields};
pub use make_error::MakeError;
pub use message_id::{InvalidMessageId, MessageId};
pub use save::{AttachmentSaver, SaveError, save_attachment};
pub use subject::{forward_subject, reply_subject};
pub use text::{MessageText, TextSource};
pub use view::MessageView;

#[cfg(test)]
mod tests;
