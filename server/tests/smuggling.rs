//! The ways in which senders have smuggled a second mail into a first one, each with its verdict,
//! against a whole server in memory. A server that takes other bytes than CR LF `.` CR LF for the
//! end of a mail, or passes them on, is open to them (CVE-2023-51764, CVE-2023-51765,
//! CVE-2023-51766, CVE-2023-52354).

use correio_proto::tls::Security;
use correio_server::gateway::GatewayConfig;
use correio_testing::world::World;

use crate::gateways::{app_password, in_data};

/// What a mail is that has these bytes, and commands with a second mail after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It is refused as a whole after its real end: none of the commands is one.
    Refused,
    /// It is accepted as a whole: none of the commands is one, and pepper reads them.
    Text,
    /// The bytes have the real end of the mail, which is refused. What follows is the program's
    /// next mail, as it is on any connection.
    RefusedAndEnded,
    /// The bytes are the real end of the mail, which is accepted. What follows is the program's
    /// next mail.
    Ended,
}

impl Verdict {
    /// Codes of the replies.
    fn codes(self) -> &'static [&'static str] {
        match self {
            Self::Refused => &["554"],
            Self::Text => &["250"],
            Self::RefusedAndEnded => &["554", "250", "250", "354", "250"],
            Self::Ended => &["250", "250", "250", "354", "250"],
        }
    }

    /// Mails that pepper has afterwards.
    fn mails(self) -> usize {
        match self {
            Self::Refused => 0,
            Self::Text | Self::RefusedAndEnded => 1,
            Self::Ended => 2,
        }
    }
}

/// The bytes between the first mail and the commands of the second, by their name.
const CASES: [(&str, &str, Verdict); 32] = [
    ("CRLF . CRLF, the end", "\r\n.\r\n", Verdict::Ended),
    ("LF . LF", "\n.\n", Verdict::Refused),
    ("LF . CRLF", "\n.\r\n", Verdict::Refused),
    ("LF . CR", "\n.\r", Verdict::Refused),
    ("LF . CRCRLF", "\n.\r\r\n", Verdict::Refused),
    ("CR . LF", "\r.\n", Verdict::Refused),
    ("CR . CRLF", "\r.\r\n", Verdict::Refused),
    ("CR . CR", "\r.\r", Verdict::Refused),
    ("CR . CRCRLF", "\r.\r\r\n", Verdict::Refused),
    ("CRLF . LF", "\r\n.\n", Verdict::Refused),
    ("CRLF . CR", "\r\n.\r", Verdict::Refused),
    ("CRLF . CRCRLF", "\r\n.\r\r\n", Verdict::Refused),
    ("CRLF . LFCR", "\r\n.\n\r", Verdict::Refused),
    ("CRLF CR . CRLF", "\r\n\r.\r\n", Verdict::Refused),
    ("CRLF LF . CRLF", "\r\n\n.\r\n", Verdict::Refused),
    ("LFCR . CRLF", "\n\r.\r\n", Verdict::Refused),
    ("LFLF . CRLF", "\n\n.\r\n", Verdict::Refused),
    ("CRCR . CRLF", "\r\r.\r\n", Verdict::Refused),
    ("CRCRLF . CRLF, which has the end", "\r\r\n.\r\n", Verdict::RefusedAndEnded),
    ("CRCRLF . CRCRLF", "\r\r\n.\r\r\n", Verdict::Refused),
    ("CRLF NUL . CRLF", "\r\n\0.\r\n", Verdict::Refused),
    ("CRLF . NUL CRLF", "\r\n.\0\r\n", Verdict::Refused),
    ("CRLF . CR NUL LF", "\r\n.\r\0\n", Verdict::Refused),
    ("CR NUL LF . CRLF", "\r\0\n.\r\n", Verdict::Refused),
    ("NUL CRLF . CRLF, which has the end", "\0\r\n.\r\n", Verdict::RefusedAndEnded),
    ("CRLF . . CRLF, a stuffed dot", "\r\n..\r\n", Verdict::Text),
    ("LF . . LF", "\n..\n", Verdict::Refused),
    ("CRLF . SP CRLF", "\r\n. \r\n", Verdict::Text),
    ("CRLF SP . CRLF", "\r\n .\r\n", Verdict::Text),
    ("CRLF . NEL CRLF", "\r\n.\u{85}\r\n", Verdict::Text),
    ("LS . LS", "\u{2028}.\u{2028}", Verdict::Text),
    ("VT . FF", "\u{b}.\u{c}", Verdict::Text),
];

const HEAD: &str =
    "From: tony@mail.example.org\r\nTo: pepper@mail.example.org\r\nSubject: Suit\r\n\r\n";

/// The second mail, with an end that all servers know: it is the first mail's, too, where the bytes
/// before are none.
const SECOND: &str = "MAIL FROM:<tony@mail.example.org>\r\nRCPT TO:<pepper@mail.example.org>\r\nDATA\r\n\
                      From: tony@mail.example.org\r\nSubject: Smuggled\r\n\r\nbody\r\n.\r\n";

/// Codes of the replies, and subjects of the mails that pepper has, in bytes that come in such
/// pieces.
fn outcome(between: &str, piece: usize) -> (Vec<String>, Vec<String>) {
    let mut world = World::new();
    let domain = "mail.example.org".parse().unwrap();
    let config = GatewayConfig { domain, security: Security::Plaintext };
    world.server = world.server.with_gateways(Some(config));
    let (mut tony, mut pepper) = world.tony_and_pepper();
    let password = app_password(&mut world, &mut tony);
    let mut program = in_data(&mut world, &password);
    let mut said = String::new();
    for piece in format!("{HEAD}body{between}{SECOND}").as_bytes().chunks(piece) {
        program.channel.output().extend_from_slice(piece);
        program.run(&mut world);
        said.push_str(&program.said());
    }
    assert_eq!(program.say(&mut world, "QUIT\r\n"), "221 2.0.0 goodbye\r\n");
    let codes = said.lines().map(|line| line[..3].to_owned()).collect();
    let mails = pepper.fetch(&mut world).mails;
    (codes, mails.iter().map(|mail| mail.subject.to_string()).collect())
}

#[test]
fn each_way_to_smuggle_a_mail_has_its_verdict() {
    for (name, between, verdict) in CASES {
        for piece in [usize::MAX, 1] {
            let (codes, subjects) = outcome(between, piece);
            assert_eq!(codes, verdict.codes(), "{name}");
            assert_eq!(subjects.len(), verdict.mails(), "{name}");
            let is_second = subjects.iter().any(|subject| subject == "Smuggled");
            let may_be = matches!(verdict, Verdict::Ended | Verdict::RefusedAndEnded);
            assert_eq!(is_second, may_be, "{name}");
        }
    }
}
