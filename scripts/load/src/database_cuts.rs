//! Cuts of a server's connections to its database, each at a random message.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, Result};
use correio_testing::database_proxy::{DatabaseProxy, DatabaseUrl, Side};

/// Longest wait for the message that a connection is cut at. Then another message is chosen.
const TURN: Duration = Duration::from_millis(400);

/// Messages of one side that pass before a cut, at most.
const MESSAGES_MAX: u64 = 300;

/// A proxy between a server and its database, and the thread that has it cut connections.
#[derive(Debug)]
pub(crate) struct DatabaseCuts {
    proxy: DatabaseProxy,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<u32>>,
}

impl DatabaseCuts {
    /// Starts the proxy. Nothing is cut before [`DatabaseCuts::begin`].
    ///
    /// # Errors
    ///
    /// There is no port.
    pub(crate) fn start(database: &DatabaseUrl) -> Result<Self> {
        let proxy = DatabaseProxy::start(database).context("a port for the proxy")?;
        Ok(Self { proxy, ends: Arc::default(), thread: None })
    }

    /// The address of the database through the proxy, without a password.
    #[must_use]
    pub(crate) fn url(&self) -> DatabaseUrl {
        self.proxy.url()
    }

    /// Starts to cut.
    ///
    /// # Errors
    ///
    /// The system starts no thread.
    pub(crate) fn begin(&mut self, seed: u64) -> Result<()> {
        let (proxy, ends) = (self.proxy.clone(), self.ends.clone());
        let cut = move || {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut cuts = 0;
            while !ends.load(Ordering::Relaxed) {
                let side = if random.bool() { Side::Client } else { Side::Server };
                proxy.cut_after(Some((side, random.u64(..MESSAGES_MAX))));
                thread::park_timeout(TURN);
                cuts += u32::from(proxy.has_cut());
            }
            proxy.cut_after(None);
            cuts
        };
        self.thread = Some(thread::Builder::new().name("database cuts".to_owned()).spawn(cut)?);
        Ok(())
    }

    /// Cuts nothing more. Returns the number of connections that were cut; `None` if that was told
    /// before.
    pub(crate) fn end(&mut self) -> Option<u32> {
        let thread = self.thread.take()?;
        self.ends.store(true, Ordering::Relaxed);
        thread.thread().unpark();
        // A panic of the thread has printed its message.
        Some(thread.join().unwrap_or_default())
    }
}

impl Drop for DatabaseCuts {
    fn drop(&mut self) {
        self.end();
    }
}
