//! Real mail programs against the server: each logs in, sends, sends a file, receives, leaves mails
//! on the server, deletes them, and is told of a wrong password. A program that is not installed is
//! reported as skipped.

mod command_line;
mod document;
mod house;
mod program;
mod receiving;
mod refusals;
mod sending;

use std::{
    fs,
    process::Output,
    time::{SystemTime, UNIX_EPOCH},
};

use correio_proto::mail::Content;
use correio_testing::{skip::skipped, wait::eventually};
use mail_parser::MessageParser;

use self::{
    command_line::text_of,
    house::{House, Person, can_name_hosts},
    program::{Into, Letter, Program, Receiving, Then},
    refusals::{Refusal, RefusalStatus, refused_to_receive, refused_to_send},
};

const SUBJECT: &str = "Armor plans";
const TEXT: &str = "Caf\u{e9} at nine \u{1f680}\n.\nSecond line";
const WRONG: &str = "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA-A";

/// Makes a test of each program, and the list of all.
macro_rules! programs {
    ($($name:ident: $program:ident,)*) => {
        $(#[test]
        fn $name() {
            try_out(Program::$program);
        })*

        const ALL: &[Program] = &[$(Program::$program),*];
    };
}

programs! {
    curl: Curl,
    curl_with_starttls: CurlStartTls,
    dma: Dma,
    fetchmail: Fetchmail,
    getmail: Getmail,
    git_send_email: GitSendEmail,
    mail_of_mailutils: Mailutils,
    mpop: Mpop,
    msmtp: Msmtp,
    mutt: Mutt,
    neomutt: Neomutt,
    net_pop3_of_perl: PerlNetPop3,
    net_smtp_of_perl: PerlNetSmtp,
    nodemailer: Nodemailer,
    nullmailer: Nullmailer,
    poplib_of_python: PythonPoplib,
    s_nail: SNail,
    smtplib_of_python: PythonSmtplib,
    ssmtp: Ssmtp,
    swaks_with_login: SwaksLogin,
    swaks_with_plain: SwaksPlain,
}

fn try_out(program: Program) {
    if !program.works() {
        return skipped(&format!("this takes {program:?}"));
    }
    if !can_name_hosts() {
        return skipped("this takes a mount namespace, for a name of this machine");
    }
    let house = House::start();
    sends(program, &house);
    sends_a_file(program, &house);
    receives(program, &house);
}

fn sends(program: Program, house: &House) {
    let letter = Letter {
        subject: SUBJECT,
        text: TEXT,
        attachment: None,
        password: house.password(Person::Tony),
    };
    let Some(refused) = program.send(house, Letter { password: WRONG, ..letter }) else {
        return;
    };
    is_told(&house.run(&refused), refused_to_send(program));
    assert_eq!(house.mails(Person::Pepper), []);
    assert!(!house.has_logged_in(Person::Tony), "with a wrong password");
    let sent = program.send(house, letter).map(|line| house.run(&line)).unwrap();
    assert!(sent.status.success(), "{}", said(&sent));
    assert!(house.has_logged_in(Person::Tony));
    let mails = house.mails(Person::Pepper);
    let [mail] = mails.as_slice() else { panic!("one mail was expected, not {mails:?}") };
    assert_eq!(mail.subject.as_str(), SUBJECT);
    assert_eq!(mail.from.as_str(), Person::Tony.username());
    let text = decoded(&mail.content);
    assert!(text.contains("Caf\u{e9} at nine \u{1f680}"), "{text}");
    assert!(text.contains("\n.\r\nSecond line") || text.contains("\n.\nSecond line"), "{text}");
}

fn sends_a_file(program: Program, house: &House) {
    let bytes: Vec<u8> = (0..100_000_u32).map(|at| (at * 7 % 251) as u8).collect();
    house.write("plans.bin", &bytes);
    let letter = Letter {
        subject: "The file",
        text: TEXT,
        attachment: Some("plans.bin"),
        password: house.password(Person::Tony),
    };
    let Some(line) = program.send(house, letter) else { return };
    let sent = house.run(&line);
    assert!(sent.status.success(), "{}", said(&sent));
    let mails = house.mails(Person::Pepper);
    let mail = mails.iter().find(|mail| mail.subject.as_str() == "The file").unwrap();
    let Content::Message(message) = &mail.content else { panic!("a message was expected") };
    let message = MessageParser::default().parse(message.as_bytes()).unwrap();
    assert!(message.body_text(0).unwrap().contains("Caf\u{e9} at nine \u{1f680}"));
    assert!(message.attachment(0).unwrap().contents() == bytes, "the file is as it was");
}

fn receives(program: Program, house: &House) {
    if program.receive(house, WRONG, Then::Keep).is_none() {
        return;
    }
    house.send(time(), SUBJECT, TEXT);
    let receive = |password: &str, then| {
        let Receiving { line, into } = program.receive(house, password, then).unwrap();
        let output = house.run(&line);
        let text = match into {
            Into::Output => String::from_utf8_lossy(&output.stdout).into_owned(),
            Into::File(path) => text_of(&path),
            Into::Maildir(path) => {
                let files = fs::read_dir(path.join("new")).unwrap();
                files.map(|file| text_of(&file.unwrap().path())).collect()
            }
        };
        (output, text)
    };
    let waiting = house.mails(Person::Pepper).len();
    let (refused, text) = receive(WRONG, Then::Keep);
    is_told(&refused, refused_to_receive(program));
    assert!(!text.contains(SUBJECT), "{text}");
    assert!(!house.has_logged_in(Person::Pepper), "with a wrong password");
    for then in [Then::Keep, Then::Delete] {
        let (received, text) = receive(house.password(Person::Pepper), then);
        assert!(received.status.success(), "{then:?}: {}", said(&received));
        assert!(house.has_logged_in(Person::Pepper));
        assert!(text.contains(SUBJECT) && text.contains("Caf\u{e9} at nine \u{1f680}"), "{text}");
        match then {
            Then::Keep => assert_eq!(house.mails(Person::Pepper).len(), waiting),
            Then::Delete => eventually(|| house.mails(Person::Pepper).len() < waiting),
        }
    }
}

/// Asserts that a program has told that the password is wrong.
fn is_told(output: &Output, refusal: Option<Refusal>) {
    let (refusal, said) = (refusal.unwrap(), said(output));
    assert_eq!(output.status.success(), refusal.status == RefusalStatus::Success, "{said}");
    assert!(said.contains(refusal.text), "{said}");
}

/// The text of a content, or of a message's text, whichever encoding its program has chosen.
fn decoded(content: &Content) -> String {
    match content {
        Content::Body(body) => body.as_str().to_owned(),
        Content::Message(message) => {
            let message = MessageParser::default().parse(message.as_bytes()).unwrap();
            message.body_text(0).unwrap().into_owned()
        }
        Content::Large(_) => panic!("a small content was expected"),
    }
}

/// A number that no earlier mail of the test has.
fn time() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::from(since.subsec_nanos())
}

fn said(output: &Output) -> String {
    let (stdout, stderr) = (&output.stdout, &output.stderr);
    format!(
        "{:?}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(stdout),
        String::from_utf8_lossy(stderr)
    )
}
