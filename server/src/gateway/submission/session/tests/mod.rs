//! Tests of the session: the replies to a program's commands, and the mails that the store gets.

mod content;
mod dialogue;
mod programs;

use correio_proto::{limits, mail::Timestamp};

use self::dialogue::{Answer, Dialogue, HEAD, LOGIN, names, sent};
use crate::{
    gateway::{Ending, Protection, harness::name},
    limits::admission::Rejection,
    session::effect::Effect,
    store::{StoreDone, gateway::GatewayDone},
};

/// Sends each line, and checks the beginning of its reply.
fn exchange(dialogue: &mut Dialogue, lines: &[(&str, &str)]) {
    for (line, reply) in lines {
        let said = dialogue.say(format!("{line}\r\n"));
        assert!(said.starts_with(reply), "{line}: {said}");
    }
}

#[test]
fn what_is_offered_depends_on_tls() {
    let mut dialogue = Dialogue::new(Protection::Startable);
    let offered = "250-mail.example\r\n250-PIPELINING\r\n250-SIZE 26213376\r\n250-8BITMIME\r\n\
                   250-ENHANCEDSTATUSCODES\r\n250-STARTTLS\r\n250 LIMITS RCPTMAX=100\r\n";
    assert_eq!(dialogue.say("EHLO phone\r\n"), offered);
    let mut dialogue = Dialogue::new(Protection::Protected);
    let offered = offered.replace("STARTTLS", "AUTH PLAIN LOGIN");
    assert_eq!(dialogue.say("EHLO phone\r\n"), offered);
    assert_eq!(dialogue.say("HELO phone\r\n"), "250 mail.example\r\n");
}

#[test]
fn tls_comes_before_authentication_and_authentication_before_mail() {
    let lines = [
        ("EHLO phone", "250-"),
        ("AUTH PLAIN", "538 5.7.11 "),
        ("MAIL FROM:<tony@mail.example>", "530 5.7.0 STARTTLS"),
        ("RCPT TO:<steve@mail.example>", "530 5.7.0 STARTTLS"),
        ("DATA", "530 5.7.0 STARTTLS"),
    ];
    exchange(&mut Dialogue::new(Protection::Startable), &lines);
    let lines = [
        ("AUTH PLAIN", "503 5.5.1 EHLO"),
        ("MAIL FROM:<>", "503 5.5.1 EHLO"),
        ("EHLO phone", "250-"),
        ("STARTTLS", "503 5.5.1 "),
        ("MAIL FROM:<tony@mail.example>", "530 5.7.0 authentication"),
        ("RCPT TO:<steve@mail.example>", "530 5.7.0 authentication"),
        ("DATA", "530 5.7.0 authentication"),
        ("AUTH CRAM-MD5", "504 5.5.4 "),
    ];
    let mut dialogue = Dialogue::new(Protection::Protected);
    exchange(&mut dialogue, &lines);
    assert_eq!(dialogue.jobs, [""; 0]);
}

#[test]
fn tls_begins_and_everything_that_was_said_is_forgotten() {
    let mut dialogue = Dialogue::new(Protection::Startable);
    dialogue.say("EHLO phone\r\nFOO\r\nFOO\r\n");
    // The session does not read the input after the command; the connection refuses it.
    assert_eq!(dialogue.say("STARTTLS\r\nEHLO attacker\r\n"), "220 2.0.0 begin TLS\r\n");
    assert!(dialogue.has_tls_begun);
    let mut dialogue = Dialogue::new(Protection::Startable);
    dialogue.say("EHLO phone\r\nSTARTTLS\r\n");
    dialogue.has_tls_begun = false;
    let lines = [
        ("AUTH PLAIN", "503 5.5.1 EHLO"),
        ("STARTTLS", "503 5.5.1 "),
        ("EHLO phone", "250-"),
        ("AUTH LOGIN", "334 "),
    ];
    exchange(&mut dialogue, &lines);
}

#[test]
fn a_program_logs_in_by_either_mechanism() {
    let password = "MDEyMy00NTY3LTg5QUItQ0RFRi1HSEpLLU1OUFEtUjE=";
    let message = &LOGIN["AUTH PLAIN ".len()..LOGIN.len() - 2];
    let in_one = format!("AUTH PLAIN {message}");
    let two_spaces = format!("AUTH  PLAIN  {message}");
    let dialogues: [&[(&str, &str)]; 5] = [
        &[(&in_one, "235 2.7.0 ")],
        &[(&two_spaces, "235 2.7.0 ")],
        &[("auth plain", "334 \r\n"), (message, "235 2.7.0 ")],
        &[
            ("AUTH LOGIN", "334 VXNlcm5hbWU6\r\n"),
            ("dG9ueQ==", "334 UGFzc3dvcmQ6\r\n"),
            (password, "235 2.7.0 "),
        ],
        &[("AUTH LOGIN dG9ueUBtYWlsLmV4YW1wbGU=", "334 UGFzc3dvcmQ6\r\n"), (password, "235 ")],
    ];
    for lines in dialogues {
        let mut dialogue = Dialogue::new(Protection::Protected);
        dialogue.say("EHLO phone\r\n");
        exchange(&mut dialogue, lines);
        assert_eq!(dialogue.session.identity().unwrap().username, name("tony"));
        assert!(matches!(dialogue.harness.effects[..], [Effect::LoggedIn { .. }]));
        exchange(&mut dialogue, &[("AUTH PLAIN", "503 5.5.1 "), ("EHLO again", "250-")]);
        assert!(dialogue.session.identity().is_some());
    }
}

#[test]
fn an_exchange_can_end_without_a_login() {
    let lines = [
        ("EHLO phone", "250-"),
        ("AUTH PLAIN", "334 \r\n"),
        ("*", "501 5.7.0 "),
        ("AUTH LOGIN", "334 "),
        ("!", "501 5.5.2 "),
        ("AUTH PLAIN =", "501 5.5.2 "),
        ("AUTH PLAIN dG9ueQ==", "501 5.5.2 "),
        ("AUTH LOGIN", "334 "),
        ("dG9ueQ==", "334 "),
        ("*", "501 5.7.0 "),
        ("NOOP", "250 "),
    ];
    let mut dialogue = Dialogue::new(Protection::Protected);
    exchange(&mut dialogue, &lines);
    assert_eq!(dialogue.jobs, [""; 0]);
    // An overlong answer ends the exchange, too.
    exchange(&mut dialogue, &[("AUTH PLAIN", "334 \r\n"), (&"A".repeat(3000), "500 5.5.6 ")]);
    exchange(&mut dialogue, &[("NOOP", "250 ")]);
}

#[test]
fn a_login_is_refused_with_the_code_that_programs_know() {
    let gateway = |done| Answer::Done(StoreDone::Gateway(done));
    let cases = [
        (gateway(GatewayDone::WrongPassword), "535 5.7.8 "),
        (Answer::Done(StoreDone::Unavailable("full".into())), "454 4.3.0 "),
        (Answer::Busy, "454 4.3.2 "),
    ];
    for (answer, reply) in cases {
        let mut dialogue = Dialogue::new(Protection::Protected);
        dialogue.script.insert("log in", vec![answer]);
        exchange(&mut dialogue, &[("EHLO x", "250-"), (LOGIN.trim_end(), reply)]);
        assert!(dialogue.session.identity().is_none());
        exchange(&mut dialogue, &[(LOGIN.trim_end(), "235 2.7.0 ")]);
    }
}

#[test]
fn wrong_passwords_are_throttled_and_end_the_connection() {
    let mut dialogue = Dialogue::new(Protection::Protected);
    dialogue.say("EHLO x\r\n");
    let replies: String = (0..7)
        .map(|_| {
            dialogue.script("log in", StoreDone::Gateway(GatewayDone::WrongPassword));
            dialogue.say(LOGIN)[..4].to_owned()
        })
        .take_while(|reply| !reply.is_empty())
        .take(6)
        .collect();
    assert_eq!(replies, "535 535 535 454 454 454 ");
    assert!(dialogue.is_closed);
    assert_eq!(dialogue.jobs.len(), 3);
}

#[test]
fn recipients_are_judged_where_they_are_named() {
    let lines = [
        ("RCPT TO:<steve@mail.example>", "503 5.5.1 MAIL"),
        ("MAIL FROM: <tony@mail.example> BODY=8BITMIME SIZE=100", "250 2.1.0 "),
        ("MAIL FROM:<tony@mail.example>", "503 5.5.1 "),
        ("AUTH PLAIN", "503 5.5.1 "),
        ("DATA", "554 5.5.1 "),
        ("RCPT TO:<nobody@mail.example>", "550 5.1.1 "),
        ("RCPT TO:<tony+x@mail.example>", "550 5.1.1 "),
        ("RCPT TO:<closed@mail.example>", "550 5.7.1 "),
        ("RCPT TO:<steve@elsewhere.example>", "550 5.7.1 this server does not relay"),
        ("RCPT TO:<steve@>", "501 5.1.3 "),
        ("RCPT TO:<>", "501 5.1.3 "),
        ("RCPT TO:<steve@mail.example> NOTIFY=NEVER", "555 5.5.4 "),
        ("RCPT TO:<steve@mail.example>", "250 2.1.5 "),
        ("RCPT TO:Steve", "250 2.1.5 "),
        ("DATA", "354 "),
    ];
    let mut dialogue = Dialogue::logged_in();
    exchange(&mut dialogue, &lines);
    assert_eq!(dialogue.jobs, ["log in", "find", "find", "find"]);
    dialogue.say(format!("{HEAD}\r\n.\r\n"));
    assert_eq!(dialogue.mails[0].to.as_slice(), names("steve"));
}

#[test]
fn a_recipient_that_cannot_be_looked_up_now_is_not_refused_for_good() {
    let mut dialogue = Dialogue::logged_in();
    dialogue.say("MAIL FROM:<>\r\n");
    let cases = [
        (Answer::Busy, "451 4.3.2 "),
        (Answer::Done(StoreDone::Unavailable("full".into())), "451 4.3.0 "),
        (Answer::Done(StoreDone::Created), "451 4.3.0 "),
    ];
    for (answer, reply) in cases {
        dialogue.script.insert("find", vec![answer]);
        exchange(&mut dialogue, &[("RCPT TO:<steve>", reply)]);
    }
    dialogue.script("find", StoreDone::NoAccount);
    exchange(&mut dialogue, &[("RCPT TO:<steve>", "550 5.7.1 ")]);
    assert!(dialogue.is_closed);
}

#[test]
fn a_mail_has_at_most_a_hundred_recipients() {
    let mut dialogue = Dialogue::logged_in();
    dialogue.say("MAIL FROM:<>\r\n");
    for number in 0..limits::RECIPIENTS_MAX {
        exchange(&mut dialogue, &[(&format!("RCPT TO:<u{number}>"), "250 ")]);
    }
    exchange(&mut dialogue, &[("RCPT TO:<steve>", "452 4.5.3 "), ("RCPT TO:<u7>", "250 ")]);
    exchange(&mut dialogue, &[("DATA", "354 ")]);
    assert!(dialogue.say(format!("{HEAD}.\r\n")).starts_with("250 "));
    assert_eq!(dialogue.mails[0].to.as_slice().len(), limits::RECIPIENTS_MAX);
}

#[test]
fn the_sender_is_the_account_or_empty() {
    let mut dialogue = Dialogue::logged_in();
    for refused in ["steve@mail.example", "tony@elsewhere.example", "x y"] {
        exchange(&mut dialogue, &[(&format!("MAIL FROM:<{refused}>"), "550 5.7.1 ")]);
    }
    for taken in ["", "tony", "TONY@Mail.Example"] {
        exchange(&mut dialogue, &[(&format!("MAIL FROM:<{taken}>"), "250 "), ("RSET", "250 ")]);
    }
}

#[test]
fn a_size_above_the_limit_is_refused_before_the_mail() {
    let mut dialogue = Dialogue::logged_in();
    let lines = [
        ("MAIL FROM:<> SIZE=26213377", "552 5.3.4 a mail has at most 26213376 bytes"),
        ("MAIL FROM:<> SIZE=26213376", "250 "),
    ];
    exchange(&mut dialogue, &lines);
}

#[test]
fn the_mail_is_forgotten_where_the_standard_says_so() {
    for forgets in ["RSET", "EHLO phone", "HELO phone"] {
        let mut dialogue = Dialogue::logged_in();
        exchange(&mut dialogue, &[("MAIL FROM:<>", "250 "), ("RCPT TO:<steve>", "250 ")]);
        exchange(&mut dialogue, &[(forgets, "250"), ("DATA", "503 5.5.1 MAIL")]);
    }
    // An answered mail is over.
    let mut dialogue = Dialogue::logged_in();
    assert!(dialogue.mail(HEAD).starts_with("250 "));
    exchange(&mut dialogue, &[("DATA", "503 5.5.1 MAIL"), ("MAIL FROM:<>", "250 ")]);
}

#[test]
fn other_commands_are_answered() {
    let lines = [
        ("NOOP", "250 2.0.0 "),
        ("VRFY tony", "252 2.5.0 "),
        ("HELP", "214 2.0.0 "),
        ("RSET", "250 2.0.0 "),
        ("MAIL TO:<x>", "501 5.5.4 "),
        ("QUIT", "221 2.0.0 "),
    ];
    let mut dialogue = Dialogue::new(Protection::Protected);
    exchange(&mut dialogue, &lines);
    assert!(dialogue.is_closed);
}

#[test]
fn three_lines_that_are_no_commands_end_the_connection() {
    let unknown: [&[u8]; 5] =
        [b"FOO\r\n", b"BDAT 5 LAST\r\n", b"NOOP\0\r\n", b"NOOP\n", &[b'x'; 3000]];
    for line in unknown {
        let mut dialogue = Dialogue::new(Protection::Protected);
        for _ in 0..2 {
            let reply = dialogue.say(line);
            assert!(reply.starts_with("500 5.5."), "{reply}");
            if !line.ends_with(b"\n") {
                dialogue.say("\r\n");
            }
            assert!(!dialogue.is_closed);
        }
        assert!(dialogue.say(line).starts_with("500 5.5."));
        assert!(dialogue.is_closed);
    }
}

#[test]
fn a_browser_is_answered_nothing() {
    for method in ["GET", "POST", "OPTIONS"] {
        let mut dialogue = Dialogue::new(Protection::Protected);
        let request = format!("{method} / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<>\r\n");
        assert_eq!(dialogue.say(request), "");
        assert!(dialogue.is_closed);
    }
}

#[test]
fn a_mail_is_accepted_after_the_store_has_it() {
    let mut dialogue = Dialogue::logged_in();
    let reply = dialogue.mail(HEAD);
    let id = dialogue.mails[0].id;
    assert_eq!(reply, format!("250 2.0.0 accepted as {id}\r\n"));
    assert_eq!(dialogue.jobs, ["log in", "find", "send"]);
    assert_eq!(dialogue.harness.counts.mails_accepted, 1);
    dialogue.script("send", StoreDone::SentBefore { sent_at: Timestamp(7) });
    assert_eq!(dialogue.mail(HEAD), format!("250 2.0.0 accepted before as {id}\r\n"));
    assert_eq!(dialogue.harness.counts.mails_repeated, 1);
}

#[test]
fn a_mail_that_is_stored_in_an_earlier_form_was_accepted_before() {
    let mut dialogue = Dialogue::logged_in();
    dialogue.mail(HEAD);
    let id = dialogue.mails[0].id;
    for _ in 0..200 {
        dialogue.script("send", StoreDone::Conflict);
        assert_eq!(dialogue.mail(HEAD), format!("250 2.0.0 accepted before as {id}\r\n"));
    }
    // The mail was charged when it was accepted.
    assert!(dialogue.mail(HEAD).starts_with("250 2.0.0 accepted as "));
    let counts = &dialogue.harness.counts;
    assert_eq!((counts.mails_repeated, counts.mails_accepted), (200, 2));
}

#[test]
fn a_mail_that_the_store_refuses_is_refused_with_its_reason() {
    let full = |members| StoreDone::MailboxesFull { recipients: names("steve pepper"), members };
    let cases = [
        (StoreDone::UnknownRecipients(names("steve")), "550 5.1.1 recipients do not exist: steve"),
        (StoreDone::MayNotSend(names("class")), "550 5.7.1 lists take no mail from you: class"),
        (StoreDone::ListFull, "550 5.5.3 "),
        (full(0), "452 4.2.2 mailboxes are full; nobody got the mail: steve, pepper"),
        (full(500), "452 4.2.2 "),
        (StoreDone::Incomplete { staged: 0 }, "451 4.3.0 "),
        (StoreDone::ListsHeld, "451 4.7.1 "),
        (StoreDone::Unavailable("full".into()), "451 4.3.0 "),
        (StoreDone::Created, "451 4.3.0 "),
    ];
    for (done, expected) in cases {
        let mut dialogue = Dialogue::logged_in();
        dialogue.script("send", done.clone());
        let reply = dialogue.mail(HEAD);
        assert!(reply.starts_with(expected), "{done:?}: {reply}");
        assert!(dialogue.mail(HEAD).starts_with("250 "), "the next mail is taken after {done:?}");
    }
    let mut dialogue = Dialogue::logged_in();
    dialogue.script.insert("send", vec![Answer::Busy]);
    assert!(dialogue.mail(HEAD).starts_with("451 4.3.2 "));
    dialogue.script("send", StoreDone::NoAccount);
    assert!(dialogue.mail(HEAD).starts_with("550 5.7.1 "));
    assert!(dialogue.is_closed);
}

#[test]
fn many_names_of_refused_recipients_are_cut() {
    let mut dialogue = Dialogue::logged_in();
    let many: String = (0..100).map(|number| format!("{}{number} ", "x".repeat(30))).collect();
    dialogue.script("send", StoreDone::UnknownRecipients(names(&many)));
    let reply = dialogue.mail(HEAD);
    assert!(reply.len() <= 512 && reply.ends_with(", and others\r\n"), "{reply}");
}

#[test]
fn the_rate_is_limited_after_the_mail_and_no_earlier() {
    let mut dialogue = Dialogue::logged_in();
    let sent: Vec<String> = (0..101)
        .map(|number| dialogue.mail(format!("{HEAD}X-Number: {number}\r\n"))[..9].to_owned())
        .collect();
    assert!(sent[..100].iter().all(|reply| reply == "250 2.0.0"));
    assert_eq!(sent[100], "451 4.7.1");
    assert_eq!(dialogue.jobs.iter().filter(|job| **job == "send").count(), 100);
    // A mail that the store did not take costs nothing.
    dialogue.harness.now.uptime += std::time::Duration::from_secs(36);
    dialogue.script("send", StoreDone::Unavailable("full".into()));
    assert!(dialogue.mail(HEAD).starts_with("451 4.3.0 "));
    assert!(dialogue.mail(HEAD).starts_with("250 "));
}

#[test]
fn the_server_says_why_it_ends_the_connection() {
    let cases = [
        (Ending::ShuttingDown, "421 4.3.2 "),
        (Ending::SessionEnded, "421 4.7.0 "),
        (Ending::Rejected(Rejection::ServerFull), "421 4.7.0 "),
        (Ending::NoRoom, "421 4.3.1 "),
        (Ending::TimedOut, "421 4.4.2 "),
    ];
    for (ending, reply) in cases {
        let said = Dialogue::in_data().end(ending);
        assert!(said.starts_with(reply) && said.ends_with("\r\n"), "{said}");
    }
}

#[test]
fn recipients_that_are_connected_are_told() {
    let mut dialogue = Dialogue::logged_in();
    let account = crate::ids::AccountId(2);
    assert_eq!(dialogue.harness.registry.add(account, crate::gateway::harness::CONNECTION), None);
    dialogue.script("send", sent());
    dialogue.mail(HEAD);
    let Some(Effect::MailArrived { accounts, arrival }) = dialogue.harness.effects.last() else {
        panic!("{:?}", dialogue.harness.effects);
    };
    assert_eq!(accounts, &[account]);
    assert_eq!((arrival.from.as_str(), arrival.subject.as_str()), ("tony", "Suit"));
}
