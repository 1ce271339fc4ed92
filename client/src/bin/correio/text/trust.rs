//! The texts about a server's certificate, in the user's language.

use std::borrow::Cow;

use correio_client::{Distrust, Doubt, KnownServersError, Untrusted, WhiteSpace, sanitize};
use correio_proto::fingerprint::Fingerprint;

use super::Text;

impl Text {
    /// The message before the question whether to trust a certificate.
    pub(crate) fn offer(&self, untrusted: &Untrusted) -> String {
        match &untrusted.distrust {
            Distrust::Unvouched(doubt) => {
                self.with("trust-offer", &self.doubt_values(untrusted, doubt))
            }
            Distrust::NoLongerVouched(doubt) => {
                self.with("trust-no-longer-vouched-offer", &self.doubt_values(untrusted, doubt))
            }
            Distrust::Changed { expected } => {
                self.with("trust-changed-offer", &fingerprints(untrusted, expected))
            }
        }
    }

    /// The message for a certificate that differs from `--fingerprint`.
    pub(crate) fn other_than_stated(&self, untrusted: &Untrusted) -> String {
        match &untrusted.distrust {
            Distrust::Unvouched(_) | Distrust::NoLongerVouched(_) => self.untrusted(untrusted),
            Distrust::Changed { expected } => {
                self.with("trust-other-than-stated", &fingerprints(untrusted, expected))
            }
        }
    }

    /// Why a certificate is not trusted, and what to do about it.
    pub(crate) fn untrusted(&self, untrusted: &Untrusted) -> String {
        match &untrusted.distrust {
            Distrust::Unvouched(doubt) => {
                self.with("trust-unknown", &self.doubt_values(untrusted, doubt))
            }
            Distrust::NoLongerVouched(doubt) => {
                self.with("trust-no-longer-vouched", &self.doubt_values(untrusted, doubt))
            }
            Distrust::Changed { expected } => {
                self.with("trust-changed", &fingerprints(untrusted, expected))
            }
        }
    }

    fn doubt_values(
        &self,
        untrusted: &Untrusted,
        doubt: &Doubt,
    ) -> [(&'static str, Cow<'static, str>); 3] {
        [
            ("address", untrusted.address.to_string().into()),
            ("found", untrusted.found.to_string().into()),
            ("doubt", self.doubt(doubt).into()),
        ]
    }

    fn doubt(&self, doubt: &Doubt) -> String {
        match doubt {
            Doubt::UnknownIssuer => self.of("doubt-unknown-issuer"),
            Doubt::Expired => self.of("doubt-expired"),
            Doubt::NotYetValid => self.of("doubt-not-yet-valid"),
            Doubt::OtherName => self.of("doubt-other-name"),
            Doubt::Other(text) => sanitize(text, WhiteSpace::OneLine),
        }
    }

    pub(crate) fn known_servers(&self, error: &KnownServersError) -> String {
        let reason = sanitize(&error.to_string(), WhiteSpace::OneLine);
        self.with("known-servers-error", &[("reason", reason.into())])
    }
}

/// The address, the certificate that was found, and the expected certificate.
fn fingerprints(
    untrusted: &Untrusted,
    expected: &Fingerprint,
) -> [(&'static str, Cow<'static, str>); 3] {
    [
        ("address", untrusted.address.to_string().into()),
        ("found", untrusted.found.to_string().into()),
        ("expected", expected.to_string().into()),
    ]
}
