//! Tests of the listings, of deletion, and of mailboxes with many mails.

use super::{
    mailbox::{Failure, Mailbox, PASSWORD},
    program::{Program, State, lines, mail},
};
use crate::gateway::pop3::maildrop;

/// The lines of the replies.
fn said(reply: &str) -> Vec<&str> {
    reply.split_terminator("\r\n").collect()
}

#[test]
fn a_mailbox_is_listed_with_exact_octets() {
    let mut mailbox = Mailbox::with_texts(&["Bom dia", ".\n.", "Até amanhã\n"]);
    let octets = mailbox.octets();
    let total: u64 = octets.iter().sum();
    let mut program = Program::log_in(&mut mailbox);
    assert_eq!(program.say(&mut mailbox, "STAT\r\n"), format!("+OK 3 {total}\r\n"));
    let list = program.say(&mut mailbox, "LIST\r\n");
    let expected: Vec<String> =
        octets.iter().enumerate().map(|(at, octets)| format!("{} {octets}", at + 1)).collect();
    assert_eq!(lines(&list), expected);
    for (at, octets) in octets.iter().enumerate() {
        let number = at + 1;
        let one = program.say(&mut mailbox, &format!("LIST {number}\r\n"));
        assert_eq!(one, format!("+OK {number} {octets}\r\n"));
        let mail = mail(&program.say(&mut mailbox, &format!("RETR {number}\r\n")));
        assert_eq!(mail.len() as u64, *octets);
    }
    assert_eq!(program.harness.counts.mails_delivered, 3);
}

#[test]
fn an_empty_mailbox_is_listed() {
    let mut mailbox = Mailbox::new();
    let mut program = Program::log_in(&mut mailbox);
    let reply = program.say(&mut mailbox, "STAT\r\nLIST\r\nUIDL\r\n");
    let expected = "+OK 0 0\r\n+OK the octets of each mail follow\r\n.\r\n\
                    +OK the id of each mail follows\r\n.\r\n";
    assert_eq!(reply, expected);
}

#[test]
fn a_unique_id_has_the_mail_s_number_and_id_and_at_most_49_characters() {
    let mut mailbox = Mailbox::with_texts(&["a", "b"]);
    mailbox.mails[1].0.mail.seq.0 = u64::MAX;
    let mut program = Program::log_in(&mut mailbox);
    let reply = program.say(&mut mailbox, "UIDL\r\n");
    let expected = [
        "1 2a.01890a5dac96774bbcceb302099a8057",
        "2 ffffffffffffffff.01890a5dac96774bbcceb302099a8057",
    ];
    assert_eq!(lines(&reply), expected);
    assert_eq!(expected[1].len() - 2, 49);
    let one = program.say(&mut mailbox, "UIDL 1\r\n");
    assert_eq!(one, format!("+OK {}\r\n", expected[0]));
}

#[test]
fn ids_stay_when_mails_before_them_are_deleted() {
    let mut mailbox = Mailbox::with_texts(&["a", "b", "c"]);
    let mut program = Program::log_in(&mut mailbox);
    let before = program.say(&mut mailbox, "UIDL\r\n");
    program.say(&mut mailbox, "DELE 1\r\nQUIT\r\n");
    let after = Program::log_in(&mut mailbox).say(&mut mailbox, "UIDL\r\n");
    let ids = |reply: &str| -> Vec<String> {
        lines(reply).iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
    };
    assert_eq!(ids(&before)[1..], ids(&after));
}

#[test]
fn a_mail_that_is_marked_is_not_shown_until_the_mark_is_taken_back() {
    let mut mailbox = Mailbox::with_texts(&["a", "b", "c"]);
    let octets = mailbox.octets();
    let mut program = Program::log_in(&mut mailbox);
    assert!(program.say(&mut mailbox, "DELE 2\r\n").starts_with("+OK "));
    let left = octets[0] + octets[2];
    assert_eq!(program.say(&mut mailbox, "STAT\r\n"), format!("+OK 2 {left}\r\n"));
    let numbers = |reply: &str| -> Vec<String> {
        lines(reply).iter().map(|line| line.split_once(' ').unwrap().0.to_owned()).collect()
    };
    assert_eq!(numbers(&program.say(&mut mailbox, "LIST\r\n")), ["1", "3"]);
    assert_eq!(numbers(&program.say(&mut mailbox, "UIDL\r\n")), ["1", "3"]);
    for command in ["LIST 2", "UIDL 2", "RETR 2", "TOP 2 0", "DELE 2"] {
        let reply = program.say(&mut mailbox, &format!("{command}\r\n"));
        assert_eq!(reply, "-ERR this mail is marked as deleted; RSET takes that back\r\n");
    }
    assert!(program.say(&mut mailbox, "RSET\r\n").starts_with("+OK "));
    assert_eq!(numbers(&program.say(&mut mailbox, "UIDL\r\n")), ["1", "2", "3"]);
    program.say(&mut mailbox, "QUIT\r\n");
    assert_eq!(mailbox.mails.len(), 3);
}

#[test]
fn numbers_that_no_mail_has_are_refused() {
    let mut mailbox = Mailbox::with_texts(&["a"]);
    let mut program = Program::log_in(&mut mailbox);
    for number in ["2", "4294967295", "4294967296", "99999999999999999999999"] {
        for command in ["LIST", "UIDL", "RETR", "DELE"] {
            let reply = program.say(&mut mailbox, &format!("{command} {number}\r\n"));
            assert_eq!(reply, "-ERR the mailbox has no mail of this number\r\n", "{number}");
        }
    }
    for command in ["LIST 0", "LIST 1 2", "RETR", "RETR x", "RETR -1", "RETR +1", "DELE", "UIDL 1x"]
    {
        let reply = program.say(&mut mailbox, &format!("{command}\r\n"));
        assert!(reply.starts_with("-ERR the number of one mail must follow"), "{command}: {reply}");
    }
    for command in ["TOP", "TOP 1", "TOP 1 x", "TOP 0 1", "TOP 1 2 3"] {
        let reply = program.say(&mut mailbox, &format!("{command}\r\n"));
        assert!(reply.starts_with("-ERR the command is TOP"), "{command}: {reply}");
    }
    for command in ["STAT 1", "RSET 1"] {
        assert!(
            program.say(&mut mailbox, &format!("{command}\r\n")).starts_with("-ERR this command")
        );
    }
    assert!(program.say(&mut mailbox, "NOOP\r\nRETR 1\r\n").contains(" octets\r\n"));
}

#[test]
fn quit_deletes_the_marked_mails_and_says_so_after_the_last() {
    let mut mailbox = Mailbox::with_texts(&["a", "b", "c"]);
    let mut program = Program::log_in(&mut mailbox);
    // All commands in one piece, as a program that pipelines sends them.
    let reply = program.say(&mut mailbox, "RETR 1\r\nDELE 1\r\nDELE 3\r\nQUIT\r\nSTAT\r\n");
    assert_eq!(said(&reply).last(), Some(&"+OK until next time (mails deleted: 2)"));
    assert_eq!(program.state, State::Closed);
    assert_eq!(program.input_left(), "STAT\r\n".len(), "nothing is done after QUIT");
    let left: Vec<u64> = mailbox.mails.iter().map(|(outline, ..)| outline.mail.seq.0).collect();
    assert_eq!(left, [43]);
    assert_eq!(program.harness.counts.mails_deleted, 2);
}

#[test]
fn without_quit_nothing_is_deleted() {
    let mut mailbox = Mailbox::with_texts(&["a", "b"]);
    let mut program = Program::log_in(&mut mailbox);
    assert!(program.say(&mut mailbox, "RETR 1\r\nDELE 1\r\nDELE 2\r\n").ends_with("mail\r\n"));
    drop(program);
    assert_eq!(mailbox.mails.len(), 2);
    assert!(!mailbox.jobs.contains(&"confirm"));
}

#[test]
fn quit_that_cannot_delete_says_that_the_mails_stay() {
    for failure in [Failure::Unavailable, Failure::Busy] {
        let mut mailbox = Mailbox::new();
        (0..450).for_each(|_| mailbox.text("a"));
        mailbox.failing = Some(("confirm", 1, failure));
        let mut program = Program::log_in(&mut mailbox);
        let all: String = (1..=450).map(|number| format!("DELE {number}\r\n")).collect();
        let reply = program.say(&mut mailbox, &(all + "QUIT\r\n"));
        let expected = "-ERR [SYS/TEMP] some mails could not be deleted now; they stay";
        assert_eq!(said(&reply).last(), Some(&expected));
        assert_eq!(program.state, State::Closed);
        assert_eq!(mailbox.mails.len(), 250, "the first job was done");
    }
}

#[test]
fn an_account_that_is_gone_ends_the_connection() {
    for (job, command) in
        [("outline", "RETR 1\r\n"), ("fetch", "TOP 1 0\r\n"), ("confirm", "DELE 1\r\nQUIT\r\n")]
    {
        let mut mailbox = Mailbox::with_texts(&["a"]);
        let mut program = Program::log_in(&mut mailbox);
        mailbox.failing = Some((job, 0, Failure::NoAccount));
        let reply = program.say(&mut mailbox, command);
        let expected = "-ERR [SYS/PERM] the account does not exist any more";
        assert_eq!(said(&reply).last(), Some(&expected), "{job}");
        assert_eq!(program.state, State::Closed);
    }
}

#[test]
fn ten_thousand_mails_are_listed_in_parts_retrieved_and_deleted() {
    let mut mailbox = Mailbox::new();
    (0..10_000).for_each(|number| mailbox.text(&format!("Carta {number}")));
    let mut program = Program::log_in(&mut mailbox);
    assert_eq!(mailbox.jobs.iter().filter(|job| **job == "outline").count(), 50);
    program.largest = 0;
    for command in ["LIST\r\n", "UIDL\r\n"] {
        let reply = program.say(&mut mailbox, command);
        let numbers =
            lines(&reply).into_iter().map(|line| line.split_once(' ').unwrap().0.to_owned());
        assert!(numbers.eq((1..=10_000).map(|number: u32| number.to_string())), "{command}");
    }
    assert!(program.largest <= 64 * 1024, "{} bytes at once", program.largest);
    mailbox.jobs.clear();
    for number in 1..=10_000 {
        let commands = format!("RETR {number}\r\nDELE {number}\r\n");
        let reply = program.say(&mut mailbox, &commands);
        assert!(reply.contains(&format!("\r\n\r\nCarta {}\r\n.\r\n+OK ", number - 1)), "{reply}");
    }
    assert!(mailbox.jobs.len() <= 2 * 10_000 / 16, "mails are read ahead: {}", mailbox.jobs.len());
    mailbox.jobs.clear();
    let reply = program.say(&mut mailbox, "QUIT\r\n");
    assert_eq!(reply, "+OK until next time (mails deleted: 10000)\r\n");
    assert_eq!(mailbox.jobs, ["confirm"; 50]);
    assert_eq!(mailbox.mails.len(), 0);
}

#[test]
fn a_store_that_lists_a_mailbox_in_small_steps_is_asked_until_the_end() {
    let mut mailbox = Mailbox::with_texts(&["a", "b", "c", "d", "e"]);
    mailbox.pages = (3, 2);
    let mut program = Program::log_in(&mut mailbox);
    assert!(program.say(&mut mailbox, "STAT\r\n").starts_with("+OK 5 "));
    for number in 1..=5 {
        let reply = program.say(&mut mailbox, &format!("RETR {number}\r\n"));
        assert!(reply.contains(" octets\r\n"), "{number}: {reply}");
    }
    mailbox.mails.clear();
    assert!(program.say(&mut mailbox, "RETR 1\r\n").starts_with("-ERR another program"));
}

#[test]
fn a_listing_that_is_not_read_goes_on_where_it_was() {
    let mut mailbox = Mailbox::new();
    (0..5000).for_each(|_| mailbox.text("a"));
    let mut program = Program::log_in(&mut mailbox);
    let first = program.begin(&mut mailbox, "UIDL\r\nNOOP\r\n", 2);
    assert!(first.len() < 64 * 1024 && !first.contains("\r\n.\r\n"));
    let rest = program.say(&mut mailbox, "");
    let whole = first + &rest;
    let (listing, last) = whole.split_at(whole.len() - "+OK nothing to do\r\n".len());
    assert_eq!(lines(listing).len(), 5000);
    assert_eq!(last, "+OK nothing to do\r\n");
}

#[test]
fn a_mailbox_of_too_many_mails_is_not_opened() {
    let mut mailbox = Mailbox::with_texts(&["a"]);
    mailbox.mails = vec![mailbox.mails[0].clone(); maildrop::MAILS_MAX + 1];
    for (mail, seq) in mailbox.mails.iter_mut().zip(1..) {
        mail.0.mail.seq.0 = seq;
    }
    let mut program = Program::connect(&mut mailbox);
    let reply = program.say(&mut mailbox, &format!("USER tony\r\nPASS {PASSWORD}\r\n"));
    let expected = "-ERR [SYS/PERM] the mailbox has more than 100000 mails; \
                    receive some with correio first";
    assert_eq!(said(&reply).last(), Some(&expected));
    assert!(program.session.identity().is_none());
    mailbox.mails.truncate(3);
    let reply = program.say(&mut mailbox, &format!("USER tony\r\nPASS {PASSWORD}\r\n"));
    assert!(reply.contains("+OK mails: 3,"), "there is room again: {reply}");
}
