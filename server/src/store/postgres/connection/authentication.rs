//! How a connection proves who it is, and the server that it knows the password.

use bytes::BytesMut;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::{
    authentication::{
        md5_hash,
        sasl::{ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256},
    },
    message::{
        backend::{AuthenticationSaslBody, Message},
        frontend,
    },
};

use super::{startup::Greeting, tls::channel_binding};
use crate::store::postgres::{
    connect_error::ConnectError,
    database_url::{ChannelBindingMode, Password, SslMode},
    error::ProtocolError,
    password_file,
};

/// How far the proof is.
enum Proof {
    /// Nothing was asked, or a password was sent as it is.
    None,
    /// SCRAM has begun; the server has not proved itself.
    Begun(ScramSha256),
    /// Both sides have proved themselves.
    Complete,
}

/// Answers the server until it is content.
pub(super) fn authenticate(greeting: &mut Greeting<'_>) -> Result<(), ConnectError> {
    let must_bind = greeting.url.channel_binding == ChannelBindingMode::Require;
    let mut proof = Proof::None;
    loop {
        let message = greeting.receive()?;
        let mut output = BytesMut::new();
        match message {
            Message::AuthenticationOk => match proof {
                Proof::Begun(_) => return Err(impostor(greeting)),
                Proof::None if must_bind => return Err(no_channel_binding(greeting)),
                Proof::None | Proof::Complete => return Ok(()),
            },
            Message::AuthenticationSasl(body) => {
                let (mechanism, scram) = begin_scram(greeting, &body, must_bind)?;
                let written =
                    frontend::sasl_initial_response(mechanism, scram.message(), &mut output);
                written.map_err(|error| greeting.nonsense(ProtocolError::new(&error)))?;
                proof = Proof::Begun(scram);
            }
            Message::AuthenticationSaslContinue(body) => {
                let Proof::Begun(scram) = &mut proof else { return Err(impostor(greeting)) };
                let written = scram
                    .update(body.data())
                    .and_then(|()| frontend::sasl_response(scram.message(), &mut output));
                written.map_err(|error| greeting.nonsense(ProtocolError::new(&error)))?;
            }
            Message::AuthenticationSaslFinal(body) => {
                let Proof::Begun(mut scram) = proof else { return Err(impostor(greeting)) };
                scram.finish(body.data()).map_err(|_| impostor(greeting))?;
                proof = Proof::Complete;
            }
            Message::AuthenticationCleartextPassword if !must_bind => {
                let password = exposed_password(greeting)?;
                let written = frontend::password_message(password.0.as_bytes(), &mut output);
                written.map_err(|error| greeting.nonsense(ProtocolError::new(&error)))?;
            }
            Message::AuthenticationMd5Password(body) if !must_bind => {
                let password = exposed_password(greeting)?;
                let user = greeting.url.user.as_bytes();
                let hash = md5_hash(user, password.0.as_bytes(), body.salt());
                let written = frontend::password_message(hash.as_bytes(), &mut output);
                written.map_err(|error| greeting.nonsense(ProtocolError::new(&error)))?;
            }
            other => return Err(not_spoken(greeting, &other, must_bind)),
        }
        greeting.send(&output)?;
    }
}

/// Begins SCRAM, bound to the server's certificate where both ends can.
fn begin_scram(
    greeting: &Greeting<'_>,
    body: &AuthenticationSaslBody,
    must_bind: bool,
) -> Result<(&'static str, ScramSha256), ConnectError> {
    let mut offered = Vec::new();
    let mut mechanisms = body.mechanisms();
    while let Some(mechanism) =
        mechanisms.next().map_err(|error| greeting.nonsense(ProtocolError::new(&error)))?
    {
        offered.push(mechanism);
    }
    let bound_to = channel_binding(greeting.tls());
    let can_bind = bound_to.is_some();
    let (mechanism, binding) = match bound_to {
        Some(digest) if offered.contains(&SCRAM_SHA_256_PLUS) => {
            (SCRAM_SHA_256_PLUS, ChannelBinding::tls_server_end_point(digest))
        }
        _ if must_bind => return Err(no_channel_binding(greeting)),
        _ if !offered.contains(&SCRAM_SHA_256) => {
            let method = offered.join(", ");
            return Err(other_method(greeting, method));
        }
        // A server that does offer it sees by this that somebody took the offer away.
        _ if can_bind => (SCRAM_SHA_256, ChannelBinding::unrequested()),
        _ => (SCRAM_SHA_256, ChannelBinding::unsupported()),
    };
    let password = password(greeting)?;
    Ok((mechanism, ScramSha256::new(password.0.as_bytes(), binding)))
}

/// The password, of the URL or of the file.
fn password(greeting: &Greeting<'_>) -> Result<Password, ConnectError> {
    let url = greeting.url;
    if let Some(password) = &url.password {
        return Ok(password.clone());
    }
    let Some(path) = &url.password_file else {
        let (host, user) = (greeting.name(), url.user.clone());
        return Err(ConnectError::NoPassword { host, user });
    };
    let found = password_file::find(path, greeting.host, &url.database, &url.user);
    let found = found.map_err(|error| ConnectError::PasswordFile {
        path: path.clone(),
        reason: error.to_string(),
    })?;
    found.ok_or_else(|| ConnectError::NoPasswordLine {
        path: path.clone(),
        host: greeting.name(),
        database: url.database.clone(),
        user: url.user.clone(),
    })
}

/// The password where the server gets to see it, or a hash that is soon guessed from: only if the
/// server is known to be the right one.
fn exposed_password(greeting: &Greeting<'_>) -> Result<Password, ConnectError> {
    let is_verified = matches!(greeting.mode, SslMode::VerifyCa | SslMode::VerifyFull);
    if !is_verified && !greeting.host.is_local() {
        let (host, user) = (greeting.name(), greeting.url.user.clone());
        return Err(ConnectError::WeakAuthentication { host, user });
    }
    password(greeting)
}

fn not_spoken(greeting: &Greeting<'_>, message: &Message, must_bind: bool) -> ConnectError {
    let method = match message {
        Message::AuthenticationCleartextPassword | Message::AuthenticationMd5Password(_)
            if must_bind =>
        {
            return no_channel_binding(greeting);
        }
        Message::AuthenticationGss | Message::AuthenticationGssContinue(_) => "GSSAPI",
        Message::AuthenticationSspi => "SSPI",
        Message::AuthenticationKerberosV5 => "Kerberos",
        Message::AuthenticationScmCredential => "SCM credentials",
        _ => return greeting.nonsense(ProtocolError::new(&"a message before the login")),
    };
    other_method(greeting, method.to_owned())
}

fn other_method(greeting: &Greeting<'_>, method: String) -> ConnectError {
    let (host, user) = (greeting.name(), greeting.url.user.clone());
    ConnectError::Authentication { host, user, method }
}

fn impostor(greeting: &Greeting<'_>) -> ConnectError {
    ConnectError::Impostor { host: greeting.name(), user: greeting.url.user.clone() }
}

fn no_channel_binding(greeting: &Greeting<'_>) -> ConnectError {
    ConnectError::NoChannelBinding { host: greeting.name(), user: greeting.url.user.clone() }
}
