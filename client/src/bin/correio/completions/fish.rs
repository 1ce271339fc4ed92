//! Completion in fish: candidates as `complete --arguments` takes them. Its script is the library's.
//!
//! fish quotes a candidate itself when it puts it into the command line.

use std::{
    ffi::OsString,
    io::{Error, Write},
    path::Path,
};

use clap::Command;
use clap_complete::env;

use super::word::{candidates, help};

/// Completes in fish.
pub(super) struct Fish;

impl env::EnvCompleter for Fish {
    fn name(&self) -> &'static str {
        "fish"
    }

    fn is(&self, name: &str) -> bool {
        name == self.name()
    }

    fn write_registration(
        &self,
        variable: &str,
        name: &str,
        binary: &str,
        completer: &str,
        out: &mut dyn Write,
    ) -> Result<(), Error> {
        env::Fish.write_registration(variable, name, binary, completer, out)
    }

    fn write_complete(
        &self,
        command: &mut Command,
        words: Vec<OsString>,
        directory: Option<&Path>,
        out: &mut dyn Write,
    ) -> Result<(), Error> {
        // The script passes the words up to the cursor alone.
        let index = words.len().saturating_sub(1);
        for (value, candidate) in candidates(command, words, index, directory)? {
            match help(&candidate) {
                Some(help) => writeln!(out, "{value}\t{help}")?,
                None => writeln!(out, "{value}")?,
            }
        }
        Ok(())
    }
}
