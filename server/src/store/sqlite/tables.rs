//! The data that the SQL of every job works on.

use rusqlite::Connection;

use super::{
    cache::AccountCache, content_cache::ContentCache, finder::NameChange, memtable::Memtable,
};
use crate::store::Quota;

/// The database, and the tables in memory that stand in for a part of it.
pub(super) struct Tables<'a> {
    pub(super) db: &'a Connection,
    pub(super) quota: Quota,
    pub(super) memtable: &'a mut Memtable,
    pub(super) accounts: &'a mut AccountCache,
    pub(super) contents: &'a mut ContentCache,
    /// Changes of names, which the finder learns of after the commit.
    pub(super) names: &'a mut Vec<NameChange>,
    /// Rows that the job has worked on one by one: members of lists that it has looked at as
    /// recipients of its mail, accounts that it has made, mails that it has deleted with an
    /// account.
    pub(super) work: usize,
}
