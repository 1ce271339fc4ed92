//! Mails and questions of a virtual user: chooses recipients, contents and parts of names.

use std::time::Duration;

use correio_proto::{
    mail::{ContentKind, MailId, Message, Recipients, Subject, Username},
    message::{Find, Request, Send},
};

use super::{RequestKind, UserContext, VirtualUser, transfer::Uploading};

impl VirtualUser {
    /// Sends a mail with a body or message, or begins to upload a large content where it is due.
    pub(super) fn send_any(&mut self, context: &mut UserContext<'_>) {
        let group = self.group(context);
        if context.rng.f64() < group.lists {
            return self.use_list(context);
        }
        let due = context.large_due.get_mut(self.group).filter(|_| group.large > 0.0);
        let is_large = due.is_some_and(|due| {
            *due += group.large;
            // Rounding errors do not count.
            let is_due = *due >= 1.0 - 1e-9;
            *due -= f64::from(u8::from(is_due));
            is_due
        });
        if !is_large {
            return self.send(context, context.now);
        }
        let size = context.rng.u64(group.content.0..=group.content.1);
        let Some(to) = self.recipients(context) else {
            return self.rest(context);
        };
        let size = size.try_into().expect("the scenario was checked");
        let kind = self.kind(context);
        self.uploading = Some(Uploading::new(correio_client::new_mail_id(), to, size, kind));
        if let Some((what, request)) = self.next_of_upload(context) {
            self.ask(context, what, request, context.now);
        }
    }

    /// Chooses what the content of the next mail is.
    fn kind(&self, context: &mut UserContext<'_>) -> ContentKind {
        let share = self.group(context).messages;
        // Scenarios without messages go on with the same random choices.
        match share > 0.0 && context.rng.f64() < share {
            true => ContentKind::Message {},
            false => ContentKind::Text {},
        }
    }

    /// Chooses recipients. `None` as long as nobody of their group is registered.
    pub(super) fn recipients(&self, context: &mut UserContext<'_>) -> Option<Recipients> {
        let group = self.group(context);
        let to = group.to.as_ref().unwrap_or(&group.name);
        let index = context.groups.iter().position(|group| group.name == *to).unwrap_or(self.group);
        let usernames = context.usernames.get(index).filter(|names| !names.is_empty())?;
        let mut recipients = Vec::new();
        for _ in 0..context.rng.usize(group.fan_out.0..=group.fan_out.1) {
            let name = usernames.get(context.rng.usize(..usernames.len()));
            recipients.extend(name.filter(|name| !recipients.contains(*name)).cloned());
        }
        Some(recipients.try_into().expect("there is one recipient at least"))
    }

    /// A question for the first letters of a username, as a person types them. `None` as long as
    /// nobody of the group is registered.
    pub(super) fn find(&self, context: &mut UserContext<'_>) -> Option<Request> {
        let usernames = context.usernames.get(self.group).filter(|names| !names.is_empty())?;
        let username = usernames.get(context.rng.usize(..usernames.len()))?.as_str();
        let length = context.rng.usize(1..=username.len());
        let text = username.get(..length)?.parse().ok()?;
        Some(Request::Find(Find { text }))
    }

    pub(super) fn send(&mut self, context: &mut UserContext<'_>, since: Duration) {
        match self.recipients(context) {
            Some(to) => self.post(context, to.clone(), to.as_slice(), since),
            None => self.rest(context),
        }
    }

    /// Sends a mail that will reach these users.
    pub(super) fn post(
        &mut self,
        context: &mut UserContext<'_>,
        to: Recipients,
        reached: &[Username],
        since: Duration,
    ) {
        let group = self.group(context);
        let id = correio_client::new_mail_id();
        let length = context.rng.usize(group.body.0..=group.body.1);
        // Makes the body unique, as far as its length allows.
        let mut body = format!("{id} ").repeat(length / 37 + 1);
        body.truncate(length);
        let content = match self.kind(context) {
            ContentKind::Text {} => body.parse().expect("it begins with a digit"),
            ContentKind::Message {} => message(body).into(),
        };
        let mail = Send { id, to, subject: subject(id), content };
        context.ledger.begin_to(self.id, &mail, reached, context.now);
        self.ask(context, RequestKind::Send(id), Request::Send(mail), since);
    }
}

/// A message with these bytes, the last of which is none of a text.
fn message(body: String) -> Message {
    let mut bytes = body.into_bytes();
    if let Some(last) = bytes.last_mut() {
        *last = 0xff;
    }
    bytes.as_slice().try_into().expect("it is no longer than a body")
}

/// The subject of the mail with this id.
pub(super) fn subject(id: MailId) -> Subject {
    id.to_string().parse().expect("an id is a subject")
}
