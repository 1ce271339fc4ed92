//! Logs in, prints how many mails wait and the senders of new mails.
//!
//! The server needs a certificate of a public authority; `send_and_receive.rs` also trusts a
//! server's own certificate.
//!
//! ```sh
//! cargo run -p correio-client --no-default-features --example service -- SERVER USERNAME PASSWORD
//! ```

use std::{env, error::Error, sync::Arc};

use correio_client::{Cancel, ConnectOptions, Password, Service};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [server, username, password] = &words[..] else {
        return Err("usage: SERVER USERNAME PASSWORD".into());
    };
    let password: Arc<Password> = Arc::new(password.parse()?);
    let cancel = Cancel::new();
    let service = Service::connect(&server.parse()?, &ConnectOptions::default(), &cancel)?;
    let account = service.login(&username.parse()?, &password, &cancel)?;
    println!("{} has {} mails", account.full_name, account.waiting);
    for notice in service.take_notices() {
        println!("new mail from {}", notice.from);
    }
    service.logout(&cancel)?;
    Ok(())
}
