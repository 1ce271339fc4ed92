//! Room for incomplete requests and mails, when their shared budget is used up.

use super::{Server, connection::Transport};
use crate::{clock::Now, ids::ConnId, limits::budget::Exhausted};

impl<T: Transport> Server<T> {
    /// Makes room for what a connection has received. The clients that stall longest within a
    /// request or a mail give way; where none stalls, this connection does. So clients that stop
    /// in the middle cannot keep the others out until their idle timeout.
    pub(super) fn make_room(&mut self, now: Now, id: ConnId) {
        let share = |server: &mut Self| {
            server.with(id, now, |entry, context| entry.connection.share_input(context))
        };
        while share(self) == Some(Err(Exhausted)) {
            let Some(stalled) = self.longest_stalled(now, id) else {
                self.refuse_for_room(now, id);
                return self.drive(now, id);
            };
            self.refuse_for_room(now, stalled);
            self.make_ready(stalled);
        }
        self.make_ready(id);
    }

    fn refuse_for_room(&mut self, now: Now, id: ConnId) {
        self.with(id, now, |entry, context| entry.connection.refuse_for_room(context));
    }

    /// The connection beside this one whose client stalls longest. Looks at all connections, which
    /// costs less than reading the input for which there is no room.
    fn longest_stalled(&self, now: Now, beside: ConnId) -> Option<ConnId> {
        let others = self.connections.iter().filter(|(id, _)| *id != beside);
        others
            .filter_map(|(id, entry)| Some((entry.connection.stalled_since(now)?, id)))
            .min_by_key(|(since, _)| *since)
            .map(|(_, id)| id)
    }
}
