//! An account as a job finds it.

use correio_proto::mail::{FullName, Username};

use super::admin::{AccountState, CodeRecord, Usage};
use crate::ids::{AccountEpoch, AccountId, PasswordHash};

/// A stored account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRecord {
    /// The account's id.
    pub id: AccountId,
    /// The account's username.
    pub username: Username,
    /// The account's full name.
    pub full_name: FullName,
    /// The hash that the account's credential is checked against; `None` if no password was set
    /// yet.
    pub hash: Option<PasswordHash>,
    /// Whether the account can be used.
    pub state: AccountState,
    /// The recovery code that was given out and not used.
    pub code: Option<CodeRecord>,
    /// What the account's mailbox has and may have.
    pub usage: Usage,
}

impl AccountRecord {
    /// The account's epoch.
    #[must_use]
    pub fn epoch(&self) -> AccountEpoch {
        AccountEpoch::of(self.hash.as_ref(), self.code.map(|code| code.digest))
    }

    /// Number of mails in the account's mailbox.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        u32::try_from(self.usage.mails).unwrap_or(u32::MAX)
    }
}
