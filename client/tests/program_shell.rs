//! Tests of what a shell and a terminal see: completions, manual pages, colours.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use correio_testing::skip::skipped;
use tempfile::TempDir;

use crate::support::{
    Done, Setup, finish, program,
    screen::{Screen, Start, has_terminal},
    terminal::Terminal,
};

const BOTH: &[(&str, &str)] = &[("tony", "Tony Stark"), ("pepper", "Pepper Potts")];

/// The script of a shell, in a file.
fn script(data: &Path, shell: &str) -> PathBuf {
    let done = run(data, &["completions", shell]);
    assert_eq!((done.status, done.err.as_str()), (0, ""), "{done:?}");
    let file = data.join(format!("completions.{shell}"));
    fs::write(&file, done.out).unwrap();
    file
}

/// Runs the program without a server.
fn run(data: &Path, arguments: &[&str]) -> Done {
    let mut command = program(data);
    command.args(arguments);
    finish(command, "")
}

#[test]
fn the_script_of_each_shell_can_be_read_by_it() {
    let data = TempDir::new().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = script(data.path(), shell);
        let mut command = Command::new(shell);
        // fish makes directories there.
        command.env("HOME", data.path()).env("XDG_CONFIG_HOME", data.path());
        command.env("XDG_DATA_HOME", data.path());
        match command.arg("-n").arg(&script).output() {
            Ok(output) => assert!(output.status.success(), "{shell}: {output:?}"),
            Err(_) => skipped(&format!("the script of {shell}: {shell} is not installed")),
        }
    }
    let done = run(data.path(), &["completions", "csh"]);
    assert_eq!(done.status, 64);
}

/// The words with which bash would complete the last of these words.
fn completed(data: &Path, words: &[&str]) -> Vec<String> {
    completed_in(Path::new("."), data, words)
}

/// As [`completed`], in a directory with files.
fn completed_in(directory: &Path, data: &Path, words: &[&str]) -> Vec<String> {
    let script = script(data, "bash");
    let program = Path::new(env!("CARGO_BIN_EXE_correio"));
    let path =
        format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let ask = r#"source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_TYPE=9
        function=$(complete -p correio); function=${function#*-F }; function=${function%% *}
        "$function" correio "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}" 2>/dev/null
        printf '%s\n' "${COMPREPLY[@]}""#;
    let mut bash = Command::new("bash");
    bash.env("PATH", path).env("CORREIO_CLIENT_DATA_DIR", data).env("XDG_CONFIG_HOME", "/nowhere");
    bash.args(["--norc", "--noprofile", "-c", ask, "bash"]).arg(script).args(words);
    let output = bash.current_dir(directory).output().unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    words.lines().map(|word| word.trim().to_owned()).collect()
}

#[test]
fn bash_completes_commands_options_and_values() {
    let data = TempDir::new().unwrap();
    let completed = |words: &[&str]| completed(data.path(), words);
    assert_eq!(completed(&["correio", "wat"]), ["watch"]);
    assert_eq!(completed(&["correio", "receive", "--ke"]), ["--keep"]);
    assert_eq!(completed(&["correio", "config", "un"]), ["unset"]);
    assert_eq!(completed(&["correio", "config", "get", "pass"]), ["password_command"]);
    assert_eq!(completed(&["correio", "--lang", ""]), ["pt", "en"]);
    assert!(!completed(&["correio", ""]).contains(&"man".to_owned()), "it is for packages");
}

#[test]
fn bash_completes_usernames_and_nicknames() {
    let setup = Setup::of(BOTH);
    setup.deliver("pepper", "tony", &[("Oi", "x")]);
    setup.received();
    let completed = |words: &[&str]| completed(setup.data.path(), words);
    assert_eq!(completed(&["correio", "send", "--to", "pe"]), ["pepper"]);
    assert_eq!(completed(&["correio", "send", "--to", "tony,pe"]), ["tony,pepper"]);
    assert_eq!(completed(&["correio", "--user", "to"]), ["tony"]);
    assert_eq!(setup.run("tony", &["nickname", "turma", "peter"], "").status, 0);
    assert_eq!(completed(&["correio", "send", "--to", "pe,@tu"]), ["pe,@turma"]);
    assert_eq!(completed(&["correio", "send", "--to", "pete"]), ["peter"]);
    assert_eq!(completed(&["correio", "nickname", "tu"]), ["turma"]);
    assert_eq!(completed(&["correio", "nickname", "turma", "pep"]), ["pepper"]);
    assert_eq!(completed(&["correio", "list", "--from", "pep"]), ["pepper"]);
    assert_eq!(completed(&["correio", "search", "--to", "pep"]), ["pepper"]);
}

/// The name of an attachment becomes the name of a file, and its sender has chosen it.
const NAMES: [&str; 11] = [
    "notas$(touch pwned).pdf",
    "b`touch pwned`.pdf",
    "c;touch pwned;.pdf",
    "d'$(touch pwned)'.pdf",
    "e\"$(touch pwned)\".pdf",
    "f?*.pdf",
    "g\\$(touch pwned).pdf",
    "h&touch pwned&.pdf",
    "i|touch pwned",
    "~j:touch pwned",
    "família da Pepper.pdf",
];

/// The start of a name of [`NAMES`] which only this name has, as it is typed.
fn start_of(name: &str) -> &str {
    match name.get(..2) {
        Some("f?") => r"f\?",
        Some("~j") => r"\~j",
        Some("fa") => "fa",
        _ => &name[..1],
    }
}

/// A directory with files of these names, and of names that no shell is offered.
fn hostile_files() -> TempDir {
    let files = TempDir::new().unwrap();
    let more = ["f-other.pdf", "y\t$(touch pwned)", "z\n$(touch pwned)"];
    for name in NAMES.iter().chain(&more) {
        fs::write(files.path().join(name), "x").unwrap();
    }
    files
}

#[test]
fn bash_runs_nothing_that_the_name_of_a_file_contains() {
    let (data, files) = (TempDir::new().unwrap(), hostile_files());
    let completed = |word: &str| {
        completed_in(files.path(), data.path(), &["correio", "send", "--attach", word])
    };
    assert_eq!(completed("not"), ["notas\\$\\(touch\\ pwned\\).pdf"]);
    assert_eq!(completed("notas\\$\\(to"), ["notas\\$\\(touch\\ pwned\\).pdf"]);
    for name in NAMES {
        let words = completed(start_of(name));
        assert_eq!(words.len(), 1, "{name}: {words:?}");
        // The shell reads the completed word as the file's name.
        let mut shell = Command::new("bash");
        shell.args(["--norc", "--noprofile", "-c", &format!("printf %s {}", words[0])]);
        let read = shell.current_dir(files.path()).output().unwrap();
        assert_eq!(String::from_utf8(read.stdout).unwrap(), name, "{words:?}");
        assert!(!files.path().join("pwned").exists(), "{name}");
    }
    // A line in a name would end the word.
    for start in ["y", "z"] {
        assert_eq!(completed(start), [""]);
    }
}

/// Completes each of [`NAMES`] in a shell on a terminal, and asserts that the shell reads the
/// completed word as the name.
fn complete_each(shell: &str, mut screen: Screen, files: &TempDir) {
    for start in ["y", "z"] {
        assert_reads(&mut screen, start, start);
    }
    // A word that was completed in part is completed further.
    assert_reads(&mut screen, r"notas\$\(to", NAMES[0]);
    for name in NAMES {
        assert_reads(&mut screen, start_of(name), name);
        assert!(!files.path().join("pwned").exists(), "{shell}: {name}");
    }
    screen.press("exit\r");
    assert_eq!(screen.end().0, 0, "{shell}");
}

/// Types the start of a word, completes it, and asserts how the shell reads it: with another
/// command at its start, the line prints its words.
fn assert_reads(screen: &mut Screen, start: &str, word: &str) {
    screen.press("clear\r");
    screen.ends_with(&["shell>"]);
    let line = format!("correio send --attach {start}");
    screen.press(&line);
    screen.sees(&line);
    screen.press("\t");
    let completed = |screen: &vt100::Screen| !screen.contents().trim_end().ends_with(&line);
    // Where nothing completes the word, the line stays.
    screen.within(Duration::from_secs(if start == word { 1 } else { 40 }), completed);
    screen.press("\x01printf '<%s>' \x05; echo .\r");
    screen.sees(&format!("<correio><send><--attach><{word}>."));
}

/// A shell on a terminal, in a directory with [`hostile_files`], after this line.
fn shell_with(line: &str, shell: &[&str], files: &TempDir) -> Screen {
    let setup = Setup::of(&[]);
    let program = Path::new(env!("CARGO_BIN_EXE_correio")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let home = setup.data.path().to_str().unwrap();
    let start = Start::of(&setup).size(40, 200).set("PATH", &path).set("LANG", "C.UTF-8");
    // The shell's files are none of the developer's.
    let names = ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"];
    let start = names.into_iter().fold(start, |start, name| start.set(name, home));
    let mut screen = start.set("CORREIO_CLIENT_DATA_DIR", home).other(shell);
    screen.press(&format!("cd {}; {line}; echo is' 'ready\r", files.path().display()));
    screen.sees("is ready");
    screen
}

/// Whether tests can run a shell on a terminal; where not, says so.
fn has_shell(shell: &str) -> bool {
    let has_shell = Command::new(shell).arg("--version").output().is_ok();
    if !has_shell {
        skipped(&format!("the completions of {shell}: {shell} is not installed"));
    }
    has_shell && has_terminal()
}

#[test]
fn zsh_runs_nothing_that_the_name_of_a_file_contains() {
    if !has_shell("zsh") {
        return;
    }
    let (data, files) = (TempDir::new().unwrap(), hostile_files());
    let script = script(data.path(), "zsh");
    // As a start-up file loads the script, and as a package installs it.
    let package = data.path().join("functions");
    fs::create_dir(&package).unwrap();
    fs::copy(&script, package.join("_correio")).unwrap();
    let begin = "PS1='shell> '; autoload -Uz compinit; compinit -u -D";
    for line in [
        format!("{begin}; source {}", script.display()),
        format!("fpath=({} $fpath); {begin}", package.display()),
    ] {
        complete_each("zsh", shell_with(&line, &["zsh", "-f", "-i"], &files), &files);
    }
}

#[test]
fn zsh_goes_on_within_a_directory_whose_name_has_a_colon() {
    if !has_shell("zsh") {
        return;
    }
    let (data, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fs::create_dir(files.path().join("k:l")).unwrap();
    fs::write(files.path().join("k:l/inner"), "x").unwrap();
    let script = script(data.path(), "zsh");
    let begin = "PS1='shell> '; autoload -Uz compinit; compinit -u -D";
    let line = format!("{begin}; source {}", script.display());
    let mut screen = shell_with(&line, &["zsh", "-f", "-i"], &files);
    for (typed, completed) in [("correio send --attach k", "l/"), ("in", "l/inner")] {
        screen.press(typed);
        screen.sees(typed);
        screen.press("\t");
        screen.sees(completed);
    }
    screen.press("\x01printf '<%s>' \x05; echo .\r");
    screen.sees("<correio><send><--attach><k:l/inner>.");
    screen.press("exit\r");
    assert_eq!(screen.end().0, 0);
}

#[test]
fn fish_runs_nothing_that_the_name_of_a_file_contains() {
    if !has_shell("fish") {
        return;
    }
    let (data, files) = (TempDir::new().unwrap(), hostile_files());
    let script = script(data.path(), "fish");
    let line = format!("function fish_prompt; echo 'shell> '; end; source {}", script.display());
    let shell = ["fish", "--no-config", "--private", "-i"];
    complete_each("fish", shell_with(&line, &shell, &files), &files);
}

/// Another program may have left the variable in the environment.
#[test]
fn a_variable_of_other_programs_changes_nothing() {
    let data = TempDir::new().unwrap();
    for value in ["bash", "powershell", ""] {
        let mut command = program(data.path());
        command.env("COMPLETE", value).args(["config", "path"]);
        let done = finish(command, "");
        assert_eq!((done.status, done.out.trim_end()), (0, "/nowhere/correio/config.toml"));
    }
}

#[test]
fn every_command_has_a_manual_page_in_both_languages() {
    let data = TempDir::new().unwrap();
    let manual = data.path().join("man");
    let done = run(data.path(), &["man", manual.to_str().unwrap()]);
    assert_eq!((done.status, done.err.as_str()), (0, ""), "{done:?}");
    let names = |part: &str| {
        let entries = fs::read_dir(manual.join(part)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names("man1"), names("pt_BR/man1"));
    for name in ["correio.1", "correio-send.1", "correio-config-set.1", "correio-watch.1"] {
        assert!(names("man1").contains(&name.to_owned()), "{name}");
    }
    assert!(!names("man1").contains(&"correio-man.1".to_owned()));
    let read = |page: &str| fs::read_to_string(manual.join(page)).unwrap();
    let (english, portuguese) = (read("man1/correio-send.1"), read("pt_BR/man1/correio-send.1"));
    assert!(english.contains(".SH NAME") && english.contains("recipients"), "{english}");
    assert!(
        portuguese.contains(".SH NOME") && portuguese.contains("destinatários"),
        "{portuguese}"
    );
    assert!(!portuguese.contains(".SH SYNOPSIS"), "{portuguese}");
    assert!(read("man1/correio.1").contains("mail.example"), "the examples");
}

#[test]
fn the_manual_is_shown_without_a_warning() {
    let data = TempDir::new().unwrap();
    let manual = data.path().join("man");
    run(data.path(), &["man", manual.to_str().unwrap()]);
    for page in ["man1/correio.1", "man1/correio-watch.1", "pt_BR/man1/correio-send.1"] {
        let mut man = Command::new("man");
        man.args(["--warnings", "-l"]).arg(manual.join(page)).env("LC_ALL", "C.UTF-8");
        match man.env("MANROFFSEQ", "").output() {
            Ok(output) => {
                assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
                assert!(String::from_utf8_lossy(&output.stdout).contains("correio"));
            }
            Err(_) => return skipped("the manual pages: man is not installed"),
        }
    }
}

/// The package takes these files from what the program writes.
#[test]
fn the_package_has_what_the_program_writes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let list = fs::read_to_string(root.join("scripts/deploy/debian/correio/files")).unwrap();
    let listed = list.lines().filter_map(|line| line.split_once(" made/"));
    let listed: Vec<_> = listed.map(|(_, file)| file).collect();
    assert!(listed.len() >= 5, "{listed:?}");
    let made = TempDir::new().unwrap();
    let mut package = Command::new(root.join("scripts/deploy/package"));
    package.args(["--assets", "client"]).arg(made.path());
    package.env("BIN", Path::new(env!("CARGO_BIN_EXE_correio")).parent().unwrap());
    let done = package.env("XDG_CONFIG_HOME", "/nowhere").output().unwrap();
    assert!(done.status.success(), "{done:?}");
    for file in listed {
        let exists = match file.split_once("/*") {
            Some((directory, end)) => {
                let mut files = fs::read_dir(made.path().join(directory)).unwrap();
                files.any(|file| file.unwrap().file_name().to_string_lossy().ends_with(end))
            }
            None => made.path().join(file).is_file(),
        };
        assert!(exists, "{file}");
    }
}

/// What the program writes on a terminal until its first menu, in colours or without.
fn first_menu(set: &[(&str, &str)]) -> String {
    let setup = Setup::of(&[]);
    let mut terminal = Terminal::start_with(&setup, set, &["--lang", "en"]);
    let mut seen = terminal.expect("Quit");
    terminal.press("0");
    seen += &terminal.end().0;
    seen
}

/// The sequences that set a colour: `ESC [ 3x m` and `ESC [ 9x m`, and the like for the background.
fn colours(seen: &str) -> usize {
    let is_colour = |code: &str| code.len() == 2 && code.starts_with(['3', '4', '9']);
    let sequences = seen.split("\x1b[").skip(1).filter_map(|rest| rest.split_once('m'));
    sequences.filter(|(codes, _)| codes.split(';').any(is_colour)).count()
}

#[test]
fn no_color_takes_the_colours_away() {
    // See https://no-color.org: any value but an empty one.
    assert!(colours(&first_menu(&[("NO_COLOR", "")])) > 0);
    for value in ["1", "0", "x"] {
        assert_eq!(colours(&first_menu(&[("NO_COLOR", value)])), 0, "{value}");
    }
}

#[test]
fn nothing_is_coloured_that_is_no_terminal() {
    let setup = Setup::of(BOTH);
    setup.deliver("pepper", "tony", &[("Oi", "x")]);
    for arguments in [&["--help"][..], &["receive"], &["read", "1"], &["nada"], &["config"]] {
        let done = setup.run("tony", arguments, "");
        assert!(!done.out.contains('\x1b') && !done.err.contains('\x1b'), "{done:?}");
    }
    let menus = finish(setup.program(&[]), "0\n");
    assert!(!menus.out.contains('\x1b') && !menus.err.contains('\x1b'), "{menus:?}");
}
