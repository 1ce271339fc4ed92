//! The flags of a mail: what was done with it, here or in another mail program.

/// A flag of a mail. Its letter stands in the name of the mail's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// The mail was read (`S`).
    Seen,
    /// A person has marked the mail as important (`F`).
    Important,
    /// The mail was answered (`R`).
    Replied,
    /// The mail was forwarded (`P`).
    Forwarded,
}

/// Whether a flag is set or taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagChange {
    /// The mail has the flag afterwards.
    Set,
    /// The mail does not have the flag afterwards.
    Clear,
}

impl Flag {
    /// All flags.
    pub const ALL: [Self; 4] = [Self::Seen, Self::Important, Self::Replied, Self::Forwarded];

    /// The letter of the Maildir convention.
    pub(super) fn letter(self) -> char {
        match self {
            Self::Seen => 'S',
            Self::Important => 'F',
            Self::Replied => 'R',
            Self::Forwarded => 'P',
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Seen => 1,
            Self::Important => 2,
            Self::Replied => 4,
            Self::Forwarded => 8,
        }
    }
}

/// The flags of one mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// Whether the mail has this flag.
    #[must_use]
    pub fn has(self, flag: Flag) -> bool {
        self.0 & flag.bit() != 0
    }

    /// The flags that these letters name. Letters of other programs are left out.
    pub(super) fn of_letters(letters: &str) -> Self {
        let named = Flag::ALL.into_iter().filter(|flag| letters.contains(flag.letter()));
        Self(named.fold(0, |bits, flag| bits | flag.bit()))
    }
}
