//! The database is gone for a while, beneath servers with sessions.

use correio_proto::message::{Fetch, Reply, Request};
use correio_testing::{client::Client, postgres::Postgres};

use super::{server, start, stop};
use crate::daemon::{login, mail, register};

#[test]
fn sessions_outlast_the_database_and_their_servers_go_on_by_themselves() {
    let Some(postgres) = Postgres::start("") else { return };
    let database = postgres.database();
    let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let servers = directories.each_ref().map(|directory| {
        let mut command = server(&database, directory.path());
        command.arg("--plaintext");
        start(command)
    });
    let mut sessions = servers.each_ref().map(|server| Client::connect(server.address));
    for (session, username) in sessions.iter_mut().zip(["tony", "pepper"]) {
        session.greet();
        assert_eq!(session.ask(register(username)), Reply::Registered {});
        assert!(matches!(session.ask(login(username)), Reply::LoggedIn(_)));
    }
    postgres.kill();
    let [tony, pepper] = &mut sessions;
    // They wait for the database, which comes back before their time is over.
    tony.begin(mail(1, "pepper"));
    pepper.begin(Request::Fetch(Fetch::default()));
    postgres.restart();
    assert!(matches!(tony.reply(), Some(Reply::Sent { .. })));
    assert!(matches!(pepper.reply(), Some(Reply::Page(_))));
    assert_eq!(pepper.fetch().mails.len(), 1);
    servers.into_iter().for_each(stop);
}
