//! The environment variables that settings are read from.

use std::collections::HashMap;

use super::error::ConfigError;

/// Environment variables, of the process or of a test.
#[derive(Clone, Debug, Default)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    /// The environment of the process.
    ///
    /// # Errors
    ///
    /// The variable of a setting is not Unicode. Other variables that are not Unicode are skipped.
    pub fn of_process() -> Result<Self, ConfigError> {
        let mut variables = HashMap::new();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else {
                continue;
            };
            match value.into_string() {
                Ok(value) => _ = variables.insert(name, value),
                Err(value) if name.starts_with("CORREIO_") => {
                    let value = value.to_string_lossy().into_owned();
                    let allowed = "text in UTF-8";
                    return Err(ConfigError::Value { place: name, value, allowed });
                }
                Err(_) => {}
            }
        }
        Ok(Self(variables))
    }

    /// The value of a variable, if it is set.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}
