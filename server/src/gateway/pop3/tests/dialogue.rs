//! Transcripts of dialogues with mail programs. A transcript has a line for each line that is sent,
//! `C:` for the program's and `S:` for the server's, and `STARTTLS` where TLS begins.

use correio_proto::mail::ContentKind;

use super::{
    mailbox::Mailbox,
    program::{Program, State},
};
use crate::gateway::Protection;

/// Replays a transcript. Returns the mailbox after it.
fn replay(protection: Protection, transcript: &str) -> Mailbox {
    let mut mailbox = Mailbox::with_texts(&["Bom dia,\n.\nJARVIS"]);
    let message = b"From: Tony Stark <tony@mail.example>\r\nSubject: Reator\r\n\r\nPronto.\r\n";
    mailbox.large(ContentKind::Message {}, message);
    let mut program = Program::new(protection);
    let mut said = program.say(&mut mailbox, "");
    for (number, line) in (1..).zip(transcript.lines()) {
        if line == "STARTTLS" {
            assert_eq!(program.state, State::StartTls(0), "line {number}");
            program.state = State::Open;
        } else if let Some(command) = line.strip_prefix("C: ") {
            assert_eq!(said, "", "before line {number}");
            said = program.say(&mut mailbox, &format!("{command}\r\n"));
        } else {
            let expected = line.strip_prefix("S:").unwrap().strip_prefix(' ').unwrap_or_default();
            let (first, rest) = said.split_once("\r\n").unwrap_or((&said, ""));
            assert_eq!(first.trim_end(), expected, "line {number}");
            said = rest.to_owned();
        }
    }
    assert_eq!(said, "", "at the end");
    assert_eq!(program.state, State::Closed);
    mailbox
}

#[test]
fn outlook_asks_for_mechanisms_and_deletes_what_it_has_retrieved() {
    let mailbox = replay(Protection::Protected, include_str!("dialogues/outlook.txt"));
    assert_eq!(mailbox.mails.len(), 0);
}

#[test]
fn ios_logs_in_with_plain_and_leaves_mail_on_the_server() {
    let mailbox = replay(Protection::Protected, include_str!("dialogues/ios.txt"));
    assert_eq!(mailbox.mails.len(), 2);
}

#[test]
fn k9_begins_tls_and_looks_at_heads_before_it_retrieves() {
    let mailbox = replay(Protection::Startable, include_str!("dialogues/k9.txt"));
    assert_eq!(mailbox.mails.len(), 1);
}
