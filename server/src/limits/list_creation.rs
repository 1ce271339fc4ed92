//! Who may make lists over the network, as the operator has set it.

/// Who may make lists over the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListCreation {
    /// Every account.
    #[default]
    Members,
    /// Nobody. The lists that exist stay as they are: their owners change them, and mail goes to
    /// them.
    Off,
}
