//! Recognises the client's screens from the text on the terminal.

/// A screen of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Screen {
    /// The first menu.
    First,
    /// The home menu, shown after the login.
    Home,
    /// The account menu.
    Account,
    /// The menu of a draft.
    Draft,
    /// The list of drafts.
    Drafts,
    /// A text of more than one page.
    Pager,
    /// A question, by its first word.
    Question(&'static str),
    /// The body of a mail.
    Body,
    /// The question whether to keep an unfinished mail.
    Unfinished,
    /// The client waits for the server.
    Waiting,
    /// No known screen.
    Other,
}

/// Texts that identify a screen, in the English catalogue.
const SIGNS: [(&str, Screen); 19] = [
    ("9) My account", Screen::Home),
    ("0) Quit", Screen::First),
    ("4) App passwords", Screen::Account),
    ("3) Delete", Screen::Draft),
    ("0) Back", Screen::Drafts),
    ("2) Discard it", Screen::Unfinished),
    ("-- Enter ", Screen::Pager),
    ("-- (END)", Screen::Pager),
    ("-- n next", Screen::Pager),
    ("Ctrl-C cancels", Screen::Waiting),
    ("Which e-mail", Screen::Question("Which")),
    ("Words to look for", Screen::Question("Words")),
    ("Which draft", Screen::Question("Which draft")),
    ("Username", Screen::Question("Username")),
    ("Password", Screen::Question("Password")),
    ("To (", Screen::Question("To")),
    ("Subject:", Screen::Question("Subject")),
    ("Body (", Screen::Body),
    ("Server address", Screen::Question("Server")),
];

impl Screen {
    /// The screen of the lowest line that holds a sign.
    pub(crate) fn of(lines: &[String]) -> Self {
        for (at, line) in lines.iter().enumerate().rev() {
            let found = SIGNS.iter().find(|(sign, _)| line.contains(sign));
            match found {
                // Three menus end with this choice: the choice above it tells them apart.
                Some((_, Self::Drafts)) => {
                    return Self::of_menu(lines.get(..at).unwrap_or_default());
                }
                Some((_, screen)) => return *screen,
                None => {}
            }
        }
        Self::Other
    }

    fn of_menu(above: &[String]) -> Self {
        let last = above.iter().rev().find(|line| line.contains(") "));
        let sign = |screen: Self| {
            let signs = SIGNS.iter().filter(|(_, known)| *known == screen);
            signs.into_iter().any(|(sign, _)| last.is_some_and(|line| line.contains(sign)))
        };
        match () {
            () if sign(Self::Account) => Self::Account,
            () if sign(Self::Draft) => Self::Draft,
            () => Self::Drafts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_sign_tells() {
        let screen = |text: &str| Screen::of(&text.lines().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(
            screen("  6) Log out\n\n  9) My account\n\nTo (several): "),
            Screen::Question("To")
        );
        assert_eq!(
            screen("  3) Delete the account\n  4) App passwords\n❯ 0) Back\n"),
            Screen::Account
        );
        assert_eq!(screen("  2) Change\n  3) Delete\n  0) Back"), Screen::Draft);
        assert_eq!(screen("  1) 2026-11-26 10:00:00 UTC pepper: x\n  0) Back"), Screen::Drafts);
        assert_eq!(screen(""), Screen::Other);
    }
}
