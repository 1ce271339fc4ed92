//! Prints what a service of many users needs, from the figures of `scripts/benchmark`.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use clap::Parser;
use correio_load::bench::scale::{Figures, Habits, table};

/// Say what a service of many users needs, from the figures of scripts/benchmark.
#[derive(Debug, Parser)]
struct Options {
    /// The results of scripts/benchmark
    #[arg(default_value = "target/benchmark.json")]
    results: PathBuf,
    /// The results with the rows of PostgreSQL on a cluster, if they are others
    #[arg(long, value_name = "FILE")]
    cluster: Option<PathBuf>,
    #[command(flatten)]
    habits: Habits,
}

fn main() -> Result<()> {
    let Options { results, cluster, habits } = Options::parse();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path);
        text.with_context(|| format!("{}: scripts/benchmark makes it", path.display()))
    };
    let results = read(&results)?;
    let cluster = cluster.as_ref().map(read).transpose()?;
    let figures = Figures::read(&results, cluster.as_deref().unwrap_or(&results))?;
    print!("{}", table(&figures, &habits));
    Ok(())
}
