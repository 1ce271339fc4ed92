//! Who is let in, and by what: passwords, TLS, and the texts for a person where it fails.

use std::{fs, os::unix::fs::PermissionsExt as _, sync::OnceLock};

use correio_server::store::postgres::{Connection, Statement};
use correio_testing::{
    port::free_address,
    postgres::{Postgres, connect as connect_to},
};

/// The server that all tests share, with a role for each way to log in.
fn server() -> Option<&'static Postgres> {
    static ROLES: OnceLock<()> = OnceLock::new();
    let server = Postgres::shared()?;
    ROLES.get_or_init(|| {
        for role in ["by_scram", "by_text", "by_tls", "refused"] {
            server.administrate(&format!("CREATE ROLE {role} LOGIN PASSWORD 'geheim7'"));
        }
        server.administrate(
            "SET password_encryption = 'md5'; CREATE ROLE by_md5 LOGIN PASSWORD 'geheim7'",
        );
    });
    Some(server)
}

fn connect(address: &str) -> Result<Connection, String> {
    let url = address.parse().unwrap_or_else(|error| panic!("{address}: {error}"));
    connect_to(&url).map_err(|error| {
        let text = error.to_string();
        assert!(!text.contains("geheim"), "{text}");
        assert!(!format!("{error:?}").contains("geheim"), "{error:?}");
        text
    })
}

/// Asserts that an address is refused with a text that has these words.
fn assert_refused(address: &str, words: &str) {
    match connect(address) {
        Ok(_) => panic!("{address} is refused"),
        Err(text) => assert!(text.contains(words), "{address}: {text}"),
    }
}

#[test]
fn passwords_are_proved_in_each_form_on_this_machine() {
    let Some(server) = server() else { return };
    for role in ["by_scram", "by_md5", "by_text"] {
        let address = |login: &str| server.tcp_address(login, "127.0.0.1", "postgres");
        connect(&address(&format!("{role}:geheim7"))).unwrap();
        assert_refused(&address(&format!("{role}:geheim8")), "refused the password");
        assert_refused(&address(role), "asks for the password");
    }
}

#[test]
fn a_password_is_read_from_a_file_that_nobody_else_may_read() {
    let Some(server) = server() else { return };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("passwords");
    let address = server.tcp_address("by_scram", "127.0.0.1", "postgres");
    let address = format!("{address}?passfile={}", file.display());
    assert_refused(&address, "cannot use the file of passwords");
    fs::write(&file, "other:*:*:*:geheim8\n*:*:postgres:by_scram:geheim7\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    assert_refused(&address, "0600");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    connect(&address).unwrap();
    fs::write(&file, "*:*:*:other:geheim8\n").unwrap();
    assert_refused(&address, "a line is HOST:PORT:DATABASE:USER:PASSWORD, and * stands for any");
}

#[test]
fn certificates_are_verified_as_the_address_asks() {
    static IS_TLS: Statement =
        Statement { sql: "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", params: &[] };
    let Some(server) = server() else { return };
    let root = server.certificate().display().to_string();
    let address = |host: &str, parameters: &str| {
        format!("{}?{parameters}", server.tcp_address("by_tls:geheim7", host, "postgres"))
    };
    let bound = "channel_binding=require";
    for (host, mode) in [
        ("localhost", format!("sslmode=verify-full&sslrootcert={root}&{bound}")),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={root}&{bound}")),
        ("127.0.0.1", format!("sslmode=require&{bound}")),
        ("127.0.0.1", "sslmode=require".to_owned()),
    ] {
        let mut connection = connect(&address(host, &mode)).unwrap();
        let rows = connection.query(&IS_TLS, &[]).unwrap();
        assert_eq!(rows.one().unwrap().get::<bool>(0), Ok(true), "{mode}");
    }
    let wrong_name = format!("sslmode=verify-full&sslrootcert={root}");
    assert_refused(&address("127.0.0.1", &wrong_name), "is not trusted");
    for mode in ["verify-full", "verify-ca"] {
        let untrusted = format!("sslmode={mode}");
        assert_refused(&address("localhost", &untrusted), "sslrootcert=FILE");
    }
    let missing = "sslmode=verify-full&sslrootcert=/nonexistent";
    assert_refused(&address("localhost", missing), "cannot use the certificates");
    // pg_hba.conf wants TLS of this role.
    assert_refused(&address("127.0.0.1", "sslmode=disable"), "pg_hba.conf");
}

#[test]
fn a_password_that_must_be_bound_to_a_certificate_is_not_given_without_one() {
    let Some(server) = server() else { return };
    for (role, sslmode) in [
        ("by_scram", "disable"),
        ("by_md5", "require"),
        ("by_text", "require"),
        ("postgres", "require"),
    ] {
        let address = server.tcp_address(&format!("{role}:geheim7"), "127.0.0.1", "postgres");
        let address = format!("{address}?sslmode={sslmode}&channel_binding=require");
        assert_refused(&address, "cannot be bound");
    }
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let Some(server) = server() else { return };
    server.administrate("CREATE DATABASE latin ENCODING LATIN1 LOCALE 'C' TEMPLATE template0");
    let address = |database: &str| server.tcp_address("postgres", "127.0.0.1", database);
    assert_refused(&address("nothing"), "CREATE DATABASE");
    assert_refused(&address("latin"), "ENCODING 'UTF8'");
    assert_refused(&server.tcp_address("refused:geheim7", "127.0.0.1", "postgres"), "pg_hba.conf");
    assert_refused(&server.tcp_address("nobody", "127.0.0.1", "postgres"), "nobody");
    let closed = free_address();
    assert_refused(&format!("postgres://a@{closed}/b"), "Is PostgreSQL running there");
    assert_refused("postgres://a@%2Fnonexistent/b", "/nonexistent/.s.PGSQL.5432");
}
