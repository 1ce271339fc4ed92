//! Tests of the files that are installed with the server, and of the script that installs them.

use std::{
    collections::BTreeSet,
    fs::{self, File, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, SystemTime},
};

use correio_server::{
    ops::config::{Config, Environment},
    protocol::Service,
};

use crate::operator;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("scripts/deploy")
}

fn example() -> String {
    fs::read_to_string(deploy().join("correiod.toml")).unwrap()
}

/// The settings that are commented out: `#key = value`, whereas prose begins with `# `.
fn offered() -> Vec<String> {
    let text = example();
    let comments = text.lines().filter_map(|line| line.strip_prefix('#'));
    comments.filter(|rest| !rest.is_empty() && !rest.starts_with(' ')).map(str::to_owned).collect()
}

#[test]
fn the_example_changes_nothing() {
    assert_eq!(example().parse::<toml::Table>().unwrap(), toml::Table::new());
}

#[test]
fn the_example_offers_every_setting() {
    let offered: BTreeSet<String> =
        offered().iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    let table = correio_server::ops::config::markdown();
    let known: BTreeSet<String> = table
        .lines()
        .filter_map(|row| row.strip_prefix("| `--"))
        .map(|row| row.split([' ', '`']).next().unwrap().to_owned())
        .collect();
    assert!(known.len() > 10, "{table}");
    assert_eq!(offered, known);
}

#[test]
fn each_setting_of_the_example_is_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("correiod.toml");
    fs::write(&file, offered().join("\n")).unwrap();
    let arguments = ["correiod".into(), "--config".into(), file.into_os_string()];
    Config::load(arguments, &Environment::default()).unwrap();
}

/// Runs the script on a directory that stands in for the disk.
fn install(disk: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(deploy().join("install"));
    command.env("DESTDIR", disk).args(arguments).stdin(Stdio::null());
    command.output().unwrap()
}

/// All files, as paths from the directory, in the order of their letters.
fn files(disk: &Path) -> Vec<String> {
    let files = operator::files(disk).into_keys();
    let mut files: Vec<_> =
        files.map(|path| path.into_os_string().into_string().unwrap()).collect();
    files.sort();
    files
}

#[test]
fn installing_twice_keeps_settings_and_uninstalling_keeps_mail() {
    let disk = tempfile::tempdir().unwrap();
    let disk = disk.path();
    let server = env!("CARGO_BIN_EXE_correiod");
    let settings = disk.join("etc/correio/correiod.toml");
    assert!(install(disk, &["--binary", server]).status.success());
    let unit = disk.join("etc/systemd/system/correio.service");
    let service = fs::read_to_string(unit).unwrap();
    assert!(service.contains("\nExecStart=/usr/local/bin/correiod serve\n"), "{service}");
    assert!(service.contains("\nExecStartPre=-/usr/local/lib/correiod/restart-delay wait\n"));
    assert!(service.contains("\nExecStopPost=-/usr/local/lib/correiod/restart-delay count\n"));
    assert!(disk.join("usr/local/lib/correiod/restart-delay").is_file());
    let unit = fs::read_to_string(disk.join("etc/systemd/system/correio-backup.service")).unwrap();
    let nightly = "/usr/local/lib/correiod/nightly-backup";
    assert!(unit.contains(&format!("\nExecStart={nightly} /usr/local/bin/correiod\n")), "{unit}");
    assert!(disk.join(&nightly[1..]).is_file());
    assert!(disk.join("etc/systemd/system/correio-backup.timer").is_file());
    assert_eq!(fs::read_to_string(&settings).unwrap(), example());
    let manual = fs::read_to_string(disk.join("usr/local/share/man/man8/correiod.8")).unwrap();
    assert!(manual.contains(".SH SYNOPSIS") && manual.contains("data\\-dir"), "{manual}");
    assert!(disk.join("usr/local/share/man/man8/correiod-backup.8").is_file());

    fs::write(&settings, "log-level = \"warn\"\n").unwrap();
    fs::create_dir_all(disk.join("var/lib/correio")).unwrap();
    fs::write(disk.join("var/lib/correio/correio.db"), "mail").unwrap();
    fs::create_dir_all(disk.join("var/lib/correio-backup")).unwrap();
    fs::write(disk.join("var/lib/correio-backup/correio-1.tar.gz"), "backup").unwrap();
    assert!(install(disk, &["--binary", server]).status.success());
    assert_eq!(fs::read_to_string(&settings).unwrap(), "log-level = \"warn\"\n");

    let said = install(disk, &["--uninstall"]);
    let text = String::from_utf8(said.stdout).unwrap();
    assert!(text.contains("/var/lib/correio; --uninstall --purge removes them"), "{text}");
    // Settings that an administrator wrote stay, too.
    let backup = "var/lib/correio-backup/correio-1.tar.gz";
    assert_eq!(files(disk), ["etc/correio/correiod.toml", backup, "var/lib/correio/correio.db"]);

    let said = install(disk, &["--uninstall", "--purge"]);
    let text = String::from_utf8(said.stdout).unwrap();
    assert!(said.status.success() && text.contains("Backups stay in "), "{text}");
    assert_eq!(files(disk), [backup]);
    fs::remove_file(disk.join(backup)).unwrap();
    // There is nothing to undo any more, which is no error.
    assert!(install(disk, &["--uninstall"]).status.success());
}

#[test]
fn the_answers_of_a_first_installation_become_its_settings_and_later_ones_change_nothing() {
    let disk = tempfile::tempdir().unwrap();
    let disk = disk.path();
    let server = env!("CARGO_BIN_EXE_correiod");
    let settings = disk.join("etc/correio/correiod.toml");
    let answers = ["--binary", server, "--domain", "mail.example.org", "--registration=invite"];
    assert!(install(disk, &answers).status.success());
    let written = fs::read_to_string(&settings).unwrap();
    assert_eq!(
        written.parse::<toml::Table>().unwrap().to_string().trim(),
        "registration = \"invite\""
    );
    assert_eq!(written.lines().count(), example().lines().count());

    let said = install(disk, &["--binary", server, "--registration", "open"]);
    let text = String::from_utf8(said.stderr).unwrap();
    assert!(said.status.success() && text.contains("--registration has no effect"), "{text}");
    assert_eq!(fs::read_to_string(&settings).unwrap(), written);

    // An administrator has not changed these settings.
    assert!(install(disk, &["--uninstall"]).status.success());
    assert_eq!(files(disk), [""; 0]);
}

#[test]
fn answers_that_cannot_be_used_change_nothing() {
    let disk = tempfile::tempdir().unwrap();
    let server = env!("CARGO_BIN_EXE_correiod");
    for wrong in [
        ["--domain", "mail example.org"],
        ["--domain", "mail.example.org; true"],
        ["--domain", ""],
        ["--registration", "members"],
        ["--backup", "weekly"],
    ] {
        let said = install(disk.path(), &["--binary", server, wrong[0], wrong[1]]);
        let text = String::from_utf8(said.stderr).unwrap();
        assert_eq!(said.status.code(), Some(64), "{wrong:?}: {text}");
        assert!(text.contains(wrong[0]), "{text}");
    }
    assert_eq!(install(disk.path(), &["--uninstall", "--backup", "no"]).status.code(), Some(64));
    assert_eq!(files(disk.path()), [""; 0]);
}

#[test]
fn a_data_directory_that_systemd_cannot_use_is_refused() {
    let server = env!("CARGO_BIN_EXE_correiod");
    let disk = tempfile::tempdir().unwrap();
    let data = disk.path().join("var/lib/correio");
    let private = disk.path().join("var/lib/private");
    let refusal = || {
        let said = install(disk.path(), &["--binary", server]);
        let text = String::from_utf8(said.stderr).unwrap();
        assert_eq!(said.status.code(), Some(69), "{text}");
        assert!(!disk.path().join("etc").exists(), "nothing is changed");
        text
    };

    fs::create_dir_all(&private).unwrap();
    fs::set_permissions(&private, Permissions::from_mode(0o755)).unwrap();
    let text = refusal();
    assert!(text.contains("/var/lib/private has mode 755; chmod 700 /var/lib/private"), "{text}");
    fs::set_permissions(&private, Permissions::from_mode(0o700)).unwrap();

    symlink("/srv/volume", &data).unwrap();
    let text = refusal();
    assert!(text.contains("/var/lib/correio leads to /srv/volume"), "{text}");
    assert!(text.contains("/var/lib/private/correio; mount a volume there"), "{text}");
    fs::remove_file(&data).unwrap();

    symlink("/srv/volume", private.join("correio")).unwrap();
    let text = refusal();
    assert!(text.contains("/var/lib/private/correio is a link"), "{text}");
    fs::remove_file(private.join("correio")).unwrap();

    // The layout that systemd itself makes.
    fs::create_dir(private.join("correio")).unwrap();
    symlink("private/correio", &data).unwrap();
    assert!(install(disk.path(), &["--binary", server]).status.success());
}

/// The files of the source that a package's list names: patterns such as `ddclient/*.conf` too.
fn packed(package: &str) -> BTreeSet<String> {
    let list = fs::read_to_string(deploy().join("debian").join(package).join("files")).unwrap();
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    let named = lines.map(|line| line.split(' ').nth(2).unwrap());
    named
        .filter(|file| !file.starts_with("program/") && !file.starts_with("made/"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_packages_have_files_that_exist_and_what_the_script_installs() {
    let source = deploy().parent().unwrap().parent().unwrap().to_owned();
    for file in packed("correiod").iter().chain(&packed("correio")) {
        let path = source.join(file);
        let exists = match file.split_once('*') {
            Some((_, end)) => {
                let files = fs::read_dir(path.parent().unwrap()).unwrap();
                let mut names = files.map(|file| file.unwrap().file_name());
                names.any(|name| name.to_string_lossy().ends_with(end))
            }
            None => path.is_file(),
        };
        assert!(exists, "{file}");
    }
    let script = fs::read_to_string(deploy().join("install")).unwrap();
    let units = script.lines().find_map(|line| line.strip_prefix("readonly units=(")).unwrap();
    let units = units.trim_end_matches(')').split(' ');
    for name in units.chain(["correiod.toml", "restart-delay", "nightly-backup"]) {
        let file = format!("scripts/deploy/{name}");
        assert!(packed("correiod").contains(&file), "the package lacks {file}");
    }
}

/// `restart-delay` as systemd runs it, with a `sleep` that only notes that it was called.
struct RestartDelay {
    directory: tempfile::TempDir,
}

impl RestartDelay {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["run", "etc", "bin"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        let sleep = directory.path().join("bin/sleep");
        fs::write(&sleep, format!("#!/bin/sh\necho >>{}/slept\n", directory.path().display()))
            .unwrap();
        fs::set_permissions(&sleep, Permissions::from_mode(0o755)).unwrap();
        let delay = Self { directory };
        delay.set_age(&delay.path("etc"), Duration::from_secs(3600));
        delay
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn set_age(&self, path: &Path, age: Duration) {
        let time = SystemTime::now().checked_sub(age).unwrap();
        File::open(path).unwrap().set_modified(time).unwrap();
    }

    fn run(&self, action: &str, result: &str) -> String {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let output = Command::new(deploy().join("restart-delay"))
            .arg(action)
            .env("PATH", path)
            .env("RUNTIME_DIRECTORY", self.path("run"))
            .env("CONFIGURATION_DIRECTORY", self.path("etc"))
            .env("SERVICE_RESULT", result)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Simulates a failure, and the automatic restart after RestartSec. Returns the seconds that
    /// were waited.
    fn fail_and_wait(&self) -> usize {
        self.run("count", "exit-code");
        self.set_age(&self.path("run/failures"), Duration::from_secs(3));
        self.wait()
    }

    fn wait(&self) -> usize {
        let _ = fs::remove_file(self.path("slept"));
        self.run("wait", "");
        fs::read_to_string(self.path("slept")).unwrap_or_default().lines().count()
    }
}

#[test]
fn the_delay_between_restarts_grows_up_to_a_bound() {
    let delay = RestartDelay::new();
    let waited: Vec<_> = (0..9).map(|_| delay.fail_and_wait()).collect();
    assert_eq!(waited, [0, 1, 2, 4, 8, 16, 30, 30, 30]);
    assert!(delay.run("wait", "").contains("systemctl restart correio"));

    // An orderly stop, and ten minutes without a failure, set the count to 0.
    delay.run("count", "success");
    assert_eq!(delay.fail_and_wait(), 0);
    assert_eq!(delay.fail_and_wait(), 1);
    delay.set_age(&delay.path("run/failures"), Duration::from_secs(11 * 60));
    assert_eq!(delay.wait(), 0);
    assert_eq!(delay.fail_and_wait(), 0);
}

#[test]
fn a_changed_setting_and_a_restart_by_hand_end_the_delay() {
    let delay = RestartDelay::new();
    for _ in 0..4 {
        delay.fail_and_wait();
    }
    assert_eq!(delay.wait(), 4);
    fs::write(delay.path("etc/correiod.toml"), "").unwrap();
    assert_eq!(delay.wait(), 0);

    // The server fails with the changed setting, too: waiting goes on.
    delay.set_age(&delay.path("etc/correiod.toml"), Duration::from_secs(3600));
    delay.set_age(&delay.path("etc"), Duration::from_secs(3600));
    assert_eq!(delay.fail_and_wait(), 8);
    // A start sooner than RestartSec after the failure is an administrator's: no wait, and a new
    // count.
    delay.run("count", "exit-code");
    assert_eq!(delay.wait(), 0);
    assert_eq!(delay.fail_and_wait(), 0);
}

/// The lines of a unit, or of a file for ddclient, that set something.
fn unit(name: &str) -> Vec<String> {
    let text = fs::read_to_string(deploy().join(name)).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn the_units_set_no_start_limit_a_restart_after_failures_and_the_volume() {
    let (service, socket) = (unit("correio.service"), unit("correio.socket"));
    for lines in [&service, &socket] {
        assert!(lines.iter().any(|line| line == "StartLimitIntervalSec=0"), "{lines:#?}");
    }
    // systemd restarts the server after every failure: clients that connect must not do it.
    assert!(service.iter().any(|line| line == "Restart=on-failure"), "{service:#?}");
    assert!(!service.iter().any(|line| line.starts_with("RestartPreventExitStatus")));
    // `restart-delay` tells a restart by hand from one of systemd by RestartSec.
    assert!(service.iter().any(|line| line == "RestartSec=3"), "{service:#?}");
    let volume = "RequiresMountsFor=/var/lib/private/correio";
    assert!(service.iter().any(|line| line == volume), "{service:#?}");
}

#[test]
fn every_service_for_mail_programs_has_a_unit_that_names_it() {
    for service in Service::GATEWAYS {
        let name = service.name();
        let lines = unit(&format!("mail-programs/correio-{name}.socket"));
        let named = format!("FileDescriptorName={name}");
        for needed in [&named, "Service=correio.service", "BindIPv6Only=ipv6-only"] {
            assert!(lines.iter().any(|line| line == needed), "{name} lacks {needed}");
        }
    }
}

#[test]
fn servers_that_share_a_port_get_the_socket_that_starts_one_of_them() {
    let (socket, node) = (unit("nodes/correio-nodes.socket"), unit("nodes/node.conf"));
    let has = |lines: &[String], line: &str| lines.iter().any(|it| it == line);
    for needed in ["Service=correio@1.service", "BindIPv6Only=ipv6-only"] {
        assert!(has(&socket, needed), "{socket:#?} lacks {needed}");
    }
    // What the service forbids, and a server on a database needs.
    for needed in ["Sockets=correio-nodes.socket", "PrivateNetwork=no", "IPAddressDeny="] {
        assert!(has(&node, needed), "{node:#?} lacks {needed}");
    }
    // The copy of the service depends on no other socket: the guide's command replaces each name.
    let service = unit("correio.service").into_iter().filter(|line| !line.starts_with("Wants="));
    let sockets = service.filter(|line| line.contains(".socket")).collect::<Vec<_>>();
    assert!(!sockets.is_empty());
    assert!(sockets.iter().all(|line| line.ends_with("correio.socket")), "{sockets:?}");
}

/// ddclient 3.10 sends the same address again and again if `usev4` finds it, or if an answer in
/// chunks is not read by curl: `scripts/deploy/try-ddclient` counts the updates of a day.
#[test]
fn the_files_for_ddclient_have_the_settings_that_avoid_repeated_updates() {
    for name in ["dyndns2.conf", "duckdns.conf", "no-ip.conf"] {
        let lines = unit(&format!("ddclient/{name}"));
        for needed in ["use=web", "web=ipify-ipv4", "ssl=yes", "curl=yes", "daemon=300"] {
            assert!(lines.iter().any(|line| line == needed), "{name} lacks {needed}");
        }
        assert!(!lines.iter().any(|line| line.contains("v4=")), "{name}: {lines:#?}");
    }
    let guide = fs::read_to_string(deploy().join("README.md")).unwrap();
    for word in ["apt install ddclient libwww-curl-perl", "`Server said: '0'`"] {
        assert!(guide.contains(word), "the guide lacks {word}");
    }
}

#[test]
fn a_server_in_the_present_directory_is_installed_by_its_name() {
    let disk = tempfile::tempdir().unwrap();
    let server = Path::new(env!("CARGO_BIN_EXE_correiod"));
    let mut command = Command::new(deploy().join("install"));
    command.current_dir(server.parent().unwrap()).env("DESTDIR", disk.path());
    let said = command.args(["--binary", "correiod"]).stdin(Stdio::null()).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert!(disk.path().join("usr/local/bin/correiod").is_file());
}

#[test]
fn what_is_no_server_is_not_installed() {
    let disk = tempfile::tempdir().unwrap();
    for binary in ["/nonexistent/correiod", "/bin/true"] {
        let said = install(disk.path(), &["--binary", binary]);
        let text = String::from_utf8(said.stderr).unwrap();
        assert_eq!(said.status.code(), Some(69), "{text}");
        assert!(text.contains("nothing was changed"), "{text}");
    }
    assert_eq!(install(disk.path(), &["--purge"]).status.code(), Some(64));
    assert_eq!(files(disk.path()), [""; 0]);
}
