//! What scripted clients do: read from TOML, checked once.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// Most clients of one scenario.
pub const CLIENTS_MAX: usize = 100_000;

/// A scenario, as its file has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// What it is like, in a sentence.
    pub description: String,
    /// How long clients act before the mailboxes are drained, in seconds.
    pub seconds: f64,
    /// Further flags of the server that is started for it.
    #[serde(default)]
    pub server: Vec<String>,
    /// Who takes part.
    pub clients: Vec<Group>,
}

/// Clients that do the same.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Group {
    /// What their usernames begin with.
    pub name: String,
    /// How many there are.
    pub count: usize,
    /// The time over which they arrive, in seconds.
    #[serde(default)]
    pub arrive: f64,
    /// How they behave.
    #[serde(default)]
    pub behaviour: Behaviour,
    /// What they do, and how often against the others of the list. Of people only.
    #[serde(default)]
    pub does: BTreeMap<Action, u32>,
    /// Seconds between two actions, from and to.
    #[serde(default = "no_time")]
    pub think: (f64, f64),
    /// Bytes of a body, from and to.
    #[serde(default = "small_bodies")]
    pub body: (usize, usize),
    /// Recipients of a mail, from and to.
    #[serde(default = "one_recipient")]
    pub fan_out: (usize, usize),
    /// The group that mails go to; its own where nothing is said.
    pub to: Option<String>,
}

fn no_time() -> (f64, f64) {
    (0.0, 0.0)
}

fn small_bodies() -> (usize, usize) {
    (512, 512)
}

fn one_recipient() -> (usize, usize) {
    (1, 1)
}

/// How a client behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    /// As a person with a client that works.
    #[default]
    Person,
    /// As such a person, but it vanishes after every second page, before it has confirmed it.
    Vanishing,
    /// It connects and says nothing.
    Silent,
    /// It says a byte a second.
    Dribble,
    /// It begins a frame and leaves it at that.
    HalfFrame,
    /// It asks for pages as fast as it can and reads none of them.
    SlowReader,
    /// It tries passwords, one connection after the other.
    LoginFlood,
}

/// What a person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Sends a mail.
    Send,
    /// Fetches and confirms until nothing is left.
    Receive,
    /// Asks whether the server is there.
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
    /// It cannot be read, or says something that makes no sense.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the scenario {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("the scenario {}", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let scenario: Self = toml::from_str(text)?;
        ensure!(
            scenario.seconds > 0.0 && scenario.seconds <= 86_400.0,
            "seconds is {}; it takes more than 0, up to 86400",
            scenario.seconds
        );
        ensure!(!scenario.clients.is_empty(), "there are no clients");
        let count: usize = scenario.clients.iter().map(|group| group.count).sum();
        ensure!(count <= CLIENTS_MAX, "{count} clients are more than {CLIENTS_MAX}");
        for group in &scenario.clients {
            group.check(&scenario).with_context(|| format!("the group {:?}", group.name))?;
        }
        Ok(scenario)
    }

    /// The same without clients that mean no good: what the others' times are compared with.
    #[must_use]
    pub fn calm(mut self) -> Self {
        self.clients.retain(|group| group.behaviour.is_person());
        self
    }

    /// The same with so many people in all, each group in proportion.
    #[must_use]
    pub fn with_people(mut self, people: usize) -> Self {
        let before: usize = self.people().map(|group| group.count).sum();
        for group in self.clients.iter_mut().filter(|group| group.behaviour.is_person()) {
            group.count = (group.count * people).div_ceil(before.max(1)).max(1);
        }
        self
    }

    /// The groups of people.
    pub fn people(&self) -> impl Iterator<Item = &Group> {
        self.clients.iter().filter(|group| group.behaviour.is_person())
    }
}

impl Behaviour {
    /// Whether it sends and receives mail that must arrive.
    #[must_use]
    pub fn is_person(self) -> bool {
        matches!(self, Self::Person | Self::Vanishing)
    }
}

impl Group {
    fn check(&self, scenario: &Scenario) -> Result<()> {
        ensure!(self.count > 0, "count is 0");
        ensure!(self.arrive >= 0.0, "arrive is negative");
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        ensure!(
            (1..=20).contains(&self.name.len()) && self.name.chars().all(plain),
            "the name takes up to 20 small letters and digits"
        );
        let (from, to) = self.think;
        ensure!(from >= 0.0 && to >= from, "think takes two numbers of seconds, the smaller first");
        let (from, to) = self.body;
        // What tells one mail from another stands in its body.
        ensure!(from >= 1 && to >= from, "body takes two numbers of bytes, the smaller first");
        ensure!(to <= correio_proto::limits::BODY_MAX, "a body has at most 8 MiB");
        let (from, to) = self.fan_out;
        ensure!(
            from >= 1 && to >= from && to <= correio_proto::limits::RECIPIENTS_MAX,
            "fan-out takes two numbers from 1 to 100, the smaller first"
        );
        if !self.behaviour.is_person() {
            ensure!(self.does.is_empty(), "does is for people only");
            return Ok(());
        }
        ensure!(self.does.values().any(|weight| *weight > 0), "does is empty");
        if let Some(to) = &self.to
            && !scenario.people().any(|group| group.name == *to)
        {
            bail!("to names {to:?}, which is no group of people");
        }
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
            assert!(scenario.people().count() > 0);
            count += 1;
        }
        assert!(count >= 8, "{count}");
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
    fn people_are_scaled_and_others_are_not() {
        let text = "description = \"x\"\nseconds = 1\n[[clients]]\nname = \"a\"\ncount = 30\n\
                    does = { send = 1 }\n[[clients]]\nname = \"b\"\ncount = 10\ndoes = { idle = 1 }\n\
                    [[clients]]\nname = \"c\"\ncount = 7\nbehaviour = \"silent\"\n";
        let scenario = Scenario::parse(text).unwrap().with_people(400);
        let counts: Vec<_> = scenario.clients.iter().map(|group| group.count).collect();
        assert_eq!(counts, [300, 100, 7]);
    }
}
