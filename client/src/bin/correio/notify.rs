//! Notifications of the desktop, shown by its own program.

use std::process::{Command, ExitStatus, Stdio};

/// The program that freedesktop.org's desktops come with.
const PROGRAM: &str = "notify-send";

/// Shows a notification. The texts are arguments, so that no shell reads them.
///
/// # Errors
///
/// Why nothing was shown, in English: the program is not installed, or no desktop runs.
pub(crate) fn show(title: &str, text: &str) -> Result<(), String> {
    let mut notify = Command::new(PROGRAM);
    // After `--`, a text that begins with a hyphen is a text.
    notify.args(["--app-name=correio", "--icon=mail-unread", "--", title, &escaped(text)]);
    let status = notify.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match status.as_ref().map(ExitStatus::success) {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!(
            "{PROGRAM}: {}",
            status.map_or_else(|_| String::new(), |status| status.to_string())
        )),
        Err(error) => Err(format!("{PROGRAM}: {error}")),
    }
}

/// A text without the markup that some desktops read in it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_no_markup() {
        assert_eq!(escaped("<a href='x'>R&D</a>"), "&lt;a href='x'&gt;R&amp;D&lt;/a&gt;");
    }
}
