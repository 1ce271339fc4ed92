//! Which of its screens the client shows, read from the terminal.

/// A screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// The first menu.
    First,
    /// The menu after the login.
    Home,
    /// The menu of the account.
    Account,
    /// What can be done with a draft.
    Draft,
    /// The list of drafts.
    Drafts,
    /// A text of more than one page.
    Pager,
    /// A question, by its first word.
    Question(&'static str),
    /// The body of a mail.
    Body,
    /// Whether a mail that is left is kept.
    Left,
    /// The server is waited for.
    Waiting,
    /// None of these can be told.
    Other,
}

/// Words that tell a screen, in the English catalogue.
const SIGNS: [(&str, View); 17] = [
    ("9) My account", View::Home),
    ("0) Quit", View::First),
    ("3) Delete the account", View::Account),
    ("3) Delete", View::Draft),
    ("0) Back", View::Drafts),
    ("2) Discard it", View::Left),
    ("-- Enter ", View::Pager),
    ("-- (END)", View::Pager),
    ("Ctrl-C cancels", View::Waiting),
    ("Which e-mail", View::Question("Which")),
    ("Which draft", View::Question("Which draft")),
    ("Username", View::Question("Username")),
    ("Password", View::Question("Password")),
    ("To (", View::Question("To")),
    ("Subject:", View::Question("Subject")),
    ("Body (", View::Body),
    ("Server address", View::Question("Server")),
];

impl View {
    /// The screen that the lowest line with a sign belongs to.
    pub(crate) fn of(lines: &[String]) -> Self {
        for (at, line) in lines.iter().enumerate().rev() {
            let found = SIGNS.iter().find(|(sign, _)| line.contains(sign));
            match found {
                // The last choice of three menus: the one above it tells which.
                Some((_, Self::Drafts)) => {
                    return Self::of_menu(lines.get(..at).unwrap_or_default());
                }
                Some((_, view)) => return *view,
                None => {}
            }
        }
        Self::Other
    }

    fn of_menu(above: &[String]) -> Self {
        let last = above.iter().rev().find(|line| line.contains(") "));
        let sign = |view: Self| {
            let signs = SIGNS.iter().filter(|(_, known)| *known == view);
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
        let view = |text: &str| View::of(&text.lines().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(view("  6) Log out\n\n  9) My account\n\nTo (several): "), View::Question("To"));
        assert_eq!(view("  3) Delete the account\n❯ 0) Back\n"), View::Account);
        assert_eq!(view("  2) Change\n  3) Delete\n  0) Back"), View::Draft);
        assert_eq!(view("  1) 2026-11-26 10:00:00 UTC pepper: x\n  0) Back"), View::Drafts);
        assert_eq!(view(""), View::Other);
    }
}
