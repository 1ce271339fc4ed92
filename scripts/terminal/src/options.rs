//! Options of a run.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, ensure};

/// Options of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Seed of all actions.
    pub seed: u64,
    /// No step begins later than this.
    pub time: Duration,
    /// Most steps, besides the limit on time.
    pub steps: Option<u64>,
    /// File that gets every action with its time.
    pub record: Option<PathBuf>,
    /// The programs.
    pub programs: Programs,
}

/// The programs under test.
#[derive(Clone, Debug)]
pub struct Programs {
    /// Path of `correio`.
    pub client: PathBuf,
    /// Path of `correiod`.
    pub server: PathBuf,
    /// The program that becomes the server; see [`correio_testing::guard`].
    pub guard: PathBuf,
}

impl Programs {
    /// Finds the programs in a directory. `guard` is the path of `simulate-terminal`.
    ///
    /// # Errors
    ///
    /// A program is missing.
    pub fn in_directory(directory: &Path, guard: &Path) -> Result<Self> {
        let (client, server) = (directory.join("correio"), directory.join("correiod"));
        let programs = Self { client, server, guard: guard.to_owned() };
        for program in [&programs.client, &programs.server] {
            ensure!(program.is_file(), "{} is not there; build it", program.display());
        }
        Ok(programs)
    }
}
