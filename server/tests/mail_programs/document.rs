//! The document of the programs: its tables and command lines are those of the tests.

use std::{fs, path::Path};

use super::{
    ALL, SUBJECT,
    house::{House, Person},
    program::{Letter, Program, Then},
    refusals::{refused_to_receive, refused_to_send},
};

/// The heading from which on the document is written by a test.
const BEGIN: &str = "## What each program does\n";

#[test]
fn the_document_shows_what_the_tests_run() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail_programs/README.md");
    let document = fs::read_to_string(&path).unwrap();
    let (by_hand, written) = document.split_once(BEGIN).expect("the heading of the tables");
    for program in ALL {
        let name = program.name().split(',').next().unwrap();
        assert!(by_hand.contains(&format!("| {name} |")), "the version of {name}");
    }
    let shown = shown();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, format!("{by_hand}{BEGIN}{shown}")).unwrap();
    } else {
        assert!(
            written == shown,
            "`UPDATE_GOLDEN=1 cargo test -p correio-server --test all mail_programs::document` \
             writes README.md"
        );
    }
}

fn shown() -> String {
    let house = House::start();
    house.write("plans.bin", "");
    let mut shown = format!("\n{}\n## What a wrong password shows\n\n{}", cells(), refusals());
    shown.push_str("\n## Command lines\n");
    for program in ALL {
        shown.push_str(&format!("\n### {}\n", program.name()));
        shown.push_str(&sending(*program, &house));
        shown.push_str(&receiving(*program, &house));
    }
    let directory = house.path("").display().to_string();
    let directory = directory.trim_end_matches('/');
    let own = [
        (format!("{directory}/"), ""),
        (directory.to_owned(), "."),
        (house.password(Person::Tony).to_owned(), "PASSWORD"),
        (house.password(Person::Pepper).to_owned(), "PASSWORD"),
        (house.ports.submissions.to_string(), "465"),
        (house.ports.submission.to_string(), "587"),
        (house.ports.pop3s.to_string(), "995"),
        (house.ports.pop3.to_string(), "110"),
    ];
    own.iter().fold(shown, |shown, (own, general)| shown.replace(own, general))
}

/// A table of what the test of each program has it do.
fn cells() -> String {
    let mut table = String::from(
        "| Program | Log in | Send | Send a file | Receive | Leave on the server | Delete | Wrong \
         password |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for program in ALL {
        let cell = |can| if can { "yes" } else { "—" };
        let sends = cell(refused_to_send(*program).is_some());
        let receives = cell(refused_to_receive(*program).is_some());
        table.push_str(&format!(
            "| {} | yes | {sends} | {sends} | {receives} | {receives} | {receives} | yes |\n",
            program.name()
        ));
    }
    table
}

fn refusals() -> String {
    let mut table =
        String::from("| Program | When it sends | When it receives |\n| --- | --- | --- |\n");
    for program in ALL {
        let [sends, receives] = [refused_to_send(*program), refused_to_receive(*program)]
            .map(|refusal| refusal.map_or("—".into(), |refusal| format!("`{}`", refusal.text)));
        table.push_str(&format!("| {} | {sends} | {receives} |\n", program.name()));
    }
    table
}

fn sending(program: Program, house: &House) -> String {
    let letter = |attachment| Letter {
        subject: SUBJECT,
        text: "Caf\u{e9} at nine \u{1f680}",
        attachment,
        password: house.password(Person::Tony),
    };
    let Some(text) = program.send(house, letter(None)) else { return String::new() };
    let text = text.shown();
    let file = program.send(house, letter(Some("plans.bin"))).unwrap().shown();
    if text == file {
        return format!("\nSends a text or a message with a file:\n\n{text}");
    }
    let file = file.lines().next().unwrap();
    format!("\nSends a text:\n\n{text}\nSends a file:\n\n{file}\n")
}

fn receiving(program: Program, house: &House) -> String {
    let line = |then| {
        let receiving = program.receive(house, house.password(Person::Pepper), then)?;
        Some(receiving.line.shown())
    };
    let Some(keeps) = line(Then::Keep) else { return String::new() };
    let deletes = line(Then::Delete).unwrap();
    let other = deletes.lines().filter(|line| !keeps.lines().any(|kept| kept == *line));
    let other: Vec<_> = other.collect();
    format!(
        "\nReceives, and leaves the mail on the server:\n\n{keeps}\nDeletes it, with:\n\n{}\n",
        other.join("\n")
    )
}
