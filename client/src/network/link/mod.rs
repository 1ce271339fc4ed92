//! Keeps a connection to a server: looks its name up, races its addresses, greets, exchanges
//! messages, and reconnects after a break. Socket and clock are arguments.
//!
//! Every step examines the state and not the cause of the wake-up, so an extra step does no harm.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    time::Duration,
};

use crate::{
    address::Address,
    client::{Client, Driven, LinkError},
    error::{Attempt, ConnectError},
    network::{
        backoff::Backoff,
        happy_eyeballs::{Race, connect_error},
    },
};

/// A connection that lasted this long resets the backoff, as does one on which a request was
/// answered.
const GOOD_AFTER: Duration = Duration::from_secs(5);

/// Longest wait accepted from a server that refuses the connection.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// The network that a link uses.
pub(crate) trait Net {
    /// A connection, which may still be connecting.
    type Socket: Read + Write;

    /// Starts looking a name up, unless that is under way. Returns the addresses once they are
    /// known.
    fn look_up(&mut self, host: String, port: u16) -> io::Result<Option<Vec<SocketAddr>>>;

    /// Starts to connect.
    fn open(&mut self, address: SocketAddr) -> io::Result<Self::Socket>;

    /// Whether the socket is connected.
    fn is_connected(&self, socket: &Self::Socket) -> io::Result<bool>;

    /// A random number, so that clients do not reconnect at the same time.
    fn random(&mut self) -> u64;
}

/// A connection to a server, and the client that uses it.
pub(crate) struct Link<S> {
    pub(crate) client: Client,
    address: Address,
    /// How long one attempt to connect may take.
    deadline: Duration,
    state: LinkState<S>,
    backoff: Backoff,
    /// The last failure to connect.
    failure: Option<ConnectError>,
    /// Whether there was ever a connection.
    stood: bool,
    /// Whether there may be more to read without a further event.
    again: bool,
}

/// State of the connection.
enum LinkState<S> {
    /// Idle until this time.
    Waiting {
        until: Duration,
    },
    LookingUp {
        deadline: Duration,
    },
    Dialing(Dialing<S>),
    /// Connected to the socket's address; the greeting is under way.
    Greeting(Dialing<S>, Socket<S>),
    Up {
        socket: Socket<S>,
        since: Duration,
        stopping: bool,
    },
}

struct Dialing<S> {
    race: Race,
    sockets: Vec<Socket<S>>,
    deadline: Duration,
}

struct Socket<S> {
    address: SocketAddr,
    inner: S,
}

impl<S: Read + Write> Link<S> {
    /// A link that connects with its first step.
    pub(crate) fn new(client: Client, address: Address, deadline: Duration) -> Self {
        Self {
            client,
            address,
            deadline,
            state: LinkState::Waiting { until: Duration::ZERO },
            backoff: Backoff::default(),
            failure: None,
            stood: false,
            again: false,
        }
    }

    /// Whether there is a connection to a correio server.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.state, LinkState::Up { .. })
    }

    /// Why there is no connection.
    pub(crate) fn failure(&self) -> Option<&ConnectError> {
        self.failure.as_ref().filter(|_| !self.is_up())
    }

    /// Latest time of the next step.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        if self.again {
            return Some(Duration::ZERO);
        }
        let link = match &self.state {
            LinkState::Waiting { until } => Some(*until),
            LinkState::LookingUp { deadline } => Some(*deadline),
            LinkState::Dialing(dialing) => {
                let start = dialing.race.timeout().unwrap_or(dialing.deadline);
                Some(start.min(dialing.deadline))
            }
            LinkState::Greeting(dialing, _) => Some(dialing.deadline),
            LinkState::Up { .. } => None,
        };
        [link, self.client.timeout()].into_iter().flatten().min()
    }

    /// Does everything that is possible at `now`.
    ///
    /// # Errors
    ///
    /// The first attempt to connect failed. Later attempts are repeated.
    pub(crate) fn step(
        &mut self,
        now: Duration,
        net: &mut impl Net<Socket = S>,
    ) -> Result<(), ConnectError> {
        loop {
            let before = std::mem::discriminant(&self.state);
            let nothing = LinkState::Waiting { until: Duration::ZERO };
            self.again = false;
            let next = match std::mem::replace(&mut self.state, nothing) {
                LinkState::Waiting { until } if until <= now => self.begin(now, net),
                waiting @ LinkState::Waiting { .. } => Ok(waiting),
                LinkState::LookingUp { deadline } => self.look_up(now, net, deadline),
                LinkState::Dialing(dialing) => self.dial(now, net, dialing),
                LinkState::Greeting(dialing, socket) => self.greet(now, dialing, socket),
                LinkState::Up { socket, since, stopping } => {
                    Ok(self.exchange(now, net, socket, since, stopping))
                }
            };
            self.state = match next {
                Ok(state) => state,
                Err(error) if !self.stood => return Err(error),
                Err(error) => self.wait_after(error, now, net),
            };
            if std::mem::discriminant(&self.state) == before {
                break;
            }
        }
        if !self.is_up() {
            // Without a connection only deadlines of requests can pass, which is no error.
            let _ = self.client.handle_timeout(now);
        }
        Ok(())
    }

    /// Sends `close_notify`, if that is possible without waiting.
    pub(crate) fn close(&mut self, now: Duration) {
        if let LinkState::Up { socket, .. } = &mut self.state {
            self.client.close();
            // Without it, the server still sees the end of the connection.
            let _ = self.client.drive(now, &mut socket.inner);
        }
    }

    /// Starts an attempt to connect. Looks the name up again, since its addresses may have changed.
    fn begin(
        &mut self,
        now: Duration,
        net: &mut impl Net<Socket = S>,
    ) -> Result<LinkState<S>, ConnectError> {
        let deadline = now + self.deadline;
        match self.address.ip() {
            Some(ip) => {
                let address = SocketAddr::new(ip, self.address.port());
                Ok(dialing(&[address], now, deadline))
            }
            None => self.look_up(now, net, deadline),
        }
    }

    fn look_up(
        &mut self,
        now: Duration,
        net: &mut impl Net<Socket = S>,
        deadline: Duration,
    ) -> Result<LinkState<S>, ConnectError> {
        let not_found = |detail: &str| ConnectError::NameNotFound {
            host: self.address.host(),
            detail: detail.to_owned(),
        };
        match net.look_up(self.address.host(), self.address.port()) {
            Ok(None) if deadline <= now => Err(ConnectError::TimedOut { tried: vec![] }),
            Ok(None) => Ok(LinkState::LookingUp { deadline }),
            Ok(Some(addresses)) if addresses.is_empty() => Err(not_found("it has no address")),
            Ok(Some(addresses)) => Ok(dialing(&addresses, now, deadline)),
            Err(error) => Err(not_found(&error.to_string())),
        }
    }

    fn dial(
        &mut self,
        now: Duration,
        net: &mut impl Net<Socket = S>,
        mut dialing: Dialing<S>,
    ) -> Result<LinkState<S>, ConnectError> {
        let Dialing { race, sockets, deadline } = &mut dialing;
        if *deadline <= now {
            return Err(dialing.race.into_error());
        }
        let mut index = 0;
        while let Some(socket) = sockets.get(index) {
            match net.is_connected(&socket.inner) {
                Ok(false) => index += 1,
                Ok(true) => {
                    let socket = sockets.swap_remove(index);
                    race.win(socket.address);
                    sockets.clear();
                    self.client.connected(now);
                    return Ok(LinkState::Greeting(dialing, socket));
                }
                Err(error) => {
                    race.fail(socket.address, error.into(), now);
                    sockets.swap_remove(index);
                }
            }
        }
        while let Some(address) = race.start(now) {
            match net.open(address) {
                Ok(inner) => sockets.push(Socket { address, inner }),
                Err(error) => race.fail(address, error.into(), now),
            }
        }
        if race.is_lost() {
            return Err(dialing.race.into_error());
        }
        Ok(LinkState::Dialing(dialing))
    }

    fn greet(
        &mut self,
        now: Duration,
        mut dialing: Dialing<S>,
        mut socket: Socket<S>,
    ) -> Result<LinkState<S>, ConnectError> {
        if let Err(error) = self.drive(now, &mut socket.inner) {
            self.client.disconnected();
            dialing.race.fail(socket.address, error, now);
            if dialing.race.is_lost() {
                return Err(dialing.race.into_error());
            }
            return Ok(LinkState::Dialing(dialing));
        }
        if self.client.is_greeted() {
            self.stood = true;
            return Ok(LinkState::Up { socket, since: now, stopping: false });
        }
        if dialing.deadline <= now {
            self.client.disconnected();
            return Err(dialing.race.into_error());
        }
        Ok(LinkState::Greeting(dialing, socket))
    }

    fn exchange(
        &mut self,
        now: Duration,
        net: &mut impl Net<Socket = S>,
        mut socket: Socket<S>,
        since: Duration,
        stopping: bool,
    ) -> LinkState<S> {
        let driven = self.drive(now, &mut socket.inner);
        let stopping = stopping || self.client.is_closing();
        let Err(error) = driven else {
            return LinkState::Up { socket, since, stopping };
        };
        self.client.disconnected();
        let address = socket.address;
        let failure = error.to_string();
        let error = connect_error(error, vec![Attempt { address, failure }]);
        if since + GOOD_AFTER <= now || self.client.has_served() {
            self.backoff.reset();
        }
        if !stopping {
            return self.wait_after(error, now, net);
        }
        self.failure = Some(error);
        LinkState::Waiting { until: now + self.backoff.after_shutdown(net.random()) }
    }

    fn drive(&mut self, now: Duration, socket: &mut S) -> Result<(), LinkError> {
        self.client.handle_timeout(now)?;
        self.again = self.client.drive(now, socket)? == Driven::Again;
        Ok(())
    }

    /// Waits after a failed attempt.
    fn wait_after(
        &mut self,
        error: ConnectError,
        now: Duration,
        net: &mut impl Net<Socket = S>,
    ) -> LinkState<S> {
        let mut wait = self.backoff.after_failure(net.random());
        let asked = match &error {
            ConnectError::Busy { retry_after } => *retry_after,
            ConnectError::Rejected(refusal) => {
                refusal.retry_after.map(u64::from).map(Duration::from_secs)
            }
            _ => None,
        };
        if let Some(asked) = asked {
            // In addition to the random delay, so that not all clients return at once.
            wait += asked.min(RETRY_AFTER_MAX);
        }
        self.failure = Some(error);
        LinkState::Waiting { until: now + wait }
    }
}

fn dialing<S>(addresses: &[SocketAddr], now: Duration, deadline: Duration) -> LinkState<S> {
    LinkState::Dialing(Dialing { race: Race::new(addresses, now), sockets: vec![], deadline })
}

#[cfg(test)]
mod tests;
