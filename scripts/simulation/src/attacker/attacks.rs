//! The bytes of each attack, queued all at once.

use correio_proto::{
    credential::Credential,
    mail::{Body, Seq, Username},
    message::{
        Account, Confirm, Fetch, Find, Hello, Login, Register, Request, Resume, Send, Software,
    },
};

use super::{Attack, AttackContext, Attacker};

impl Attacker {
    pub(super) fn attack(&mut self, context: &mut AttackContext<'_>) {
        match self.attack {
            Attack::Silent | Attack::Guessing => {}
            Attack::Garbage => self.send_garbage(),
            Attack::HalfFrame => {
                self.hello();
                self.queue_request(Request::Ping {});
                let kept = 1 + self.rng.below(self.outgoing.len().saturating_sub(1));
                self.outgoing.truncate(kept);
            }
            Attack::Dripping => {
                self.hello();
                self.queue_request(Request::Ping {});
                self.enter();
                self.queue_request(Request::Ping {});
            }
            Attack::Flooding => self.flood(context),
            Attack::SlowReader => self.ask_for_much(context),
            Attack::Thief => self.steal(context),
            Attack::Stranger => self.intrude(context),
            Attack::Large => self.announce(context),
            Attack::Hasty => self.register_somebody(),
            Attack::Visitor => self.visit(context),
            Attack::Uploader => self.misuse_uploads(context),
        }
    }

    pub(super) fn hello(&mut self) {
        self.queue_request(Request::Hello(Hello {
            version: 1,
            software: Software::named("hostile"),
        }));
    }

    fn credential() -> Credential {
        Credential::from([66; 23])
    }

    /// One of two passwords.
    fn any_credential(&mut self) -> Credential {
        if self.rng.one_in(2) { Self::credential() } else { Credential::from([67; 23]) }
    }

    /// Registers an account, which may exist already, and logs in.
    pub(super) fn enter(&mut self) {
        self.enter_with(Self::credential());
    }

    fn enter_with(&mut self, credential: Credential) {
        let (Some(username), Ok(full_name)) = (self.username.clone(), "Mallory".parse()) else {
            return;
        };
        let id = self.rng.mail_id();
        let (name, secret) = (username.clone(), credential.clone());
        let register = Register { id, username: name, full_name, credential: secret, invite: None };
        self.queue_request(Request::Register(register));
        self.queue_request(Request::Login(Login { username, credential }));
    }

    /// Registers a new account, whose hash takes a while.
    fn register_somebody(&mut self) {
        self.hello();
        let id = self.rng.mail_id();
        let name: String = id.to_string().chars().skip(24).collect();
        if let (Ok(username), Ok(full_name)) = (name.parse(), "Somebody".parse()) {
            let credential = self.rng.bytes().into();
            let register = Register { id, username, full_name, credential, invite: None };
            self.queue_request(Request::Register(register));
        }
    }

    /// Two visitors share a name: each ends the other's sessions in the middle of an action.
    fn visit(&mut self, context: &mut AttackContext<'_>) {
        self.hello();
        // Of two passwords, the one that the other visitor may have set.
        let mut credential = self.any_credential();
        self.enter_with(credential.clone());
        let own = self.username.clone();
        self.send(context, None);
        self.send(context, own.as_ref());
        self.send_large(context, own.as_ref());
        self.queue_request(Request::Fetch(Fetch::default()));
        for _ in 0..self.rng.within(0..=2) {
            // A password may stay the same; the change ends the other sessions all the same.
            let (current, new) = (credential, self.any_credential());
            credential = new.clone();
            self.queue_request(Request::Account(Account::Password { current, new }));
        }
        if self.rng.one_in(2) {
            let credential = credential.clone();
            self.queue_request(Request::Account(Account::Delete { credential }));
            self.queue_request(Request::Fetch(Fetch::default()));
        }
        self.enter_with(credential);
        self.send(context, own.as_ref());
        self.send_large(context, own.as_ref());
    }

    fn send_garbage(&mut self) {
        match self.rng.below(4) {
            0 => self.outgoing.extend(b"GET / HTTP/1.1\r\nHost: correio\r\n\r\n"),
            1 => self.outgoing.extend([0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]),
            2 => {
                // Frames that hold no message.
                self.hello();
                for _ in 0..self.rng.within(1..=5) {
                    self.outgoing.extend([0, 0, 0, 2, 0xc0, 0xc0]);
                    self.queue_request(Request::Ping {});
                }
            }
            _ => {
                for _ in 0..self.rng.within(1..=40) {
                    let bytes: [u8; 32] = self.rng.bytes();
                    self.outgoing.extend(bytes);
                }
            }
        }
    }

    fn flood(&mut self, context: &mut AttackContext<'_>) {
        self.hello();
        if self.rng.one_in(2) {
            self.enter();
        }
        let [few, many] = [100, 1_000].map(|most| self.rng.within(1..=most));
        for _ in 0..if self.rng.one_in(4) { many } else { few } {
            self.queue_request(Request::Ping {});
        }
        for _ in 0..self.rng.within(0..=3) {
            self.send(context, None);
        }
    }

    /// Sends a mail to `to`, or to any honest user.
    fn send(&mut self, context: &mut AttackContext<'_>, to: Option<&Username>) {
        let bytes = 1 + self.rng.below(context.plan.body_max);
        self.send_body(context, to, bytes);
    }

    fn send_body(&mut self, context: &mut AttackContext<'_>, to: Option<&Username>, bytes: usize) {
        let anybody = context.usernames.get(self.rng.below(context.usernames.len()));
        let (Some(sender), Some(to)) = (self.username.clone(), to.or(anybody)) else {
            return;
        };
        let id = self.rng.mail_id();
        let body = "m".repeat(bytes);
        let (Ok(subject), Ok(body)) = (format!("Assunto {id}").parse(), body.parse::<Body>())
        else {
            return;
        };
        let mail = Send { id, to: to.clone().into(), subject, content: body.into() };
        context.ledger.note_sent(sender, &mail);
        self.queue_request(Request::Send(mail));
    }

    fn ask_for_much(&mut self, context: &mut AttackContext<'_>) {
        self.hello();
        self.enter();
        let own = self.username.clone();
        for _ in 0..self.rng.within(3..=10) {
            self.send_body(context, own.as_ref(), context.plan.body_max);
        }
        self.send_large(context, own.as_ref());
        self.read_all(context);
        for _ in 0..self.rng.within(20..=120) {
            self.queue_request(Request::Fetch(Fetch::default()));
        }
    }

    fn steal(&mut self, context: &mut AttackContext<'_>) {
        self.hello();
        self.enter();
        self.look_up(context);
        self.queue_request(Request::Fetch(Fetch::default()));
        self.queue_request(Request::Confirm(Confirm { mails: context.foreign_mails.to_vec() }));
        self.queue_request(Request::Fetch(Fetch { after: Seq(0), max: 1 }));
        self.read_all(context);
        self.queue_request(Request::Logout {});
        self.queue_request(Request::Confirm(Confirm { mails: context.foreign_mails.to_vec() }));
    }

    fn intrude(&mut self, context: &mut AttackContext<'_>) {
        if self.rng.one_in(2) {
            self.hello();
        }
        if self.rng.one_in(2)
            && let Some(victim) = context.usernames.get(self.rng.below(context.usernames.len()))
        {
            let (username, credential) = (victim.clone(), Self::credential());
            self.queue_request(Request::Login(Login { username, credential }));
        }
        self.resume_as_another(context);
        self.queue_request(Request::Fetch(Fetch::default()));
        self.queue_request(Request::Confirm(Confirm { mails: context.foreign_mails.to_vec() }));
        self.look_up(context);
        self.send(context, None);
        self.send_large(context, None);
        self.read_all(context);
        self.queue_request(Request::Logout {});
        let credential = Self::credential();
        self.queue_request(Request::Account(Account::Delete { credential }));
        self.queue_request(Request::Fetch(Fetch::default()));
    }

    /// Logs in as a user with a ticket that another user was given.
    fn resume_as_another(&mut self, context: &AttackContext<'_>) {
        let stolen = self.rng.below(context.ledger.tickets.len());
        let victim = context.usernames.get(self.rng.below(context.usernames.len()));
        if let (Some(known), Some(victim)) = (context.ledger.tickets.nth(stolen), victim)
            && known.username != *victim
        {
            let (username, ticket) = (victim.clone(), known.ticket.clone());
            self.queue_request(Request::Resume(Resume { username, ticket }));
        }
    }

    /// Looks people up by the beginning of an honest user's name.
    fn look_up(&mut self, context: &AttackContext<'_>) {
        let anybody = context.usernames.get(self.rng.below(context.usernames.len()));
        let length = 1 + self.rng.below(4);
        let part: String =
            anybody.iter().flat_map(|username| username.as_str().chars()).take(length).collect();
        if let Ok(text) = part.parse() {
            self.queue_request(Request::Find(Find { text }));
        }
    }

    fn announce(&mut self, context: &AttackContext<'_>) {
        self.hello();
        let length = match self.rng.below(4) {
            0 => u32::MAX,
            1 => 4_097,
            2 => {
                self.enter();
                u32::try_from(context.plan.session_config.frame_max()).unwrap_or(u32::MAX)
            }
            _ => {
                self.enter();
                u32::try_from(context.plan.body_max).unwrap_or(u32::MAX)
            }
        };
        self.outgoing.extend(length.to_be_bytes());
        for _ in 0..self.rng.below(context.plan.body_max / 32 + 1) {
            self.outgoing.extend([0x91; 32]);
        }
    }
}
