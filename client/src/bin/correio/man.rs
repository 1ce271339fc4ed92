//! `correio man`: the manual pages, in the languages of the catalogues, for packages.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Command;
use clap_mangen::{
    Man,
    roff::{Roff, roman},
};
use serde_json::json;

use crate::{
    args,
    exit::{ExitStatus, Failure},
    output::Output,
    text::{Lang, Text},
};

/// The headings that the generator writes itself, and their Portuguese. The others are the help's.
const HEADINGS: [(&str, &str); 3] =
    [("NAME", "NOME"), ("SYNOPSIS", "SINOPSE"), ("DESCRIPTION", "DESCRIÇÃO")];

/// The command that the parser adds, which needs no page.
const HELP: &str = "help";

/// Writes a page for the program and each command: `man1` is English, `pt_BR/man1` Portuguese.
pub(crate) fn run(directory: &Path) -> Result<Output, Failure> {
    let mut files = Vec::new();
    for (lang, part) in [(Lang::En, "man1"), (Lang::Pt, "pt_BR/man1")] {
        let directory = directory.join(part);
        let written = fs::create_dir_all(&directory).and_then(|()| {
            let text = Text::new(lang);
            pages(&text, lang, &args::command(&text), "correio", &directory, &mut files)
        });
        written.map_err(|error| {
            let said = format!("{}: {error}", directory.display());
            Failure::new(ExitStatus::Local, "output", said)
        })?;
    }
    let lines: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    Ok(Output::new(lines.join("\n"), json!({ "files": lines })))
}

/// Writes the pages of a command and of those below it.
fn pages(
    text: &Text,
    lang: Lang,
    command: &Command,
    name: &str,
    directory: &Path,
    files: &mut Vec<PathBuf>,
) -> io::Result<()> {
    let file = directory.join(format!("{name}.1"));
    fs::write(&file, page(text, lang, command, name)?)?;
    files.push(file);
    let shown = |command: &&Command| !command.is_hide_set() && command.get_name() != HELP;
    for below in command.get_subcommands().filter(shown) {
        let name = format!("{name}-{}", below.get_name());
        pages(text, lang, below, &name, directory, files)?;
    }
    Ok(())
}

fn page(text: &Text, lang: Lang, command: &Command, name: &str) -> io::Result<Vec<u8>> {
    let after = command.get_after_help().map(ToString::to_string);
    let command = command.clone().after_help(None).display_name(name.to_owned());
    let man = Man::new(command)
        .title(name)
        .source(format!("correio {}", env!("CARGO_PKG_VERSION")))
        .manual("correio");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    man.render_subcommands_section(&mut page)?;
    if let Some(after) = after {
        writeln!(page, ".SH {}", text.of("man-more"))?;
        write_paragraphs(&mut page, &after)?;
    }
    Ok(translated(page, lang))
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

fn translated(page: Vec<u8>, lang: Lang) -> Vec<u8> {
    let Lang::Pt = lang else { return page };
    let mut page = String::from_utf8_lossy(&page).into_owned();
    for (english, portuguese) in HEADINGS {
        page = page.replace(&format!("\n.SH {english}\n"), &format!("\n.SH {portuguese}\n"));
    }
    page.into_bytes()
}
