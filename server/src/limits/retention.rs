//! How long mails and unused accounts are kept.

/// Whole days between a warning of retention and the deletion.
pub const WARNING_DAYS: u32 = 7;

/// Days for which mails and unused accounts are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Mails, from when they were sent; `None` keeps them until they are confirmed.
    pub mail_days: Option<u32>,
    /// Accounts, from when they were last used; `None` keeps all.
    pub account_days: Option<u32>,
}

impl RetentionPolicy {
    /// Whether something is deleted.
    #[must_use]
    pub fn is_on(self) -> bool {
        self.mail_days.is_some() || self.account_days.is_some()
    }
}
