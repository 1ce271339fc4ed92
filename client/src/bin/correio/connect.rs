//! Connecting to a server: how it is trusted, and the question about its certificate at the first
//! contact. The menus and the commands connect alike.

use correio_client::{
    Address, ConnectError, Distrust, KnownServers, KnownServersError, Service, Trust, Untrusted,
};
use correio_proto::fingerprint::Fingerprint;

use crate::{args::Options, exit::Failure, text::Text};

/// The command line's option for trusting servers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TrustOption {
    /// Nothing: known servers and public authorities decide.
    Unset,
    /// Speak without TLS.
    Plaintext,
    /// Accept the certificate with this fingerprint only.
    Fingerprint(Fingerprint),
}

impl TrustOption {
    pub(crate) fn of(options: &Options) -> Self {
        match options.fingerprint {
            _ if options.plaintext => Self::Plaintext,
            Some(fingerprint) => Self::Fingerprint(fingerprint),
            None => Self::Unset,
        }
    }

    fn trust(self, known: &KnownServers, address: &Address) -> Result<Trust, KnownServersError> {
        match self {
            Self::Unset => known.trust(address),
            Self::Plaintext => Ok(Trust::Plaintext),
            Self::Fingerprint(fingerprint) => Ok(Trust::Fingerprint(fingerprint)),
        }
    }
}

/// The part of the program that connects: the menus or a command.
pub(crate) trait Connector {
    /// Why the user gave no answer.
    type Stop;

    /// Makes one attempt.
    fn attempt(&mut self, address: &Address, trust: Trust) -> Result<Service, ConnectError>;

    /// Asks the user whether to trust a certificate at the first contact.
    fn accepts(&mut self, untrusted: &Untrusted) -> Result<bool, Self::Stop>;

    /// Remembers a certificate that was accepted.
    fn remember(&mut self, accepted: &Untrusted) -> Result<(), KnownServersError>;
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum NoConnection {
    KnownServers(KnownServersError),
    Connect(ConnectError),
}

/// Connects. At the first contact, a certificate that no authority vouches for is the user's to
/// accept; a certificate that has changed is refused without a question, and so is an unvouched
/// certificate of a server that an authority vouched for before.
///
/// # Errors
///
/// The outer error: the user gave no answer. The inner one: there is no connection.
pub(crate) fn connect<C: Connector>(
    connector: &mut C,
    option: TrustOption,
    known: &KnownServers,
    address: &Address,
) -> Result<Result<Service, NoConnection>, C::Stop> {
    let known_trust = option.trust(known, address).and_then(|trust| {
        let was_vouched = trust == Trust::Authorities && known.was_vouched(address)?;
        Ok((trust, was_vouched))
    });
    let (trust, was_vouched) = match known_trust {
        Ok(known_trust) => known_trust,
        Err(error) => return Ok(Err(NoConnection::KnownServers(error))),
    };
    let attempt = connector.attempt(address, trust).map_err(|error| match error {
        ConnectError::Untrusted(untrusted) if was_vouched => {
            ConnectError::Untrusted(untrusted.after_vouched())
        }
        other => other,
    });
    let connected = match attempt {
        Err(ConnectError::Untrusted(untrusted))
            if is_first_contact(&untrusted) && connector.accepts(&untrusted)? =>
        {
            if let Err(error) = connector.remember(&untrusted) {
                return Ok(Err(NoConnection::KnownServers(error)));
            }
            connector.attempt(address, Trust::Fingerprint(untrusted.found))
        }
        connected => connected,
    };
    Ok(connected.map_err(NoConnection::Connect))
}

fn is_first_contact(untrusted: &Untrusted) -> bool {
    match untrusted.distrust {
        Distrust::Unvouched(_) => true,
        Distrust::NoLongerVouched(_) | Distrust::Changed { .. } => false,
    }
}

impl NoConnection {
    pub(crate) fn failure(&self, text: &Text, option: TrustOption) -> Failure {
        match self {
            Self::KnownServers(error) => Failure::known_servers(text, error),
            Self::Connect(error) => not_connected(text, option, error),
        }
    }
}

/// The failure of an attempt to connect. A certificate that differs from `--fingerprint` has not
/// changed: the user has accepted no other one before.
pub(crate) fn not_connected(text: &Text, option: TrustOption, error: &ConnectError) -> Failure {
    let failure = Failure::connect(text, error);
    match (option, error) {
        (TrustOption::Fingerprint(_), ConnectError::Untrusted(untrusted)) => {
            Failure { text: text.other_than_stated(untrusted), ..failure }
        }
        (TrustOption::Unset | TrustOption::Plaintext | TrustOption::Fingerprint(_), _) => failure,
    }
}

#[cfg(test)]
mod tests {
    use correio_client::{Doubt, Realm};

    use super::*;
    use crate::text::Lang;

    /// Answers every attempt with this distrust, and the question with this answer.
    struct Scripted {
        distrust: Distrust,
        answer: bool,
        attempts: Vec<Trust>,
        asked: usize,
        remembered: usize,
    }

    impl Connector for Scripted {
        type Stop = ();

        fn attempt(&mut self, address: &Address, trust: Trust) -> Result<Service, ConnectError> {
            self.attempts.push(trust);
            let (address, distrust) = (address.clone(), self.distrust.clone());
            Err(ConnectError::Untrusted(Untrusted { address, found: found(), distrust }))
        }

        fn accepts(&mut self, _: &Untrusted) -> Result<bool, ()> {
            self.asked += 1;
            Ok(self.answer)
        }

        fn remember(&mut self, _: &Untrusted) -> Result<(), KnownServersError> {
            self.remembered += 1;
            Ok(())
        }
    }

    const UNVOUCHED: Distrust = Distrust::Unvouched(Doubt::UnknownIssuer);

    fn found() -> Fingerprint {
        Fingerprint::of(b"found")
    }

    fn expected() -> Fingerprint {
        Fingerprint::of(b"expected")
    }

    fn changed() -> Distrust {
        Distrust::Changed { expected: expected() }
    }

    fn connected(distrust: Distrust, answer: bool) -> (Scripted, NoConnection) {
        let data = tempfile::tempdir().unwrap();
        connected_knowing(&KnownServers::in_directory(data.path()), distrust, answer)
    }

    fn connected_knowing(
        known: &KnownServers,
        distrust: Distrust,
        answer: bool,
    ) -> (Scripted, NoConnection) {
        let (attempts, asked, remembered) = (Vec::new(), 0, 0);
        let mut connector = Scripted { distrust, answer, attempts, asked, remembered };
        let address = "localhost".parse().unwrap();
        let error = connect(&mut connector, TrustOption::Unset, known, &address);
        (connector, error.unwrap().unwrap_err())
    }

    #[test]
    fn a_certificate_that_is_accepted_at_the_first_contact_is_remembered_and_then_trusted() {
        let (connector, _) = connected(UNVOUCHED, true);
        assert_eq!((connector.asked, connector.remembered), (1, 1));
        assert_eq!(connector.attempts, [Trust::Authorities, Trust::Fingerprint(found())]);
    }

    #[test]
    fn a_certificate_that_is_refused_or_has_changed_is_neither_remembered_nor_tried_again() {
        for (distrust, asked) in [(UNVOUCHED, 1), (changed(), 0)] {
            let (connector, _) = connected(distrust, asked == 0);
            assert_eq!((connector.asked, connector.remembered), (asked, 0));
            assert_eq!(connector.attempts, [Trust::Authorities]);
        }
    }

    #[test]
    fn a_server_that_an_authority_vouched_for_is_no_first_contact() {
        let data = tempfile::tempdir().unwrap();
        let known = KnownServers::in_directory(data.path());
        let (address, realm) = ("localhost".parse().unwrap(), Realm([1; 16]));
        assert_eq!(known.record_realm(&address, Trust::Authorities, realm).unwrap(), None);
        let (connector, error) = connected_knowing(&known, UNVOUCHED, true);
        assert_eq!((connector.asked, connector.remembered), (0, 0));
        let text = Text::new(Lang::En);
        let said = error.failure(&text, TrustOption::Unset).text;
        assert!(said.contains("VOUCHED FOR localhost:8888 BEFORE"), "{said}");
        assert!(said.contains("correio trust localhost:8888"), "{said}");
    }

    #[test]
    fn a_certificate_that_differs_from_the_stated_fingerprint_has_not_changed() {
        let text = Text::new(Lang::En);
        let (_, error) = connected(changed(), true);
        let stated = TrustOption::Fingerprint(expected());
        assert!(error.failure(&text, stated).text.contains("--fingerprint"));
        assert!(error.failure(&text, TrustOption::Unset).text.contains("HAS CHANGED"));
    }
}
