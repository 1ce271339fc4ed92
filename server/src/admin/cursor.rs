//! The cursor of an announcement: where it goes on after it was stopped.

use std::{fmt, str::FromStr};

use correio_proto::mail::{MailId, Username};
use sha2::{Digest, Sha256};

use crate::clock::Now;

/// An announcement's id, and the account after which it goes on. Written as the id, or as the id,
/// `/` and a username.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnouncementCursor {
    /// The announcement's id.
    pub id: MailId,
    /// Only accounts whose usernames stand after this one are still to get the mail; `None` for
    /// all.
    pub after: Option<Username>,
}

/// A text is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no id of an announcement, as a command that stopped has printed it")]
pub struct NotACursor;

impl AnnouncementCursor {
    /// The cursor of a new announcement.
    ///
    /// # Errors
    ///
    /// The system gives no random bytes.
    pub fn begin(now: Now) -> Result<Self, getrandom::Error> {
        let mut random = [0; 10];
        getrandom::fill(&mut random)?;
        Ok(Self { id: MailId::from_parts(now.wall, random), after: None })
    }

    /// The cursor of the step that begins after this account.
    pub(super) fn step(&self, after: Username) -> Self {
        Self { id: self.id, after: Some(after) }
    }

    /// The id of the mail of the step that begins here. A step that is repeated has the same id, by
    /// which the store knows it.
    pub(super) fn mail_id(&self) -> MailId {
        let Some(after) = &self.after else {
            return self.id;
        };
        let digest =
            Sha256::new().chain_update(self.id.as_bytes()).chain_update(after.as_str()).finalize();
        let mut rest = [0; 10];
        rest.iter_mut().zip(digest.into_iter().skip(6)).for_each(|(byte, from)| *byte = from);
        MailId::from_parts(self.id.time(), rest)
    }
}

impl fmt::Display for AnnouncementCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.after {
            None => self.id.fmt(f),
            Some(after) => write!(f, "{}/{after}", self.id),
        }
    }
}

impl FromStr for AnnouncementCursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (id, after) = match text.split_once('/') {
            None => (text, None),
            Some((id, after)) => (id, Some(after.parse().map_err(|_| NotACursor)?)),
        };
        Ok(Self { id: id.parse().map_err(|_| NotACursor)?, after })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_cursor_is_written_and_read_back() {
        let cursor = AnnouncementCursor::begin(Clock::start().now()).unwrap();
        assert_eq!(cursor.to_string().parse(), Ok(cursor.clone()));
        let next = cursor.step("tony".parse().unwrap());
        assert_eq!(next.to_string(), format!("{cursor}/tony"));
        assert_eq!(next.to_string().parse(), Ok(next.clone()));
        for text in ["", "tony", "/tony", &format!("{cursor}/"), &format!("{cursor}/-")] {
            assert_eq!(text.parse::<AnnouncementCursor>(), Err(NotACursor), "{text}");
        }
    }

    #[test]
    fn each_step_has_an_id_of_its_own_and_always_the_same() {
        let cursor = AnnouncementCursor::begin(Clock::start().now()).unwrap();
        let step = |username: &str| cursor.step(username.parse().unwrap());
        assert_eq!(cursor.mail_id(), cursor.id);
        assert_eq!(step("tony").mail_id(), step("tony").mail_id());
        assert_ne!(step("tony").mail_id(), step("pepper").mail_id());
        assert_ne!(step("tony").mail_id(), cursor.mail_id());
        // Ids that were made together stand together in the store.
        assert_eq!(step("tony").mail_id().time(), cursor.id.time());
    }
}
