//! Sends a mail to oneself and receives everything that is there.
//!
//! `cargo run -p correio-client --no-default-features --example send_and_receive --
//! SERVER FINGERPRINT USERNAME PASSWORD DATA_DIR`

use std::{env, error::Error, path::Path, sync::Arc};

use correio_client::{
    Cancel, ConnectOptions, Mailbox, Password, Send, Service, Trust, new_mail_id,
};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    for subject in send_and_receive(&words)? {
        println!("{subject}");
    }
    Ok(())
}

/// Returns the subjects of the new mails.
pub(crate) fn send_and_receive(words: &[String]) -> Result<Vec<String>, Box<dyn Error>> {
    let [server, fingerprint, username, password, data] = words else {
        return Err("usage: SERVER FINGERPRINT USERNAME PASSWORD DATA_DIR".into());
    };
    let (server, username) = (server.parse()?, username.parse()?);
    let password: Arc<Password> = Arc::new(password.parse()?);
    let trust = Trust::Fingerprint(fingerprint.parse()?);
    let options = ConnectOptions { trust, ..ConnectOptions::default() };
    let cancel = Cancel::new();
    let service = Service::connect(&server, &options, &cancel)?;
    service.login(&username, &password, &cancel)?;

    let to = username.as_str().parse()?;
    let (subject, body) = ("A note to myself".parse()?, "Buy milk.\n".parse()?);
    service.send(&Send { id: new_mail_id(), to, subject, content: body }, &cancel)?;

    let mut mailbox = Mailbox::open(Path::new(data), &server, &username);
    let new = service.receive(&mut mailbox, &mut |_| {}, &cancel)?;
    let subjects = new.iter().map(|mail| mail.subject.as_str().to_owned()).collect();
    mailbox.mark_shown(&new)?;
    Ok(subjects)
}
