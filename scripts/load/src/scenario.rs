//! Scenarios: the behaviour of scripted clients, read from TOML and validated.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fs,
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::results::Operation;

/// Most clients of a scenario.
pub const CLIENTS_MAX: usize = 100_000;

/// Longest time in a scenario, in seconds: a day.
pub const SECONDS_MAX: f64 = 86_400.0;

/// Largest weight of an action.
const WEIGHT_MAX: u32 = 1_000_000;

/// Most mail programs of a group.
const PROGRAMS_MAX: usize = 200;

/// Smallest large content, in bytes: it must hold the id that makes each content unique.
const LARGE_MIN: u64 = 36;

/// Changes that a run makes to a scenario.
#[derive(Clone, Copy, Debug, Default)]
pub struct Changes {
    /// Total number of virtual users, in the scenario's proportions.
    pub users: Option<usize>,
    /// How long clients act, in seconds.
    pub seconds: Option<f64>,
    /// Leaves out the hostile and the disturbing clients.
    pub calm: bool,
    /// Cuts the links of uploads.
    pub cut_uploads: bool,
}

/// A scenario, as in its file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// A description in one sentence.
    pub description: String,
    /// How long clients act before the mailboxes are drained, in seconds.
    pub seconds: f64,
    /// Further flags of the server that is started for it.
    #[serde(default)]
    pub server: Vec<String>,
    /// The groups of clients.
    pub clients: Vec<Group>,
}

/// A group of clients that behave alike.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Group {
    /// Prefix of their usernames.
    pub name: String,
    /// Number of clients.
    pub count: usize,
    /// The time over which they arrive, in seconds.
    #[serde(default)]
    pub arrive: f64,
    /// Their behaviour.
    #[serde(default)]
    pub behaviour: Behaviour,
    /// Actions of virtual users, by relative weight.
    #[serde(default)]
    pub does: BTreeMap<Action, u32>,
    /// Think time between two actions, in seconds: least and most.
    #[serde(default = "no_time")]
    pub think: (f64, f64),
    /// Bytes of a body: least and most.
    #[serde(default = "small_bodies")]
    pub body: (usize, usize),
    /// The share of mails, from 0 to 1, that have a large content: evenly spread over the group,
    /// from its first mail on.
    #[serde(default)]
    pub large: f64,
    /// The share of mails, from 0 to 1, that go to a list of the sender's own and to one of its
    /// members, who gets each of them once. The list has as many members as a mail has recipients.
    #[serde(default)]
    pub lists: f64,
    /// Bytes of a large content: least and most.
    #[serde(default = "large_contents")]
    pub content: (u64, u64),
    /// The share of mails, from 0 to 1, whose content is an RFC 5322 message.
    #[serde(default)]
    pub messages: f64,
    /// The share of a mail program's mails, from 0 to 1, whose last recipient is hidden: the
    /// envelope names the recipient and `To` does not. Half of these mails name the recipient in
    /// `Bcc`.
    #[serde(default)]
    pub hidden: f64,
    /// Whether the link of an upload is cut at every tenth of it.
    #[serde(default)]
    pub cut_uploads: bool,
    /// Whether the group is left out of a calm run, as hostile clients are.
    #[serde(default)]
    pub disturbing: bool,
    /// Recipients of a mail: least and most.
    #[serde(default = "one_recipient")]
    pub fan_out: (usize, usize),
    /// The group that gets the mails; by default the group itself.
    pub to: Option<String>,
    /// The share of users, from 0 to 1, whose first login has a wrong password. They use the right
    /// password after the wait that the server asks for.
    #[serde(default)]
    pub mistype: f64,
}

fn no_time() -> (f64, f64) {
    (0.0, 0.0)
}

fn small_bodies() -> (usize, usize) {
    (512, 512)
}

fn large_contents() -> (u64, u64) {
    (300 << 10, 2 << 20)
}

fn one_recipient() -> (usize, usize) {
    (1, 1)
}

/// A client's behaviour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    /// A virtual user with a working client.
    #[default]
    #[serde(rename = "person")]
    User,
    /// A virtual user who disconnects after every second page, without confirming it.
    Vanishing,
    /// Connects and sends nothing.
    Silent,
    /// Sends a byte a second.
    Dribble,
    /// Sends a part of a frame and nothing more.
    HalfFrame,
    /// Requests pages as fast as it can and reads no reply.
    SlowReader,
    /// Guesses passwords, with a new connection for each.
    LoginFlood,
    /// A mail program that sends by SMTP.
    Smtp,
    /// A mail program that receives by POP3 and deletes what it has received.
    Pop3,
}

/// An action of a virtual user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Sends a mail.
    Send,
    /// Fetches and confirms until the mailbox is empty.
    Receive,
    /// Looks people up by a part of a username.
    Find,
    /// Pings the server.
    Ping,
    /// Does nothing.
    Idle,
    /// Logs out and in again.
    Logout,
}

impl Scenario {
    /// Reads a scenario from a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or makes no sense.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the scenario {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("the scenario {}", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let scenario: Self = toml::from_str(text)?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Applies a run's changes.
    ///
    /// # Errors
    ///
    /// The changed scenario makes no sense.
    pub fn changed(mut self, changes: Changes) -> Result<Self> {
        if let Some(users) = changes.users {
            self = self.with_users(users);
        }
        if changes.calm {
            self = self.calm();
        }
        self.seconds = changes.seconds.unwrap_or(self.seconds);
        for group in &mut self.clients {
            group.cut_uploads |= changes.cut_uploads;
        }
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<()> {
        ensure!(
            self.seconds > 0.0 && self.seconds <= SECONDS_MAX,
            "seconds is {}; it takes more than 0, up to 86400",
            self.seconds
        );
        ensure!(!self.clients.is_empty(), "there are no clients");
        let count =
            self.clients.iter().fold(0, |sum: usize, group| sum.saturating_add(group.count));
        ensure!(count <= CLIENTS_MAX, "{count} clients are more than {CLIENTS_MAX}");
        for group in &self.clients {
            group.check(self).with_context(|| format!("the group {:?}", group.name))?;
        }
        ensure!(
            self.users().next().is_some(),
            "there are no virtual users: nothing would be measured"
        );
        let mut usernames = HashSet::with_capacity(count);
        for username in self.clients.iter().flat_map(Group::usernames) {
            ensure!(
                !usernames.contains(&username),
                "two clients would have the username {username}: rename one of their groups"
            );
            usernames.insert(username);
        }
        Ok(())
    }

    /// The operations that a run must have done at least once, or else it has not measured the
    /// scenario. `rate` is the rate of scheduled mails.
    #[must_use]
    pub fn operations(&self, rate: Option<f64>) -> BTreeSet<Operation> {
        // Every user logs in, and every mailbox is fetched at the end.
        let always = [Operation::Connect, Operation::Login, Operation::Receive];
        let does = self.users().flat_map(|group| &group.does);
        let asked =
            does.filter(|(_, weight)| **weight > 0).filter_map(|(action, _)| match action {
                Action::Send => Some(Operation::Send),
                Action::Receive => Some(Operation::Receive),
                Action::Find => Some(Operation::Find),
                Action::Ping => Some(Operation::Ping),
                Action::Logout => Some(Operation::Logout),
                Action::Idle => None,
            });
        let scheduled = rate.map(|_| Operation::Send);
        let sends_large = |group: &Group| {
            group.large > 0.0 && group.does.get(&Action::Send).is_some_and(|weight| *weight > 0)
        };
        let is_large = self.users().any(sends_large);
        let large = [Operation::Upload, Operation::Read].into_iter().filter(|_| is_large);
        let programs = self.clients.iter().filter_map(|group| match group.behaviour {
            Behaviour::Smtp => Some(Operation::Submit),
            Behaviour::Pop3 => Some(Operation::Retrieve),
            _ => None,
        });
        always.into_iter().chain(asked).chain(scheduled).chain(large).chain(programs).collect()
    }

    /// The scenario without hostile and disturbing clients, as a reference for the others' times.
    fn calm(mut self) -> Self {
        self.clients
            .retain(|group| (group.behaviour.is_user() || group.is_program()) && !group.disturbing);
        self
    }

    /// The scenario with this many users, each group in proportion.
    fn with_users(mut self, users: usize) -> Self {
        let before: usize = self.users().map(|group| group.count).sum();
        for group in self.clients.iter_mut().filter(|group| group.behaviour.is_user()) {
            let share = group.count.saturating_mul(users);
            group.count = share.div_ceil(before.max(1)).max(1);
        }
        self
    }

    /// The groups of virtual users.
    pub fn users(&self) -> impl Iterator<Item = &Group> {
        self.clients.iter().filter(|group| group.behaviour.is_user())
    }
}

impl Behaviour {
    /// Whether the clients send and receive mail that must arrive.
    #[must_use]
    pub fn is_user(self) -> bool {
        matches!(self, Self::User | Self::Vanishing)
    }
}

impl Group {
    /// Whether the clients are mail programs, which also send and receive mail that must arrive.
    #[must_use]
    pub fn is_program(&self) -> bool {
        matches!(self.behaviour, Behaviour::Smtp | Behaviour::Pop3)
    }

    /// Whether the clients receive mail.
    fn receives(&self) -> bool {
        self.behaviour.is_user() || self.behaviour == Behaviour::Pop3
    }

    /// When the client of this number arrives.
    #[must_use]
    pub fn arrival(&self, number: usize) -> Duration {
        Duration::from_secs_f64(self.arrive * number as f64 / self.count.max(1) as f64)
    }

    /// The usernames of the group, in order.
    pub fn usernames(&self) -> impl Iterator<Item = String> {
        (0..self.count).map(|number| format!("{}{number}", self.name))
    }

    /// Whether the client of this number mistypes: evenly spread over the group, so that a share of
    /// a third is every third client.
    #[must_use]
    pub fn mistypes(&self, number: usize) -> bool {
        // Rounding errors below a whole number do not count.
        let until = |number: usize| (number as f64 * self.mistype + 1e-9).floor();
        until(number + 1) > until(number)
    }

    fn check(&self, scenario: &Scenario) -> Result<()> {
        ensure!(self.count > 0, "count is 0");
        ensure!(
            self.arrive >= 0.0 && self.arrive <= scenario.seconds,
            "its clients arrive over {} seconds, but the load ends after {}",
            self.arrive,
            scenario.seconds
        );
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        ensure!(
            (1..=20).contains(&self.name.len()) && self.name.chars().all(plain),
            "the name takes up to 20 small letters and digits"
        );
        let (from, to) = self.think;
        ensure!(
            from >= 0.0 && to >= from && to <= SECONDS_MAX,
            "think takes two numbers of seconds up to 86400, the smaller first"
        );
        let (from, to) = self.body;
        // The body must hold the id that makes each mail unique.
        ensure!(from >= 1 && to >= from, "body takes two numbers of bytes, the smaller first");
        ensure!(to <= correio_proto::limits::BODY_MAX, "a body has at most 8 MiB");
        let (from, to) = self.content;
        ensure!(
            from >= LARGE_MIN && to >= from && to <= correio_proto::limits::CONTENT_MAX,
            "content takes two numbers of bytes from {LARGE_MIN} up to 64 MiB, the smaller first"
        );
        ensure!((0.0..=1.0).contains(&self.large), "large takes a share from 0 to 1");
        ensure!((0.0..=1.0).contains(&self.lists), "lists takes a share from 0 to 1");
        ensure!((0.0..=1.0).contains(&self.messages), "messages takes a share from 0 to 1");
        ensure!((0.0..=1.0).contains(&self.hidden), "hidden takes a share from 0 to 1");
        ensure!(
            self.hidden == 0.0 || self.behaviour == Behaviour::Smtp,
            "hidden is for programs that send by SMTP only"
        );
        let (from, to) = self.fan_out;
        ensure!(
            from >= 1 && to >= from && to <= correio_proto::limits::RECIPIENTS_MAX,
            "fan-out takes two numbers from 1 to 100, the smaller first"
        );
        ensure!((0.0..=1.0).contains(&self.mistype), "mistype takes a share from 0 to 1");
        ensure!(
            !self.is_program() || self.count <= PROGRAMS_MAX,
            "at most {PROGRAMS_MAX} mail programs of a group: each is a thread"
        );
        self.check_recipients(scenario)?;
        if !self.behaviour.is_user() {
            ensure!(self.does.is_empty(), "does is for virtual users only");
            ensure!(self.mistype == 0.0, "mistype is for virtual users only");
            return Ok(());
        }
        let heaviest = self.does.values().max().copied().unwrap_or(0);
        ensure!(heaviest <= WEIGHT_MAX, "a weight of does is above {WEIGHT_MAX}");
        ensure!(self.does.values().any(|weight| *weight > 0), "does is empty");
        Ok(())
    }

    /// Checks the group that gets the mails.
    fn check_recipients(&self, scenario: &Scenario) -> Result<()> {
        let Some(to) = &self.to else {
            ensure!(self.behaviour != Behaviour::Smtp, "to is missing: SMTP receives no mail");
            return Ok(());
        };
        let group = scenario.clients.iter().find(|group| group.receives() && group.name == *to);
        let Some(group) = group else {
            bail!("to names {to:?}, which is no group that receives mail");
        };
        ensure!(
            group.behaviour != Behaviour::Pop3 || self.large + self.messages == 0.0,
            "to names {to:?}, whose programs compare neither large contents nor messages of users"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_of_the_house_makes_sense() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let mut count = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let scenario = Scenario::read(&entry.unwrap().path()).unwrap();
            assert!(scenario.users().count() > 0);
            count += 1;
        }
        assert!(count >= 9, "{count}");
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let group = "[[clients]]\nname = \"a\"\ncount = 1\n[clients.does]\nsend = 1\n";
        let with = |more: &str| {
            let text = format!("description = \"x\"\nseconds = 1\n{group}{more}");
            format!("{:#}", Scenario::parse(&text).unwrap_err())
        };
        assert!(with("shout = 1").contains("shout"), "{}", with("shout = 1"));
        for (text, says) in [
            ("description = \"x\"\nseconds = 0\nclients = []", "seconds is 0"),
            ("description = \"x\"\nseconds = 1\nclients = []", "no clients"),
            ("description = \"x\"\nseconds = 1\nsecond = 1\nclients = []", "second"),
        ] {
            let error = format!("{:#}", Scenario::parse(text).unwrap_err());
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        let with = |seconds: &str, group: &str| {
            let text = format!(
                "description = \"x\"\nseconds = {seconds}\n[[clients]]\nname = \"a\"\ncount = 12\n\
                 does = {{ send = 1 }}\n{group}"
            );
            Scenario::parse(&text).map(drop).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(with("1", ""), Ok(()));
        for (seconds, group, says) in [
            ("nan", "", "seconds is NaN"),
            ("inf", "", "seconds is inf"),
            ("1", "arrive = nan", "arrive over NaN"),
            ("1", "arrive = inf", "arrive over inf"),
            ("1", "arrive = 2", "arrive over 2 seconds, but the load ends after 1"),
            ("1", "think = [0.0, inf]", "think takes"),
            ("1", "think = [nan, 1.0]", "think takes"),
            ("1", "mistype = nan", "mistype takes"),
            ("1", "mistype = 1.1", "mistype takes"),
            ("1", "large = nan", "large takes"),
            ("1", "large = -0.1", "large takes"),
            ("1", "lists = 1.5", "lists takes"),
            ("1", "messages = nan", "messages takes"),
            ("1", "messages = 1.1", "messages takes"),
            ("1", "hidden = 1.1", "hidden takes"),
            ("1", "hidden = 0.5", "hidden is for programs"),
            ("1", "content = [35, 100]", "content takes"),
            ("1", "content = [100, 99]", "content takes"),
            ("1", "content = [100, 67108865]", "content takes"),
            ("1", "[[clients]]\nname = \"a\"\ncount = 1\ndoes = { idle = 1 }", "username a0"),
            ("1", "[[clients]]\nname = \"a1\"\ncount = 1\ndoes = { idle = 1 }", "username a10"),
            ("1", "[[clients]]\nname = \"b\"\ncount = 1\ndoes = { idle = 9999999 }", "a weight"),
        ] {
            let error = with(seconds, group).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        let nobody = "description = \"x\"\nseconds = 1\n[[clients]]\nname = \"a\"\ncount = 1\n\
                      behaviour = \"silent\"\n";
        let error = Scenario::parse(nobody).unwrap_err().to_string();
        assert!(error.contains("no virtual users"), "{error}");
    }

    #[test]
    fn what_a_run_changes_is_checked_too() {
        let text = "description = \"x\"\nseconds = 9\n[[clients]]\nname = \"a\"\ncount = 1\n\
                    arrive = 5\ndoes = { send = 1 }\n";
        let scenario = Scenario::parse(text).unwrap();
        let changed = |changes| scenario.clone().changed(changes).map(drop);
        assert!(changed(Changes::default()).is_ok());
        for changes in [
            Changes { seconds: Some(f64::NAN), ..Changes::default() },
            Changes { seconds: Some(4.0), ..Changes::default() },
            Changes { users: Some(CLIENTS_MAX + 1), ..Changes::default() },
            Changes { users: Some(usize::MAX), ..Changes::default() },
        ] {
            assert!(changed(changes).is_err(), "{changes:?}");
        }
    }

    #[test]
    fn a_calm_run_has_none_who_disturb() {
        let text = "description = \"x\"\nseconds = 1\n[[clients]]\nname = \"a\"\ncount = 1\n\
                    does = { send = 1 }\n[[clients]]\nname = \"b\"\ncount = 1\nlarge = 1.0\n\
                    disturbing = true\ndoes = { send = 1 }\n";
        let scenario = Scenario::parse(text).unwrap();
        let large = [Operation::Upload, Operation::Read];
        assert!(large.iter().all(|one| scenario.operations(None).contains(one)));
        let calm = scenario.changed(Changes { calm: true, ..Changes::default() }).unwrap();
        assert_eq!(calm.clients.len(), 1);
        assert!(!large.iter().any(|one| calm.operations(None).contains(one)));
    }

    #[test]
    fn a_third_who_mistype_is_every_third() {
        let text = "description = \"x\"\nseconds = 1\n[[clients]]\nname = \"a\"\ncount = 40\n\
                    does = { send = 1 }\n";
        let mut group = Scenario::parse(text).unwrap().clients.remove(0);
        let mistyped =
            |group: &Group| (0..group.count).filter(|n| group.mistypes(*n)).collect::<Vec<_>>();
        assert!(mistyped(&group).is_empty());
        group.mistype = 1.0 / 3.0;
        assert_eq!(mistyped(&group), (2..40).step_by(3).collect::<Vec<_>>());
        group.mistype = 1.0;
        assert_eq!(mistyped(&group).len(), 40);
    }

    #[test]
    fn users_are_scaled_and_others_are_not() {
        let text = "description = \"x\"\nseconds = 1\n[[clients]]\nname = \"a\"\ncount = 30\n\
                    does = { send = 1 }\n[[clients]]\nname = \"b\"\ncount = 10\ndoes = { idle = 1 }\n\
                    [[clients]]\nname = \"c\"\ncount = 7\nbehaviour = \"silent\"\n";
        let scenario = Scenario::parse(text).unwrap().with_users(400);
        let counts: Vec<_> = scenario.clients.iter().map(|group| group.count).collect();
        assert_eq!(counts, [300, 100, 7]);
    }
}
