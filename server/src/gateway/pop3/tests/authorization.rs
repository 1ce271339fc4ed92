//! Tests of the login: protection, mechanisms, refusals, and the order of commands.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    mailbox::{Failure, Mailbox, PASSWORD},
    program::{Program, State, lines},
};
use crate::{
    gateway::{Ending, Protection, harness::CONNECTION},
    limits::admission::Rejection,
    session::{effect::Effect, recent_ends::EndMark},
    store::admin::{AccountState, DisabledMail},
};

fn plain(name: &str, password: &str) -> String {
    STANDARD.encode(format!("\0{name}\0{password}"))
}

#[test]
fn a_server_says_what_it_offers_and_passwords_only_under_protection() {
    let mut mailbox = Mailbox::new();
    let mut program = Program::connect(&mut mailbox);
    let always = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING"];
    let protected = [&always[..], &["USER", "SASL PLAIN LOGIN"]].concat();
    assert_eq!(lines(&program.say(&mut mailbox, "CAPA\r\n")), protected);
    assert_eq!(lines(&program.say(&mut mailbox, "AUTH\r\n")), ["PLAIN", "LOGIN"]);
    assert!(program.say(&mut mailbox, "STLS\r\n").starts_with("-ERR "));
    let mut program = Program::log_in(&mut mailbox);
    assert_eq!(lines(&program.say(&mut mailbox, "CAPA\r\n")), protected);

    let mut program = Program::new(Protection::Startable);
    program.say(&mut mailbox, "");
    let startable = [&always[..], &["STLS"]].concat();
    assert_eq!(lines(&program.say(&mut mailbox, "CAPA\r\n")), startable);
    let plain = plain("tony", PASSWORD);
    for command in [
        "USER tony".to_owned(),
        format!("PASS {PASSWORD}"),
        "AUTH".to_owned(),
        "AUTH LOGIN".to_owned(),
        format!("AUTH PLAIN {plain}"),
    ] {
        let reply = program.say(&mut mailbox, &format!("{command}\r\n"));
        assert_eq!(reply, "-ERR begin TLS first, with STLS\r\n", "{command}");
    }
    assert!(mailbox.jobs.ends_with(&["outline"]), "no password was looked at");
}

#[test]
fn tls_begins_without_what_was_said_before() {
    let mut mailbox = Mailbox::new();
    let mut program = Program::new(Protection::Startable);
    program.say(&mut mailbox, "");
    assert_eq!(program.say(&mut mailbox, "STLS\r\nUSER tony\r\n"), "+OK begin TLS\r\n");
    assert_eq!(program.state, State::StartTls("USER tony\r\n".len()));

    let mut program = Program::new(Protection::Startable);
    program.say(&mut mailbox, "NO\r\nNO\r\nSTLS\r\n");
    assert_eq!(program.state, State::StartTls(0));
    program.state = State::Open;
    assert!(program.say(&mut mailbox, "PASS x\r\n").starts_with("-ERR send the username"));
    assert!(program.say(&mut mailbox, "NO\r\nSTLS\r\n").ends_with("on this connection\r\n"));
    assert_eq!(program.state, State::Open, "what was wrong before TLS does not count");
    assert!(lines(&program.say(&mut mailbox, "CAPA\r\n")).contains(&"USER"));
}

#[test]
fn each_way_to_log_in_leads_to_the_mailbox() {
    let plain = plain("tony@mail.example", PASSWORD);
    let (name, password) = (STANDARD.encode("tony"), STANDARD.encode(PASSWORD));
    for dialogue in [
        format!("USER tony\r\nPASS {PASSWORD}\r\n"),
        format!("user  TONY@MAIL.EXAMPLE \r\npass {}\r\n", PASSWORD.to_lowercase()),
        format!("USER tony\nPASS {PASSWORD}\n"),
        format!("AUTH PLAIN {plain}\r\n"),
        format!("AUTH PLAIN\r\n{plain}\r\n"),
        format!("AUTH LOGIN\r\n{name}\r\n{password}\r\n"),
        format!("auth login {name}\r\n{password}\r\n"),
    ] {
        let mut mailbox = Mailbox::with_texts(&["Bom dia"]);
        let mut program = Program::connect(&mut mailbox);
        let replies = program.say(&mut mailbox, &dialogue);
        let octets: u64 = mailbox.octets().iter().sum();
        let last = format!("+OK mails: 1, octets: {octets}\r\n");
        assert!(replies.ends_with(&last), "{dialogue}: {replies}");
        assert!(!replies.contains("-ERR"), "{replies}");
        let username = program.session.identity().map(|identity| identity.username.to_string());
        assert_eq!(username.as_deref(), Some("tony"));
        let (connection, account) = (CONNECTION, mailbox.account.id);
        let since = EndMark::default();
        assert_eq!(program.harness.effects, [Effect::LoggedIn { connection, account, since }]);
        assert!(
            program.say(&mut mailbox, "USER tony\r\n").starts_with("-ERR the program is logged in")
        );
    }
}

#[test]
fn challenges_are_those_that_programs_compare() {
    let mut mailbox = Mailbox::new();
    let mut program = Program::connect(&mut mailbox);
    assert_eq!(program.say(&mut mailbox, "AUTH PLAIN\r\n"), "+ \r\n");
    assert_eq!(program.say(&mut mailbox, "*\r\n"), "-ERR authentication was cancelled\r\n");
    assert_eq!(program.say(&mut mailbox, "AUTH LOGIN\r\n"), "+ VXNlcm5hbWU6\r\n");
    assert_eq!(program.say(&mut mailbox, "dG9ueQ==\r\n"), "+ UGFzc3dvcmQ6\r\n");
    assert_eq!(program.say(&mut mailbox, "*\r\n"), "-ERR authentication was cancelled\r\n");
    for dialogue in ["AUTH PLAIN =\r\n", "AUTH PLAIN\r\n%\r\n", "AUTH PLAIN\r\n\r\n"] {
        assert!(program.say(&mut mailbox, dialogue).contains("-ERR the answer "), "{dialogue}");
    }
    let reply = program.say(&mut mailbox, "AUTH CRAM-MD5\r\n");
    assert_eq!(reply, "-ERR the mechanisms are PLAIN and LOGIN\r\n");
    assert_eq!(program.say(&mut mailbox, "NOOP\r\n"), "+OK nothing to do\r\n");
    assert_eq!(program.state, State::Open);
}

#[test]
fn an_answer_may_be_longer_than_a_command_and_not_endless() {
    let mut mailbox = Mailbox::new();
    let mut program = Program::connect(&mut mailbox);
    let long = plain("tony", &"x".repeat(700));
    assert!(long.len() > 255 && long.len() <= 1024);
    assert!(program.say(&mut mailbox, &format!("AUTH PLAIN {long}\r\n")).starts_with("-ERR the l"));
    let reply = program.say(&mut mailbox, &format!("AUTH PLAIN\r\n{long}\r\n"));
    assert!(reply.starts_with("+ \r\n-ERR [AUTH] "), "{reply}");
    let reply =
        program.say(&mut mailbox, &format!("AUTH PLAIN\r\n{}\r\nNOOP\r\n", "x".repeat(1025)));
    assert_eq!(reply, "+ \r\n-ERR the line is too long\r\n+OK nothing to do\r\n");
}

#[test]
fn a_wrong_password_and_an_unknown_name_have_the_same_answer() {
    let mut mailbox = Mailbox::new();
    let mut replies = Vec::new();
    for name in ["tony", "loki", "tony@hydra.example", "nobody here"] {
        let mut program = Program::connect(&mut mailbox);
        let dialogue = format!("USER {name}\r\nPASS 0000-4567-89AB-CDEF-GHJK-MNPQ-R1\r\n");
        replies.push(program.say(&mut mailbox, &dialogue));
        assert_eq!(program.state, State::Open);
        assert!(program.session.identity().is_none());
        let mut effects = program.harness.effects.iter();
        assert!(effects.all(|effect| matches!(effect, Effect::LoginFailed(_))));
    }
    assert!(replies[0].contains("\r\n-ERR [AUTH] "), "{replies:?}");
    assert!(replies.iter().all(|reply| *reply == replies[0]), "{replies:?}");
    let mut program = Program::connect(&mut mailbox);
    let dialogue = format!("USER tony\r\nPASS wrong\r\nUSER tony\r\nPASS {PASSWORD}\r\n");
    assert!(program.say(&mut mailbox, &dialogue).contains("+OK mails: 0,"), "once more is right");
}

#[test]
fn a_program_that_guesses_must_wait_and_is_not_told_that_its_password_is_wrong() {
    let mut mailbox = Mailbox::new();
    let mut program = Program::connect(&mut mailbox);
    for _ in 0..3 {
        let reply = program.say(&mut mailbox, "USER tony\r\nPASS wrong\r\n");
        assert!(reply.contains("-ERR [AUTH]"), "{reply}");
    }
    let right = format!("USER tony\r\nPASS {PASSWORD}\r\n");
    let reply = program.say(&mut mailbox, &right);
    assert!(reply.contains("-ERR [SYS/TEMP] too many attempts; try again in "), "{reply}");
    program.harness.now.uptime += Duration::from_secs(3600);
    assert!(program.say(&mut mailbox, &right).contains("+OK mails: 0,"));
}

#[test]
fn the_sixth_failed_login_closes_the_connection() {
    for name in ["tony", "tony@hydra.example"] {
        let mut mailbox = Mailbox::new();
        let mut program = Program::connect(&mut mailbox);
        let guess = format!("USER {name}\r\nPASS wrong\r\n");
        let reply = program.say(&mut mailbox, &guess.repeat(20));
        assert_eq!(reply.matches("-ERR [").count(), 6, "{reply}");
        assert_eq!(program.state, State::Closed);
    }
}

#[test]
fn what_the_store_could_not_do_is_no_wrong_password() {
    for failure in [Failure::Unavailable, Failure::Busy] {
        for job in ["log in", "outline"] {
            let mut mailbox = Mailbox::with_texts(&["a"]);
            mailbox.failing = Some((job, 0, failure));
            let mut program = Program::connect(&mut mailbox);
            let right = format!("USER tony\r\nPASS {PASSWORD}\r\n");
            let reply = program.say(&mut mailbox, &right);
            assert!(reply.contains("\r\n-ERR [SYS/TEMP] the server "), "{job}: {reply}");
            assert!(program.session.identity().is_none(), "{job}");
            mailbox.failing = None;
            assert!(program.say(&mut mailbox, &right).contains("+OK mails: 1,"), "{job}");
            let (connection, account) = (CONNECTION, mailbox.account.id);
            let logged_in = Effect::LoggedIn { connection, account, since: EndMark::default() };
            let expected = match job {
                "log in" => vec![logged_in],
                _ => vec![logged_in.clone(), Effect::LoggedOut { connection, account }, logged_in],
            };
            assert_eq!(program.harness.effects, expected);
        }
    }
}

#[test]
fn a_disabled_account_is_not_asked_for_another_password() {
    let mut mailbox = Mailbox::new();
    mailbox.account.state = AccountState::Disabled(DisabledMail::Kept);
    let mut program = Program::connect(&mut mailbox);
    let reply = program.say(&mut mailbox, &format!("USER tony\r\nPASS {PASSWORD}\r\n"));
    assert!(
        reply.ends_with("-ERR [SYS/PERM] the operator has disabled this account\r\n"),
        "{reply}"
    );
}

#[test]
fn commands_have_their_state_and_their_order() {
    let mut mailbox = Mailbox::new();
    let mut program = Program::connect(&mut mailbox);
    for command in ["STAT", "LIST", "UIDL", "RETR 1", "TOP 1 0", "DELE 1", "RSET"] {
        let reply = program.say(&mut mailbox, &format!("{command}\r\n"));
        assert_eq!(reply, "-ERR log in first\r\n", "{command}");
    }
    for dialogue in ["PASS x\r\n", "USER tony\r\nNOOP\r\nPASS x\r\n"] {
        let reply = program.say(&mut mailbox, dialogue);
        assert!(reply.ends_with("-ERR send the username first, with USER\r\n"), "{reply}");
    }
    assert_eq!(mailbox.jobs.len(), 0);
    assert_eq!(program.say(&mut mailbox, "QUIT\r\n"), "+OK until next time\r\n");
    assert_eq!(program.state, State::Closed);
}

#[test]
fn a_connection_is_ended_with_a_reason_that_asks_for_no_password() {
    let mut mailbox = Mailbox::new();
    for (ending, text) in [
        (Ending::ShuttingDown, "-ERR [SYS/TEMP] the server stops; try again later\r\n"),
        (Ending::SessionEnded, "-ERR [SYS/TEMP] the account was changed; log in again\r\n"),
        (
            Ending::NoRoom,
            "-ERR [SYS/TEMP] the server has no memory for this now; try again later\r\n",
        ),
        (Ending::TimedOut, ""),
    ] {
        assert_eq!(Program::log_in(&mut mailbox).end(ending), text);
    }
    let rejected = Ending::Rejected(Rejection::ServerFull);
    let reply = Program::new(Protection::Protected).end(rejected);
    assert_eq!(reply, "-ERR [SYS/TEMP] too many connections; try again later\r\n");
}
