//! Saving an answer while it is typed.

/// Saves a text while it is typed.
pub(crate) trait Autosave {
    /// Saves the text as it is now.
    ///
    /// # Errors
    ///
    /// The message for the user, if the text could not be saved.
    fn autosave(&mut self, typed: &str) -> Result<(), String>;
}

/// Saves nothing: the answer is short, or secret.
pub(crate) struct NoAutosave;

impl Autosave for NoAutosave {
    fn autosave(&mut self, _: &str) -> Result<(), String> {
        Ok(())
    }
}

/// Saves a text that is typed before another one, with the other one.
pub(super) struct Before<'a> {
    pub(super) rest: &'a str,
    pub(super) autosave: &'a mut dyn Autosave,
}

impl Autosave for Before<'_> {
    fn autosave(&mut self, typed: &str) -> Result<(), String> {
        match self.rest.is_empty() {
            true => self.autosave.autosave(typed),
            false => self.autosave.autosave(&format!("{typed}{}", self.rest)),
        }
    }
}
