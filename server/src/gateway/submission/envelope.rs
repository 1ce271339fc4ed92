//! The envelope of a mail: the recipients that the program has named with `RCPT`.

use std::collections::HashSet;

use correio_proto::{limits, mail::Username};

/// See the module's description. A mail may have [`limits::RECIPIENTS_MAX`] recipients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Envelope {
    recipients: Vec<Username>,
}

/// The recipients of a mail, and which of them the others do not see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Addressed {
    /// All recipients: those that the head names, in the head's order, and then the others.
    pub(super) to: Vec<Username>,
    /// The recipients that the head does not name.
    pub(super) hidden: Box<[Username]>,
}

impl Envelope {
    /// The recipients, each once, in the order in which they were named.
    #[must_use]
    pub(super) fn recipients(&self) -> &[Username] {
        &self.recipients
    }

    /// Whether there is no room for another recipient.
    #[must_use]
    pub(super) fn is_full(&self) -> bool {
        self.recipients.len() >= limits::RECIPIENTS_MAX
    }

    /// Adds a recipient, unless the envelope has it or is full.
    pub(super) fn add(&mut self, recipient: Username) {
        if !self.is_full() && !self.recipients.contains(&recipient) {
            self.recipients.push(recipient);
        }
    }

    /// Separates the recipients that `To` and `Cc` name from those that no other recipient may see.
    #[must_use]
    pub(super) fn addressed(&self, named: &[Username]) -> Addressed {
        // A head may name thousands of recipients: a set keeps the search linear.
        let mut unnamed: HashSet<&Username> = self.recipients.iter().collect();
        let mut to: Vec<Username> =
            named.iter().filter(|name| unnamed.remove(name)).cloned().collect();
        let hidden: Box<[Username]> = self
            .recipients
            .iter()
            .filter(|recipient| unnamed.contains(recipient))
            .cloned()
            .collect();
        to.extend(hidden.iter().cloned());
        Addressed { to, hidden }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<Username> {
        text.split_whitespace().map(|name| name.parse().unwrap()).collect()
    }

    fn envelope(text: &str) -> Envelope {
        let mut envelope = Envelope::default();
        names(text).into_iter().for_each(|name| envelope.add(name));
        envelope
    }

    #[test]
    fn recipients_that_the_head_does_not_name_are_hidden() {
        let cases = [
            ("steve pepper", "pepper steve", "pepper steve", ""),
            ("steve pepper bruce", "bruce steve bruce", "bruce steve pepper", "pepper"),
            // The envelope decides which recipients get the mail.
            ("steve", "steve natasha", "steve", ""),
            ("steve pepper", "", "steve pepper", "steve pepper"),
        ];
        for (recipients, named, to, hidden) in cases {
            let addressed = envelope(recipients).addressed(&names(named));
            let expected = Addressed { to: names(to), hidden: names(hidden).into() };
            assert_eq!(addressed, expected, "{recipients} / {named}");
        }
    }

    #[test]
    fn an_envelope_has_each_recipient_once_and_a_limit() {
        assert_eq!(envelope("steve pepper steve").recipients(), names("steve pepper"));
        let mut envelope = Envelope::default();
        for number in 0..limits::RECIPIENTS_MAX {
            assert!(!envelope.is_full());
            envelope.add(format!("u{number}").parse().unwrap());
        }
        assert!(envelope.is_full());
        envelope.add("steve".parse().unwrap());
        assert_eq!(envelope.recipients().len(), limits::RECIPIENTS_MAX);
    }
}
