//! Reads what the server gives in pages, to the end.

use super::client::AdminClient;
use crate::ops::admin_error::AdminCommandError;
use crate::{
    admin::{reply::AdminReply, request::AdminRequest},
    ops::exit::Failure,
};

/// A page: its items, and whether there are more after them.
pub(super) type Page<T> = (Vec<T>, bool);

/// Reads all pages. `request` asks for the page after the items that are known, and `page` takes
/// its reply apart; `None` if it is another reply.
///
/// # Errors
///
/// As [`AdminClient::ask`], and [`AdminCommandError::Answer`] to another reply.
pub(super) fn all<T>(
    client: &mut AdminClient<'_>,
    request: impl Fn(&[T]) -> AdminRequest,
    mut page: impl FnMut(AdminReply) -> Option<Page<T>>,
) -> Result<Vec<T>, Failure> {
    let mut all: Vec<T> = Vec::new();
    loop {
        let reply = client.ask(request(&all))?;
        let (items, more) = page(reply).ok_or_else(AdminCommandError::unexpected)?;
        // A page without items does not lead on.
        let is_last = !more || items.is_empty();
        all.extend(items);
        if is_last {
            return Ok(all);
        }
    }
}
