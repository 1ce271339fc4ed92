//! Tests of what a shell and a terminal see: completions, manual pages, colours.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use correio_testing::skip::skipped;
use tempfile::TempDir;

use crate::support::{Done, Setup, finish, program, terminal::Terminal};

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
        match Command::new(shell).arg("-n").arg(&script).output() {
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
#[test]
fn bash_runs_nothing_that_the_name_of_a_file_contains() {
    let (data, files) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let names = [
        "notas$(touch pwned).pdf",
        "b`touch pwned`.pdf",
        "c;touch pwned;.pdf",
        "d'$(touch pwned)'.pdf",
        "e\"$(touch pwned)\".pdf",
        "f?*.pdf",
        "g\\$(touch pwned).pdf",
        "h&touch pwned&.pdf",
        "i|touch pwned",
        "família da Pepper.pdf",
    ];
    for name in names.iter().chain(&["f-other.pdf"]) {
        fs::write(files.path().join(name), "x").unwrap();
    }
    let completed = |word: &str| {
        completed_in(files.path(), data.path(), &["correio", "send", "--attach", word])
    };
    assert_eq!(completed("not"), ["notas\\$\\(touch\\ pwned\\).pdf"]);
    assert_eq!(completed("notas\\$\\(to"), ["notas\\$\\(touch\\ pwned\\).pdf"]);
    for name in names {
        let mut start = name.chars().take(2).collect::<String>();
        if name.starts_with('f') {
            start = if name.starts_with("fa") { "fa" } else { "f\\?" }.to_owned();
        }
        let words = completed(&start);
        assert_eq!(words.len(), 1, "{name}: {words:?}");
        // The shell reads the completed word as the file's name.
        let mut shell = Command::new("bash");
        shell.args(["--norc", "--noprofile", "-c", &format!("printf %s {}", words[0])]);
        let read = shell.current_dir(files.path()).output().unwrap();
        assert_eq!(String::from_utf8(read.stdout).unwrap(), name, "{words:?}");
        assert!(!files.path().join("pwned").exists(), "{name}");
    }
    // A line in a name would end the word.
    fs::write(files.path().join("z\n$(touch pwned)"), "x").unwrap();
    assert_eq!(completed("z"), [""]);
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

/// The package takes these files from `target/package`.
#[test]
fn the_package_has_what_the_program_writes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let manifest = fs::read_to_string(root.join("client/Cargo.toml")).unwrap();
    let listed = manifest.split("\"../target/package/").skip(1);
    let listed: Vec<_> = listed.map(|rest| rest.split('"').next().unwrap()).collect();
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
