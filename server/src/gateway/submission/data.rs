//! Reads the data of a mail after `DATA`: finds its end, removes the stuffed dots, and finds bytes
//! that no mail may have.
//!
//! Only CR LF `.` CR LF ends a mail (RFC 5321, section 4.1.1.4). A server that takes a bare LF or
//! CR beside the dot for a line's end, or passes it on to such a server, lets a sender smuggle a
//! second mail into the first. Here, such bytes end nothing, and the mail that has them is refused
//! after its end.

use memchr::memchr3;

/// Longest line, in bytes as sent, without its end. The standard permits 998; Python's POP3 client
/// reads lines of at most 2,048 bytes with their end.
pub const LINE_MAX: usize = 2046;

/// Why the data of a mail is refused. The first fault counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataFault {
    /// Bytes that no mail may have.
    Form(FormFault),
    /// More bytes than a mail may have.
    TooLarge,
}

/// Bytes that no mail may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormFault {
    /// A CR without an LF after it, or an LF without a CR before it.
    BareLineEnd,
    /// A NUL.
    Nul,
    /// A line of more than [`LINE_MAX`] bytes.
    LongLine,
}

/// How far a mail is after a chunk of its data was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The mail goes on.
    Going,
    /// The mail has ended: this many bytes of the chunk belong to it.
    Ended {
        /// Bytes at the chunk's start, with those of the end.
        consumed: usize,
    },
}

/// Place in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A line's start: the mail's start, or after CR LF.
    Start,
    /// After a dot at a line's start.
    Dot,
    /// After a dot and a CR at a line's start.
    DotCr,
    /// Inside a line.
    Inside,
    /// After a CR inside a line.
    Cr,
}

/// See the module's description. The data may come in any pieces.
#[derive(Clone, Debug)]
pub struct DataReader {
    place: Place,
    /// Bytes of the present line, stuffed dots among them.
    line: usize,
    /// Bytes of the mail, without stuffed dots and the end.
    bytes: u64,
    bytes_max: u64,
    /// Bytes that were read, stuffed dots and the end among them.
    octets: u64,
    fault: Option<DataFault>,
}

impl DataReader {
    /// A reader at the start of a mail that may have this many bytes, with its line ends and
    /// without stuffed dots.
    #[must_use]
    pub fn new(bytes_max: u64) -> Self {
        Self { place: Place::Start, line: 0, bytes: 0, bytes_max, octets: 0, fault: None }
    }

    /// The first fault found.
    #[must_use]
    pub fn fault(&self) -> Option<DataFault> {
        self.fault
    }

    /// Bytes that were read, stuffed dots and the end among them.
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Reads a chunk of the data, to its end at most. Appends what belongs to the mail to `mail`;
    /// of a mail with a fault, nothing more.
    pub fn read(&mut self, chunk: &[u8], mail: &mut Vec<u8>) -> Progress {
        self.octets = self.octets.saturating_add(chunk.len() as u64);
        let mut rest = chunk;
        while let Some((&byte, after)) = rest.split_first() {
            if self.place == Place::Inside && !b"\r\n\0".contains(&byte) {
                let run = memchr3(b'\r', b'\n', 0, rest).unwrap_or(rest.len());
                let (plain, after) = rest.split_at(run);
                self.take(plain, mail);
                rest = after;
                continue;
            }
            rest = after;
            if self.place == Place::DotCr && byte == b'\n' {
                self.octets = self.octets.saturating_sub(rest.len() as u64);
                return Progress::Ended { consumed: chunk.len() - rest.len() };
            }
            self.step(byte, mail);
        }
        Progress::Going
    }

    /// Reads a byte that does not end the mail.
    fn step(&mut self, byte: u8, mail: &mut Vec<u8>) {
        if byte == 0 {
            self.fail(DataFault::Form(FormFault::Nul));
        }
        self.place = match (self.place, byte) {
            (Place::Start, b'.') => {
                self.line += 1;
                Place::Dot
            }
            (Place::Dot, b'\r') => Place::DotCr,
            (Place::Cr, b'\n') => {
                self.add(b"\r\n", mail);
                self.line = 0;
                Place::Start
            }
            (Place::Start | Place::Inside, b'\r') => Place::Cr,
            (Place::DotCr | Place::Cr, b'\r') => {
                self.fail(DataFault::Form(FormFault::BareLineEnd));
                Place::Cr
            }
            (Place::Start | Place::Dot | Place::Inside, b'\n') => {
                self.fail(DataFault::Form(FormFault::BareLineEnd));
                Place::Inside
            }
            (Place::DotCr | Place::Cr, _) => {
                self.fail(DataFault::Form(FormFault::BareLineEnd));
                Place::Inside
            }
            (Place::Start | Place::Dot | Place::Inside, _) => {
                self.take(&[byte], mail);
                Place::Inside
            }
        };
    }

    /// Adds bytes of a line to the mail.
    fn take(&mut self, bytes: &[u8], mail: &mut Vec<u8>) {
        self.line = self.line.saturating_add(bytes.len());
        if self.line > LINE_MAX {
            self.fail(DataFault::Form(FormFault::LongLine));
        }
        self.add(bytes, mail);
    }

    fn add(&mut self, bytes: &[u8], mail: &mut Vec<u8>) {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if self.bytes > self.bytes_max {
            self.fail(DataFault::TooLarge);
        }
        if self.fault.is_none() {
            mail.extend_from_slice(bytes);
        }
    }

    fn fail(&mut self, fault: DataFault) {
        self.fault.get_or_insert(fault);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads data in pieces of these lengths. Returns the mail or its fault, and the number of read
    /// bytes; `None` if the data does not end the mail.
    fn read(data: &[u8], lengths: &[usize]) -> Option<(Result<Vec<u8>, DataFault>, usize)> {
        let (mut reader, mut mail) = (DataReader::new(10_000), Vec::new());
        let (mut rest, mut lengths) = (data, lengths.iter().cycle());
        while !rest.is_empty() {
            let length = lengths.next().map_or(rest.len(), |length| (*length).clamp(1, rest.len()));
            let (piece, after) = rest.split_at(length);
            if let Progress::Ended { consumed } = reader.read(piece, &mut mail) {
                let before = data.len() - rest.len();
                assert_eq!(reader.octets(), (before + consumed) as u64);
                return Some((reader.fault().map_or(Ok(mail), Err), before + consumed));
            }
            rest = after;
        }
        None
    }

    /// The data of a mail: with stuffed dots and the end.
    fn stuffed(mail: &[u8]) -> Vec<u8> {
        let mut data = Vec::new();
        for line in mail.split_inclusive(|byte| *byte == b'\n') {
            if line.starts_with(b".") {
                data.push(b'.');
            }
            data.extend_from_slice(line);
        }
        data.extend_from_slice(b".\r\n");
        data
    }

    #[test]
    fn a_mail_ends_at_a_dot_between_line_ends_and_the_rest_stays() {
        let cases: [(&[u8], &[u8], &[u8]); 7] = [
            (b".\r\n", b"", b""),
            (b".\r\nQUIT\r\n", b"", b"QUIT\r\n"),
            (b"a\r\n.\r\n.\r\n", b"a\r\n", b".\r\n"),
            (b"..\r\n.\r\n", b".\r\n", b""),
            (b"..a\r\n...\r\n.\r\n", b".a\r\n..\r\n", b""),
            (b".a\r\na.\r\n.\r\n", b"a\r\na.\r\n", b""),
            (b"\r\n\r\n.\r\nx", b"\r\n\r\n", b"x"),
        ];
        for (data, mail, rest) in cases {
            for lengths in [&[][..], &[1], &[2], &[3, 1]] {
                let expected = Some((Ok(mail.to_vec()), data.len() - rest.len()));
                assert_eq!(read(data, lengths), expected, "{:?}", data.escape_ascii());
            }
        }
    }

    /// Every sequence that some server has taken for the end of a mail.
    #[test]
    fn nothing_else_ends_a_mail_and_the_whole_mail_is_refused() {
        let ends = ["\r\n", "\n", "\r", "\r\r\n", "\n\r", "\0\r\n", "\r\0\n", "\r\n\0"];
        let mut smuggled = 0;
        for before in ends {
            for dot in [".", "..", ".\0", "\0."] {
                for after in ends {
                    let text = format!("a{before}{dot}{after}MAIL FROM:<steve@x>\r\n.\r\n");
                    let ended = format!("a{before}{dot}{after}");
                    // The bytes contain the real end, whatever stands around it.
                    let is_end = ended.contains("\r\n.\r\n");
                    let length = match is_end {
                        true => ended.find("\r\n.\r\n").map(|at| at + 5).unwrap(),
                        false => text.len(),
                    };
                    let (mail, consumed) = read(text.as_bytes(), &[]).unwrap();
                    assert_eq!(consumed, length, "{ended:?}");
                    let is_plain = [before, after].iter().all(|end| *end == "\r\n");
                    let is_clean = is_plain && !dot.contains('\0');
                    assert_eq!(mail.is_ok(), is_clean || (is_end && before == "\r\n"), "{ended:?}");
                    smuggled += usize::from(!is_end);
                    assert_eq!(read(text.as_bytes(), &[1]), Some((mail, consumed)), "{ended:?}");
                }
            }
        }
        assert!(smuggled > 200);
        assert_eq!(read(b"a\n.\n", &[]), None);
        assert_eq!(read(b"a\r.\r", &[]), None);
        assert_eq!(read(b"\n.\r\n", &[]), None);
        assert_eq!(read(b".\n", &[]), None);
    }

    #[test]
    fn the_fault_that_comes_first_is_named() {
        let long = |length: usize| format!("{}\r\n.\r\n", "x".repeat(length)).into_bytes();
        let fault = |data: &[u8]| read(data, &[]).unwrap().0.err();
        assert_eq!(fault(&long(LINE_MAX)), None);
        assert_eq!(fault(&long(LINE_MAX + 1)), Some(DataFault::Form(FormFault::LongLine)));
        let dotted = [b"..".to_vec(), long(LINE_MAX - 2)].concat();
        assert_eq!(fault(&dotted), None);
        let dotted = [b"..".to_vec(), long(LINE_MAX - 1)].concat();
        assert_eq!(fault(&dotted), Some(DataFault::Form(FormFault::LongLine)));
        assert_eq!(fault(b"a\nb\0\r\n.\r\n"), Some(DataFault::Form(FormFault::BareLineEnd)));
        assert_eq!(fault(b"a\0b\n\r\n.\r\n"), Some(DataFault::Form(FormFault::Nul)));
        let large = [b"a\r\n".repeat(3333), b".\r\n".to_vec()].concat();
        assert_eq!(fault(&large), None);
        let large = [b"a\r\n".repeat(3334), b".\r\n".to_vec()].concat();
        assert_eq!(fault(&large), Some(DataFault::TooLarge));
    }

    #[test]
    fn nothing_is_kept_of_a_mail_after_a_fault() {
        let (mut reader, mut mail) = (DataReader::new(5), Vec::new());
        for _ in 0..1000 {
            assert_eq!(reader.read(b"abcd\r\n", &mut mail), Progress::Going);
        }
        assert!(mail.len() <= 5);
        assert_eq!(reader.octets(), 6000);
    }

    proptest! {
        #[test]
        fn the_pieces_do_not_matter(
            data in "[\\r\\n.a\\x00]{0,40}(\r\n)?.\r\n[.a\r\n]{0,5}",
            lengths in proptest::collection::vec(1_usize..6, 1..6),
        ) {
            prop_assert_eq!(read(data.as_bytes(), &lengths), read(data.as_bytes(), &[]));
        }

        #[test]
        fn a_mail_comes_back_from_its_stuffed_form(
            lines in proptest::collection::vec("[.]{0,3}[a-z\u{80}\u{e9}]{0,5}[.]{0,2}", 0..20),
        ) {
            let mail: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let data = stuffed(mail.as_bytes());
            let length = data.len();
            prop_assert_eq!(read(&data, &[3]), Some((Ok(mail.into_bytes()), length)));
        }
    }
}
