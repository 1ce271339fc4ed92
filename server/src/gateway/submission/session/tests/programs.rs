//! Golden dialogues: the commands of known mail programs in the order in which they send them, and
//! the replies that they need.

use super::dialogue::{Dialogue, HEAD, LOGIN};
use crate::gateway::Protection;

/// Follows a transcript: a line after `C: ` is the program's, a line after `S: ` is the beginning
/// of a line of the server.
fn follow(dialogue: &mut Dialogue, transcript: &str) {
    let mut said = String::new();
    for line in transcript.lines().map(str::trim) {
        if let Some(line) = line.strip_prefix("C: ") {
            assert_eq!(said, "", "before {line}");
            said = dialogue.say(format!("{line}\r\n"));
        } else if let Some(expected) = line.strip_prefix("S: ") {
            let (reply, rest) = said.split_once("\r\n").unwrap_or_else(|| panic!("no {expected}"));
            assert!(reply.starts_with(expected), "{reply} instead of {expected}");
            said = rest.to_owned();
        }
    }
    assert_eq!(said, "");
}

#[test]
fn outlook_logs_in_by_login_and_writes_a_space_before_addresses() {
    let mut dialogue = Dialogue::new(Protection::Protected);
    follow(
        &mut dialogue,
        "C: EHLO TONYS-PC
         S: 250-mail.example
         S: 250-PIPELINING
         S: 250-SIZE
         S: 250-8BITMIME
         S: 250-ENHANCEDSTATUSCODES
         S: 250-AUTH PLAIN LOGIN
         S: 250 LIMITS
         C: AUTH LOGIN
         S: 334 VXNlcm5hbWU6
         C: dG9ueUBtYWlsLmV4YW1wbGU=
         S: 334 UGFzc3dvcmQ6
         C: MDEyMy00NTY3LTg5QUItQ0RFRi1HSEpLLU1OUFEtUjE=
         S: 235 2.7.0
         C: MAIL FROM: <tony@mail.example>
         S: 250 2.1.0
         C: RCPT TO: <steve@mail.example>
         S: 250 2.1.5
         C: DATA
         S: 354",
    );
    assert!(dialogue.say(format!("{HEAD}\r\nhello\r\n.\r\n")).starts_with("250 2.0.0 "));
    follow(&mut dialogue, "C: QUIT\nS: 221 2.0.0");
}

#[test]
fn ios_names_itself_by_an_address_and_pipelines() {
    let mut dialogue = Dialogue::new(Protection::Startable);
    follow(
        &mut dialogue,
        "C: EHLO [192.168.1.7]
         S: 250-mail.example
         S: 250-PIPELINING
         S: 250-SIZE
         S: 250-8BITMIME
         S: 250-ENHANCEDSTATUSCODES
         S: 250-STARTTLS
         S: 250 LIMITS
         C: STARTTLS
         S: 220 2.0.0",
    );
    dialogue.has_tls_begun = false;
    let said = dialogue.say("EHLO [IPv6:fd00::1c7]\r\n");
    assert!(said.starts_with("250-mail.example\r\n"), "{said}");
    dialogue.say(LOGIN);
    let said = dialogue.say(
        "MAIL FROM:<tony@mail.example>\r\nRCPT TO:<steve@mail.example>\r\n\
         RCPT TO:<nobody@mail.example>\r\nDATA\r\n",
    );
    let codes: Vec<&str> = said.lines().map(|line| &line[..9]).collect();
    assert_eq!(codes[..3], ["250 2.1.0", "250 2.1.5", "550 5.1.1"]);
    assert!(codes[3].starts_with("354 "));
    let message = [HEAD.as_bytes(), b"\r\ncaf\xc3\xa9\r\n.\r\nQUIT\r\n"].concat();
    let said = dialogue.say(message);
    assert!(said.starts_with("250 2.0.0 ") && said.ends_with("221 2.0.0 goodbye\r\n"), "{said}");
}

#[test]
fn k9_says_localhost_and_the_size() {
    let mut dialogue = Dialogue::new(Protection::Protected);
    dialogue.say("EHLO [127.0.0.1]\r\n");
    follow(
        &mut dialogue,
        "C: AUTH PLAIN AHRvbnkAMDEyMy00NTY3LTg5QUItQ0RFRi1HSEpLLU1OUFEtUjE=
         S: 235 2.7.0
         C: MAIL FROM:<tony@mail.example> BODY=8BITMIME SIZE=321
         S: 250 2.1.0
         C: RCPT TO:<steve@mail.example>
         S: 250 2.1.5
         C: DATA
         S: 354",
    );
    assert!(dialogue.say(format!("{HEAD}\r\nhello\r\n.\r\n")).starts_with("250 2.0.0 "));
}

#[test]
fn a_program_whose_pipeline_has_no_recipient_sends_no_mail() {
    let mut dialogue = Dialogue::logged_in();
    let said = dialogue.say("MAIL FROM:<>\r\nRCPT TO:<nobody>\r\nDATA\r\nRSET\r\n");
    let codes: Vec<&str> = said.lines().map(|line| &line[..9]).collect();
    assert_eq!(codes, ["250 2.1.0", "550 5.1.1", "554 5.5.1", "250 2.0.0"]);
}
