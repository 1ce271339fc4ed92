//! The thread that sends and receives news, with a connection of its own.

use std::{
    fmt::Write as _,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{
    breakers::Breakers,
    bulletin::{self, Received},
    connection::Connection,
    database_url::DatabaseUrl,
    deadline::Deadline,
    ended_sessions::Position,
    error::QueryError,
    news_board::NewsBoard,
    nodes::{self, OwnRow},
    queue::LaneQueue,
};
use crate::{store::news::News, waker::Wake};

/// The thread's number; those of the lanes begin with 1.
const THREAD: usize = 0;

/// The channel of all servers.
const CHANNEL: &str = "correio";

/// How often the rows of ended sessions, and the other servers, are looked at, and news of logins
/// are sent.
const LOOK: Duration = Duration::from_secs(1);

/// How long news of mails are collected before they are sent together.
const COLLECT: Duration = Duration::from_millis(15);

/// Longest time for one statement, and for a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// The thread's values.
pub(super) struct NewsThread {
    pub(super) database: DatabaseUrl,
    /// This server's row.
    pub(super) row: OwnRow,
    pub(super) board: Arc<NewsBoard>,
    /// A lane's queue, which is closed when the store is.
    pub(super) queue: Arc<LaneQueue>,
    pub(super) breakers: Arc<Breakers>,
    pub(super) wake: Arc<dyn Wake>,
}

impl NewsThread {
    /// Sends and receives until the store is closed.
    pub(super) fn serve(self) {
        let mut name = String::new();
        for byte in self.row.node {
            // Writing to a text does not fail.
            let _ = write!(name, "{byte:02x}");
        }
        let mut position = Position::default();
        while !self.queue.is_closed() {
            // Whatever the error, the next connection goes on from the position.
            let _ = self.connected(&name, &mut position);
            self.board.nodes.set(None);
            self.queue.wait_until_closed(LOOK);
        }
    }

    fn connected(&self, name: &str, position: &mut Position) -> Result<(), QueryError> {
        let deadline = Deadline::after(PATIENCE);
        let Ok(mut connection) = Connection::connect(&self.database, deadline) else {
            return Ok(());
        };
        self.breakers.hold(THREAD, &connection);
        connection.set_deadline(Deadline::after(PATIENCE));
        // Nothing that this connection changes must outlive the primary.
        connection.batch("SET synchronous_commit = off")?;
        connection.listen(CHANNEL)?;
        let mut next_look: Option<Deadline> = None;
        while !self.queue.is_closed() {
            connection.set_deadline(Deadline::after(PATIENCE));
            if next_look.is_none_or(Deadline::has_passed) {
                next_look = Some(Deadline::after(LOOK));
                self.look(&mut connection, name, position)?;
            }
            self.send(&mut connection, name)?;
            let has_others = self.board.has_others.load(Ordering::Relaxed);
            let tick = if has_others { COLLECT } else { LOOK / 4 };
            if let Some(notification) = connection.wait_notification(Deadline::after(tick))? {
                match bulletin::read(name, &notification.payload) {
                    Received::Nothing => {}
                    Received::News(news) => self.hear([news]),
                    Received::Ended => next_look = None,
                }
            }
        }
        connection.set_deadline(Deadline::after(PATIENCE));
        let statement = statement!("DELETE FROM node WHERE id = $1", BYTEA);
        connection.execute(statement, &[&self.row.node.as_slice()]).map(drop)
    }

    /// Shows that this server is there, looks for others, reads which sessions must end, and sends
    /// the news of logins.
    fn look(
        &self,
        connection: &mut Connection,
        name: &str,
        position: &mut Position,
    ) -> Result<(), QueryError> {
        let node = self.row.node;
        self.row.show(connection, self.board.sessions.load(Ordering::Relaxed))?;
        let nodes: i64 = connection.query(nodes::present(), &[])?.one()?.get(0)?;
        self.board.nodes.set(u64::try_from(nodes).ok());
        let statement = statement!(
            "SELECT EXISTS (
                 SELECT 1 FROM node WHERE id <> $1 AND seen_at > now() - interval '10 seconds'
             )",
            BYTEA
        );
        let has_others: bool = connection.query(statement, &[&node.as_slice()])?.one()?.get(0)?;
        self.board.has_others.store(has_others, Ordering::Relaxed);
        let mut news = Vec::new();
        position.read(connection, node, &mut news)?;
        if self.board.is_unsettled() {
            position.read_own(connection, node, &mut news)?;
        }
        self.hear(news);
        for text in bulletin::of_logins(name, &self.board.take_logins()) {
            connection.notify(CHANNEL, &text)?;
        }
        Ok(())
    }

    /// Sends what has gathered.
    fn send(&self, connection: &mut Connection, name: &str) -> Result<(), QueryError> {
        if self.board.has_ended.swap(false, Ordering::Relaxed)
            && let Some(text) = bulletin::of_ended(name)
        {
            connection.notify(CHANNEL, &text)?;
        }
        for (accounts, mail) in self.board.take_outgoing() {
            for text in bulletin::of_mail(name, &accounts, &mail) {
                connection.notify(CHANNEL, &text)?;
            }
        }
        Ok(())
    }

    fn hear(&self, news: impl IntoIterator<Item = News>) {
        if self.board.hear(news) {
            self.wake.wake();
        }
    }
}
