//! Drafts that answer or forward a mail: recipients, subject, quotation and thread.

use correio_client::{
    Attachment, Draft, DraftOrigin, Forwarded, Mailbox, MailboxError, MessageFields, MessageId,
    OriginAction, Readable, Stored, forward_subject, forwarded_text, new_mail_id, quoted_text,
    references, reply_subject,
};
use correio_proto::mail::{Mail, Username};

use crate::{names, text::Text};

/// Who gets an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplyTo {
    /// The sender.
    Sender,
    /// The sender and the other recipients.
    All,
}

/// A mail that was read, which is answered or forwarded.
pub(crate) struct Original {
    pub(crate) stored: Stored,
    pub(crate) mail: Mail,
    pub(crate) content: Readable,
}

impl Original {
    /// Reads a listed mail.
    pub(crate) fn read(mailbox: &Mailbox, stored: &Stored) -> Result<Self, MailboxError> {
        let (mail, content) = (mailbox.read(stored)?, mailbox.readable(stored)?);
        Ok(Self { stored: stored.clone(), mail, content })
    }

    /// The attachments; a text has none.
    pub(crate) fn attachments(&self) -> &[Attachment] {
        match &self.content {
            Readable::Text(_) => &[],
            Readable::Message(view) => &view.attachments,
        }
    }

    fn text(&self) -> &str {
        match &self.content {
            Readable::Text(content) => &content.text,
            Readable::Message(view) => &view.text.text,
        }
    }

    /// An answer by this user, whose body is the quotation and a line after it.
    pub(crate) fn reply(&self, text: &Text, own: &Username, domain: &str, to: ReplyTo) -> Draft {
        let date = text.time(self.mail.sent_at);
        // The sender chooses the full name alone.
        let name = names::with_username(&self.mail.from, &self.mail.from_name);
        let values = [("date", date.into()), ("name", name.into())];
        let attribution = text.with("reply-attribution", &values);
        let origin =
            DraftOrigin { references: self.thread(domain), ..self.origin(OriginAction::Reply) };
        Draft {
            to: recipients(&self.mail, own, to),
            subject: reply_subject(self.mail.subject.as_str()).as_str().to_owned(),
            body: format!("{}\n", quoted_text(&attribution, self.text())),
            origin: Some(Box::new(origin)),
            ..Draft::begin(new_mail_id())
        }
    }

    /// A draft that forwards the mail, without its attachments. The body has two empty lines for a
    /// text before the mail.
    pub(crate) fn forward(&self, text: &Text) -> Draft {
        let Mail { from, from_name, to, sent_at, subject, .. } = &self.mail;
        let names = ["mail-from", "mail-to", "mail-date", "mail-subject"].map(|key| text.of(key));
        let values = [
            names::with_username(from, from_name),
            to.to_string(),
            text.time(*sent_at),
            subject.as_str().to_owned(),
        ];
        let fields: Vec<_> =
            names.iter().map(String::as_str).zip(values.iter().map(String::as_str)).collect();
        let title = text.of("forward-title");
        let forwarded = Forwarded { title: &title, fields: &fields, text: self.text() };
        Draft {
            subject: forward_subject(subject.as_str()).as_str().to_owned(),
            body: format!("\n\n{}", forwarded_text(&forwarded)),
            origin: Some(Box::new(self.origin(OriginAction::Forward))),
            ..Draft::begin(new_mail_id())
        }
    }

    fn origin(&self, action: OriginAction) -> DraftOrigin {
        let Stored { folder, id, from, .. } = &self.stored;
        let (folder, id, from) = (*folder, *id, from.clone());
        DraftOrigin { action, folder, id, from, references: Vec::new() }
    }

    /// The messages of the thread, this one last.
    fn thread(&self, domain: &str) -> Vec<MessageId> {
        let own = MessageId::of_mail(self.mail.id, &self.mail.from, domain).ok();
        match &self.content {
            Readable::Text(_) => references(&MessageFields::default(), own.as_ref()),
            Readable::Message(view) => references(&view.fields, own.as_ref()),
        }
    }
}

/// The recipients of an answer. An answer to one's own mail goes to the mail's recipients.
fn recipients(mail: &Mail, own: &Username, to: ReplyTo) -> String {
    let is_own = mail.from == *own;
    let sender = (!is_own).then_some(&mail.from);
    let others = mail.to.iter().filter(|_| is_own || to == ReplyTo::All);
    let mut names: Vec<&Username> = Vec::new();
    for name in sender.into_iter().chain(others) {
        if name != own && !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() {
        // A mail to oneself.
        names.push(own);
    }
    names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use correio_proto::mail::{Seq, Timestamp};

    use super::*;

    fn mail(from: &str, to: &str) -> Mail {
        Mail {
            seq: Seq(1),
            id: new_mail_id(),
            from: from.parse().unwrap(),
            from_name: "Steve Rogers".parse().unwrap(),
            to: to.parse().unwrap(),
            sent_at: Timestamp(0),
            subject: "RE: Fwd: AC/DC".parse().unwrap(),
            content: "x".parse().unwrap(),
        }
    }

    #[test]
    fn an_answer_goes_to_the_others_once_and_not_to_oneself() {
        let own: Username = "tony".parse().unwrap();
        for (from, to, sender, all) in [
            ("steve", "tony", "steve", "steve"),
            ("steve", "tony, peter, steve", "steve", "steve, peter"),
            ("tony", "peter, tony, steve", "peter, steve", "peter, steve"),
            ("tony", "tony", "tony", "tony"),
        ] {
            let mail = mail(from, to);
            assert_eq!(recipients(&mail, &own, ReplyTo::Sender), sender, "{from} {to}");
            assert_eq!(recipients(&mail, &own, ReplyTo::All), all, "{from} {to}");
        }
    }
}
