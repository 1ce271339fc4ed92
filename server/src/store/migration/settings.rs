//! What a store has besides its tables of rows.

/// Values of the table `meta`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MigrationSettings {
    /// The last day on which retention ran, as a number since 1970.
    pub retention_day: Option<i64>,
    /// The number of days on which retention ran.
    pub retention_days: i64,
}

/// The highest numbers that a store has given; none of them is given again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MigrationNumbers {
    /// Of accounts.
    pub account: i64,
    /// Of mails.
    pub mail: i64,
    /// Of contents.
    pub content: i64,
    /// Of the pieces of large contents.
    pub pieces: i64,
    /// Of app passwords.
    pub app_password: i64,
}

impl MigrationNumbers {
    /// Whether each number is at least that of a source.
    #[must_use]
    pub fn cover(&self, source: &Self) -> bool {
        self.account >= source.account
            && self.mail >= source.mail
            && self.content >= source.content
            && self.pieces >= source.pieces
            && self.app_password >= source.app_password
    }
}
