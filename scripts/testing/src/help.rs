//! How the help of a program looks in a window of some width, and what is wrong with it there: a
//! line that is wider, or one that ends before its words need it. A text that has line breaks of
//! its own looks like that, since the parser breaks the lines once more.

use std::process::{Command, Stdio};

/// Titles of the list of commands, in the languages of the programs.
const COMMANDS: [&str; 2] = ["Commands:", "Comandos:"];

/// Titles of the examples.
const EXAMPLES: [&str; 2] = ["Examples:", "Exemplos:"];

/// The command that the parser adds, which has no help of its own.
const HELP_COMMAND: &str = "help";

/// A window that breaks no example, in columns.
const UNBROKEN: usize = 1000;

/// Lines of texts beside a list of options begin at this column or later, those of the list before.
const BESIDE: usize = 10;

/// What is wrong in the help of a program and of all commands below it, in a window of this width:
/// each fault with the command's arguments. At most `width_max` columns may be used. Returns the
/// number of commands, too.
pub fn faults(
    program: &dyn Fn() -> Command,
    window: usize,
    width_max: usize,
) -> (usize, Vec<(String, String)>) {
    let (mut count, mut faults) = (0, Vec::new());
    let mut left = vec![Vec::new()];
    while let Some(path) = left.pop() {
        let help = help_of(program(), &path, window);
        let found =
            too_wide(&help, window.min(width_max)).chain(too_short(&help, window.min(width_max)));
        faults.extend(found.map(|line| (path.join(" "), line)));
        if help.lines().any(|line| EXAMPLES.contains(&line)) {
            let whole = help_of(program(), &path, UNBROKEN);
            faults
                .extend(cut_examples(&help, &whole).into_iter().map(|line| (path.join(" "), line)));
        }
        for name in commands(&help) {
            left.push([&path[..], &[name]].concat());
        }
        count += 1;
    }
    (count, faults)
}

/// The help of a command. A terminal's size counts more than the variable: none of its streams is
/// one.
fn help_of(mut program: Command, path: &[String], window: usize) -> String {
    program.args(path).arg("--help").env("COLUMNS", window.to_string()).stdin(Stdio::null());
    let output = program.output().unwrap();
    assert!(output.status.success(), "{path:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn commands(help: &str) -> Vec<String> {
    let below = help.lines().skip_while(|line| !COMMANDS.contains(line)).skip(1);
    let names = below.take_while(|line| !line.is_empty()).filter(|line| indentation(line) == 2);
    let names = names.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != HELP_COMMAND).map(str::to_owned).collect()
}

fn too_wide(help: &str, width: usize) -> impl Iterator<Item = String> {
    let wide = help.lines().filter(move |line| line.chars().count() > width);
    wide.map(move |line| format!("has more than {width} columns: {line}"))
}

/// Lines that have room for the first word of the next line of the same paragraph.
fn too_short(help: &str, width: usize) -> impl Iterator<Item = String> {
    help.lines().zip(help.lines().skip(1)).filter_map(move |(line, next)| {
        let column = indentation(next);
        let word = next.split_whitespace().next()?;
        let is_paragraph = match column {
            0 => indentation(line) == 0 && !line.is_empty(),
            BESIDE.. => begins_at(line, column),
            _ => false,
        };
        let room = line.chars().count() + 1 + word.chars().count();
        (is_paragraph && room <= width).then(|| format!("ends before {word:?}: {line}"))
    })
}

/// Lines of examples that the window has broken: they could not be copied.
fn cut_examples(help: &str, whole: &str) -> Vec<String> {
    let examples = whole.lines().skip_while(|line| !EXAMPLES.contains(line)).skip(1);
    let examples = examples.take_while(|line| !line.is_empty());
    let cut = examples.filter(|example| !help.lines().any(|line| line == *example));
    cut.map(|example| format!("is broken: {example}")).collect()
}

fn indentation(line: &str) -> usize {
    line.chars().take_while(|c| *c == ' ').count()
}

/// Whether a text begins at a column of a line, after a gap.
fn begins_at(line: &str, column: usize) -> bool {
    let mut around = line.chars().skip(column - 2);
    let gap = [around.next(), around.next()];
    gap == [Some(' '); 2] && around.next().is_some_and(|c| c != ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELP: &str = "\
Usage: x [OPTIONS]

Commands:
  do-it     Does what has to be
            done, and
            no more
  help      Helps

Options:
  -h, --help  Print
              help

The first line is
cut here.";

    #[test]
    fn a_line_that_has_room_for_the_next_word_is_a_fault() {
        let found = |width| too_short(HELP, width).collect::<Vec<_>>();
        assert!(found(20).is_empty(), "{:?}", found(20));
        assert_eq!((found(24).len(), found(37).len()), (3, 4));
        assert_eq!((too_wide(HELP, 31).count(), too_wide(HELP, 30).count()), (0, 1));
        assert_eq!(commands(HELP), ["do-it"]);
    }

    #[test]
    fn an_example_that_is_cut_is_a_fault() {
        let cut = cut_examples("Examples:\n  x --to\n  y\n", "Examples:\n  x --to y\n");
        assert_eq!(cut, ["is broken:   x --to y"]);
    }
}
