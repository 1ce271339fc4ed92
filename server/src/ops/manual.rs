//! `correiod man`: the manual pages, in English as the help, for packages.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use clap::Command;
use clap_mangen::{
    Man,
    roff::{Roff, roman},
};

use super::{config::command, exit::Failure};

/// The command that the parser adds, which needs no page.
const HELP: &str = "help";

/// Writes `man8/correiod.8` and a page for each command below a directory, which is made.
///
/// # Errors
///
/// [`Failure::Manual`].
pub fn write(directory: &Path) -> Result<(), Failure> {
    let pages = directory.join("man8");
    let written = fs::create_dir_all(&pages).and_then(|()| {
        let mut command = command();
        command.build();
        fs::write(pages.join("correiod.8"), page(&command, "correiod")?)?;
        write_below(&pages, &command, "correiod")
    });
    written.map_err(|source| Failure::Manual { directory: directory.to_owned(), source })
}

/// Writes a page for each command of a command, and for theirs.
fn write_below(pages: &Path, command: &Command, name: &str) -> io::Result<()> {
    for below in shown(command) {
        let name = format!("{name}-{}", below.get_name());
        fs::write(pages.join(format!("{name}.8")), page(below, &name)?)?;
        write_below(pages, below, &name)?;
    }
    Ok(())
}

/// The commands of a command that have a page.
fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    let is_shown = |command: &&Command| !command.is_hide_set() && command.get_name() != HELP;
    command.get_subcommands().filter(is_shown)
}

fn page(command: &Command, name: &str) -> io::Result<Vec<u8>> {
    let has_commands = shown(command).next().is_some();
    let after = command.get_after_help().map(ToString::to_string);
    let command = command.clone().after_help(None).display_name(name.to_owned());
    let man = Man::new(command)
        .title(name)
        .section("8")
        .source(format!("correiod {}", env!("CARGO_PKG_VERSION")))
        .manual("correio");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_commands {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(after) = after {
        page.write_all(b".SH MORE\n")?;
        write_paragraphs(&mut page, &after)?;
    }
    Ok(page)
}

/// Writes paragraphs, which the reader's program fills. Lines of examples, which are indented, stay
/// as they are.
fn write_paragraphs(page: &mut Vec<u8>, text: &str) -> io::Result<()> {
    for paragraph in text.split("\n\n") {
        let has_examples = paragraph.lines().any(|line| line.starts_with(' '));
        let (begin, end) = if has_examples { (".PP\n.nf\n", ".fi\n") } else { (".PP\n", "") };
        page.write_all(begin.as_bytes())?;
        let mut lines = Roff::new();
        lines.text([roman(paragraph)]);
        lines.to_writer(page)?;
        page.write_all(end.as_bytes())?;
    }
    Ok(())
}
