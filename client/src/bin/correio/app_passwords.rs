//! The texts about app passwords, and the search for the app password that a user has typed.

use correio_client::{Service, WhiteSpace, sanitize};
use correio_proto::{
    app_password::{AppPassword, AppPasswordOverview, Label},
    capability::APP_PASSWORDS,
    mail::Username,
};

use crate::text::Text;

/// The app password with this label, or else with this number.
pub(crate) fn find<'a>(
    passwords: &'a [AppPasswordOverview],
    typed: &str,
) -> Option<&'a AppPasswordOverview> {
    let typed = typed.trim();
    // A label may look like a number.
    let label = typed.parse::<Label>().ok();
    let of_label = passwords.iter().find(|password| Some(&password.label) == label.as_ref());
    of_label.or_else(|| passwords.iter().find(|password| password.id.to_string() == typed))
}

/// A label for the terminal.
pub(crate) fn label(label: &Label) -> String {
    sanitize(label.as_str(), WhiteSpace::OneLine)
}

/// A text that was typed in place of a label, for the terminal.
pub(crate) fn label_of(typed: &str) -> String {
    sanitize(typed, WhiteSpace::OneLine)
}

/// The lines of a list of app passwords.
pub(crate) fn lines(text: &Text, passwords: &[AppPasswordOverview]) -> Vec<String> {
    match passwords {
        [] => vec![text.of("app-password-none")],
        passwords => passwords.iter().map(|password| line(text, password)).collect(),
    }
}

fn line(text: &Text, password: &AppPasswordOverview) -> String {
    let used = match password.used {
        None => text.of("app-password-unused"),
        Some(used) => {
            let values =
                [("day", text.day(used.day).into()), ("from", used.from.to_string().into())];
            text.with("app-password-used", &values)
        }
    };
    let values = [
        ("label", label(&password.label).into()),
        ("id", password.id.to_string().into()),
        ("made", text.time(password.made_at).into()),
        ("used", used.into()),
    ];
    text.with("app-password-line", &values)
}

/// The line about the app passwords that a new password has revoked, if there were any. `revoked`
/// is their number, if it is known.
pub(crate) fn revoked(text: &Text, service: &Service, revoked: Option<u32>) -> Option<String> {
    match revoked {
        Some(0) => None,
        Some(count) => Some(text.count("app-passwords-revoked", count)),
        None => {
            let has_them = service.welcome().capabilities.contains(APP_PASSWORDS);
            has_them.then(|| text.of("app-passwords-may-be-revoked"))
        }
    }
}

/// The lines that show an app password, which nothing shows again.
pub(crate) fn made(
    text: &Text,
    username: &Username,
    of: &Label,
    password: &AppPassword,
) -> [String; 2] {
    let values = [("label", label(of).into()), ("password", password.to_string().into())];
    let use_it = text.with("app-password-use", &[("username", username.to_string().into())]);
    [text.with("app-password-made", &values), use_it]
}

#[cfg(test)]
mod tests {
    use correio_proto::{app_password::AppPasswordId, mail::Timestamp};

    use super::*;

    #[test]
    fn a_label_comes_before_a_number() {
        let password = |id, label: &str| AppPasswordOverview {
            id: AppPasswordId(id),
            label: label.parse().unwrap(),
            made_at: Timestamp(0),
            used: None,
        };
        let passwords = [password(1, "phone"), password(2, "3"), password(3, "laptop")];
        let found = |typed| find(&passwords, typed).map(|password| password.id.0);
        assert_eq!((found("phone"), found(" 1 "), found("3")), (Some(1), Some(1), Some(2)));
        assert_eq!(
            (found("laptop"), found("4"), found("Phone"), found("")),
            (Some(3), None, None, None)
        );
    }
}
