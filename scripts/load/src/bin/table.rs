//! Makes the table of `scripts/benchmark` from its samples.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use clap::Parser;
use correio_load::bench::{
    rows::ROWS,
    table::{Measured, markdown, read},
};
use serde_json::{Value, json};

/// Make the table of the benchmark from its samples.
#[derive(Debug, Parser)]
struct Options {
    /// The samples, one a line
    #[arg(required_unless_present = "rows")]
    samples: Option<PathBuf>,
    /// Where to save everything as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// Facts about the machine and the programs, as JSON
    #[arg(long, default_value = "{}")]
    about: String,
    /// Leave out the rows without samples
    #[arg(long)]
    partial: bool,
    /// Only print the names of the rows
    #[arg(long)]
    rows: bool,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if options.rows {
        for row in ROWS {
            println!("{:<15} {}; compared with: {}", row.name, row.what, row.reference);
        }
        return Ok(());
    }
    let path = options.samples.context("no samples")?;
    let samples = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let rows = read(&samples, !options.partial)?;
    print!("{}", markdown(&rows));
    if let Some(path) = options.json {
        let about: Value = serde_json::from_str(&options.about).context("--about")?;
        let rows: Vec<Value> = rows.iter().map(Measured::to_json).collect();
        let text = serde_json::to_string_pretty(&json!({"about": about, "rows": rows}))?;
        fs::write(&path, text + "\n").with_context(|| path.display().to_string())?;
    }
    Ok(())
}
