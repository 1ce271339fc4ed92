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
    identity::StoreIdentity,
    loss::{LossLog, Outage},
    news_board::{MailNews, NewsBoard},
    nodes::{self, OwnRow},
    queue::LaneQueue,
    report::Report,
    sealer::{self, Sealer},
};
use crate::{
    clock::{self, Clock},
    event::Event,
    store::news::News,
    waker::Wake,
};

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
    pub(super) identity: StoreIdentity,
    /// This server's row.
    pub(super) row: OwnRow,
    /// The key of what servers tell each other.
    pub(super) key: [u8; sealer::KEY],
    /// How far `ended_session` was read before the first session.
    pub(super) ended: Position,
    pub(super) board: Arc<NewsBoard>,
    /// A lane's queue, which is closed when the store is.
    pub(super) queue: Arc<LaneQueue>,
    pub(super) breakers: Arc<Breakers>,
    pub(super) report: Arc<Report>,
    pub(super) wake: Arc<dyn Wake>,
}

/// What the thread keeps over its connections.
struct Own {
    /// This server's id, as texts have it.
    name: String,
    sealer: Sealer,
    position: Position,
    /// Runs since the last reading of `ended_session`.
    read_ended: Clock,
    predecessor: Predecessor,
    name_use: NameUse,
    /// Runs since the thread began.
    uptime: Clock,
    /// Until when there may be another server although no row shows it.
    others_until: Option<Deadline>,
}

/// Whether the row of the directory's earlier server was deleted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Predecessor {
    Unknown,
    Removed,
}

/// What the log was last told about this server's name: whether another server has it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NameUse {
    Alone,
    Shared,
}

impl Own {
    /// Tells the other servers a text.
    fn tell(&mut self, connection: &mut Connection, text: &str) -> Result<(), QueryError> {
        match self.sealer.seal(text, now()) {
            Some(sealed) => connection.notify(CHANNEL, &sealed),
            None => Ok(()),
        }
    }
}

/// The time, in milliseconds since 1970.
fn now() -> u64 {
    let since = clock::since_1970().unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl NewsThread {
    /// Sends and receives until the store is closed.
    pub(super) fn serve(self) {
        let mut name = String::new();
        for byte in self.row.node {
            // Writing to a text does not fail.
            let _ = write!(name, "{byte:02x}");
        }
        // The key has the right length.
        let Some(sealer) = Sealer::new(self.row.node, &self.key) else { return };
        let mut own = Own {
            name,
            sealer,
            position: self.ended,
            read_ended: Clock::start(),
            predecessor: Predecessor::Unknown,
            name_use: NameUse::Alone,
            uptime: Clock::start(),
            others_until: None,
        };
        let mut outage = None;
        while !self.queue.is_closed() {
            let attempt = Clock::start();
            // Whatever the error, the next connection goes on from the position.
            if let Err(text) = self.connected(&mut own, &mut outage) {
                self.report.losses.failed(&mut outage, &text, &attempt);
            }
            self.board.nodes.set(None);
            self.queue.wait_until_closed(LOOK);
        }
    }

    /// Connects, then exchanges news until the store is closed. Returns the error's text.
    fn connected(&self, own: &mut Own, outage: &mut Option<Outage<'_>>) -> Result<(), Arc<str>> {
        let deadline = Deadline::after(PATIENCE);
        let mut connection = Connection::connect(&self.database, deadline)
            .map_err(|error| Arc::from(error.to_string()))?;
        self.breakers.hold(THREAD, &connection);
        connection.set_deadline(Deadline::after(PATIENCE));
        self.exchange(&mut connection, own, outage).map_err(|error| error.to_string().into())
    }

    /// Sends and receives on this connection until the store is closed, then deletes this server's
    /// row.
    fn exchange(
        &self,
        connection: &mut Connection,
        own: &mut Own,
        outage: &mut Option<Outage<'_>>,
    ) -> Result<(), QueryError> {
        self.identity.check(connection)?;
        // Nothing that this connection changes must outlive the primary.
        connection.batch("SET synchronous_commit = off")?;
        connection.listen(CHANNEL)?;
        let mut next_look: Option<Deadline> = None;
        while !self.queue.is_closed() {
            connection.set_deadline(Deadline::after(PATIENCE));
            if next_look.is_none_or(Deadline::has_passed) {
                next_look = Some(Deadline::after(LOOK));
                self.look(connection, own)?;
                LossLog::works(outage);
            }
            self.send(connection, own)?;
            let has_others = self.board.has_others.load(Ordering::Relaxed);
            let tick = if has_others { COLLECT } else { LOOK / 4 };
            if let Some(notification) = connection.wait_notification(Deadline::after(tick))? {
                let text = own.sealer.open(&notification.payload, now());
                match bulletin::read(&own.name, &text.unwrap_or_default()) {
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

    /// Renews this server's row, counts the servers, reads which sessions must end, and sends the
    /// news of logins.
    fn look(&self, connection: &mut Connection, own: &mut Own) -> Result<(), QueryError> {
        let sessions = self.board.sessions.load(Ordering::Relaxed);
        self.row.renew(connection, sessions, own.uptime.uptime())?;
        if own.predecessor == Predecessor::Unknown {
            // The row may be that of a running server, which makes it again at its next look. Its
            // clients must miss no news until then.
            if self.row.replace_predecessor(connection)? > 0 {
                own.others_until = Some(Deadline::after(2 * LOOK));
            }
            own.predecessor = Predecessor::Removed;
        }
        self.count_nodes(connection, own)?;
        let mut news = Vec::new();
        let read = self.read_ended(connection, own, &mut news);
        // Also if reading failed half-way: the position is already after this news.
        self.hear(news);
        read?;
        for text in bulletin::of_logins(&own.name, &self.board.take_logins()) {
            own.tell(connection, &text)?;
        }
        Ok(())
    }

    /// Counts the servers, and looks whether there are others, and one of this server's name.
    fn count_nodes(&self, connection: &mut Connection, own: &mut Own) -> Result<(), QueryError> {
        let nodes: i64 = connection.query(nodes::present(), &[])?.one()?.get(0)?;
        self.board.nodes.set(u64::try_from(nodes).ok());
        let statement = statement!(
            concat!("SELECT EXISTS (SELECT 1 FROM node WHERE id <> $1 AND ", seen_lately!(), ")"),
            BYTEA
        );
        let node = self.row.node.as_slice();
        let are_seen: bool = connection.query(statement, &[&node])?.one()?.get(0)?;
        let may_be = own.others_until.is_some_and(|until| !until.has_passed());
        self.board.has_others.store(are_seen || may_be, Ordering::Relaxed);
        match are_seen {
            true => self.look_for_namesake(connection, own)?,
            false => own.name_use = NameUse::Alone,
        }
        Ok(())
    }

    /// Logs a warning when another server has this server's name; once, until no other has it.
    fn look_for_namesake(
        &self,
        connection: &mut Connection,
        own: &mut Own,
    ) -> Result<(), QueryError> {
        let Some(name) = self.row.name() else { return Ok(()) };
        let namesake = self.row.namesake(connection)?;
        let name_use = if namesake.is_some() { NameUse::Shared } else { NameUse::Alone };
        let before = std::mem::replace(&mut own.name_use, name_use);
        if let Some(namesake) = namesake.filter(|_| before == NameUse::Alone) {
            Event::ServerWarning { text: &namesake.warning(name) }.log();
        }
        Ok(())
    }

    /// Reads which sessions must end.
    fn read_ended(
        &self,
        connection: &mut Connection,
        own: &mut Own,
        news: &mut Vec<News>,
    ) -> Result<(), QueryError> {
        let node = self.row.node;
        own.position.read(connection, node, news)?;
        let since = std::mem::replace(&mut own.read_ended, Clock::start()).uptime();
        if self.board.is_unsettled() {
            own.position.read_own(connection, node, news)?;
            // Time without the database counts for nothing.
            self.board.settle(since.min(LOOK));
        }
        Ok(())
    }

    /// Sends what has gathered.
    fn send(&self, connection: &mut Connection, own: &mut Own) -> Result<(), QueryError> {
        if self.board.has_ended.swap(false, Ordering::Relaxed)
            && let Some(text) = bulletin::of_ended(&own.name)
        {
            own.tell(connection, &text)?;
        }
        for MailNews { accounts, mail } in self.board.take_outgoing() {
            for text in bulletin::of_mail(&own.name, &accounts, &mail) {
                own.tell(connection, &text)?;
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
