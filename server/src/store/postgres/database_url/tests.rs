use super::*;

fn url(text: &str) -> DatabaseUrl {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refusal(text: &str) -> String {
    let refused: Result<DatabaseUrl, _> = text.parse();
    refused.expect_err(text).to_string()
}

#[test]
fn an_address_is_read_with_all_its_parts() {
    let text = "postgres://loki:a%40b%3A%25@db1:5433,[fd00::1],db3/mail%20box?sslmode=verify-full\
                &sslrootcert=/etc/ca.pem&connect_timeout=3&passfile=/run/p&channel_binding=require";
    let url = url(text);
    let tcp = |name: &str, port| Host::Tcp { name: name.to_owned(), port };
    assert_eq!(url.hosts, [tcp("db1", 5433), tcp("fd00::1", 5432), tcp("db3", 5432)]);
    assert_eq!((url.user.as_str(), url.database.as_str()), ("loki", "mail box"));
    assert_eq!(url.password.as_ref().map(|password| password.0.as_str()), Some("a@b:%"));
    assert_eq!(url.ssl_mode, Some(SslMode::VerifyFull));
    assert_eq!(url.root_certificates, Some("/etc/ca.pem".into()));
    assert_eq!(url.password_file, Some("/run/p".into()));
    assert_eq!(url.connect_timeout, Duration::from_secs(3));
}

#[test]
fn an_address_is_shown_as_it_is_read_without_its_password() {
    for text in [
        "postgres://loki:geheim7@db1:5433,[fd00::1]:5432/mail%20box?sslmode=require",
        "postgres://loki:geheim7@%2Frun%2Fpostgresql:5432/mail?channel_binding=require",
        "postgres://loki:geheim7@db:5432/mail?sslrootcert=%2Fa%26b&connect_timeout=9&passfile=p",
    ] {
        let read = url(text);
        let shown = read.to_string();
        assert_eq!(shown, text.replace(":geheim7", ""));
        assert_eq!(url(&shown), DatabaseUrl { password: None, ..read.clone() });
        assert_eq!(format!("{read:?}"), shown);
    }
}

#[test]
fn a_directory_as_a_host_is_a_socket_of_this_machine() {
    let expected = [Host::Unix { directory: "/run/postgresql".into(), port: 5433 }];
    for text in [
        "postgres://tony@/mail?host=/run/postgresql&port=5433",
        "postgres://tony@%2Frun%2Fpostgresql:5433/mail?sslmode=verify-full",
    ] {
        let url = url(text);
        assert_eq!(url.hosts, expected);
        assert_eq!(url.ssl_mode(&url.hosts[0]), SslMode::Disable);
    }
    assert_eq!(expected[0].to_string(), "/run/postgresql/.s.PGSQL.5433");
}

#[test]
fn certificates_are_verified_unless_the_host_is_this_machine() {
    let mode = |text: &str| {
        let url = url(text);
        url.ssl_mode(&url.hosts[0])
    };
    for local in ["localhost", "127.0.0.11", "[::1]"] {
        assert_eq!(mode(&format!("postgres://a@{local}/b")), SslMode::Disable);
        assert_eq!(mode(&format!("postgres://a@{local}/b?sslmode=require")), SslMode::Require);
    }
    for far in ["db", "192.0.2.1", "localhost.example"] {
        assert_eq!(mode(&format!("postgres://a@{far}/b")), SslMode::VerifyFull);
    }
}

#[test]
fn a_database_without_a_name_has_that_of_its_user() {
    assert_eq!(url("postgresql://tony@h").database, "tony");
    assert_eq!(url("postgresql://tony@h/").database, "tony");
}

#[test]
fn an_address_that_is_not_understood_is_refused_with_the_reason() {
    for (text, reason) in [
        ("mysql://a@h/b", "postgres://"),
        ("postgres://h/b", "no user"),
        ("postgres://:p@h/b", "no user"),
        ("postgres://a@/b", "?host=/run/postgresql"),
        ("postgres://a@h,/b", "no host"),
        ("postgres://a@h:0/b", "port"),
        ("postgres://a@h:65536/b", "port"),
        ("postgres://a@[::1/b", "lacks ]"),
        ("postgres://a@h i/b", "sign"),
        ("postgres://a@h/b?sslmode=prefer", "disable, require, verify-ca and verify-full"),
        ("postgres://a@h/b?sslmod=disable", "sslmod,"),
        ("postgres://a@h/b?sslmode=disable&sslmode=disable", "twice"),
        ("postgres://a@h/b?connect_timeout=0", "1 to 60"),
        ("postgres://a@h/b?channel_binding=disable", "prefer or require"),
        ("postgres://a@h/b?host=/run", "twice"),
        ("postgres://a@h/b?passfile=", "no file"),
        ("postgres://a@h/%zz", "%25"),
        ("postgres://a@h/%00", "%25"),
        ("postgres://a@h/b#c", "%23"),
    ] {
        let refusal = refusal(text);
        assert!(refusal.contains(reason), "{text}: {refusal}");
    }
    let hosts = vec!["h"; 17].join(",");
    assert!(refusal(&format!("postgres://a@{hosts}/b")).contains("16 hosts"));
    assert!(refusal(&format!("postgres://a@h/{}", "b".repeat(4096))).contains("4096"));
}

#[test]
fn a_refusal_never_shows_a_password() {
    for text in [
        "postgres://loki:geheim7",
        "postgres://loki:geheim7%@h/b",
        "postgres://loki:geheim7@",
        "postgres://loki:ge?heim7@h/b",
        "postgres://loki:1/geheim7@h:x/b",
        "postgres://loki:#geheim7@h/b",
        "postgres//loki:geheim7@h/b",
        "postgres://loki:geheim7@h/b?geheim7=1",
    ] {
        let refusal = refusal(text);
        assert!(!refusal.contains("heim7"), "{text}: {refusal}");
    }
}
