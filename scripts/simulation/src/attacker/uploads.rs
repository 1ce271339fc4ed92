//! Attacks with large contents.

use std::rc::Rc;

use correio_proto::{
    mail::{Content, ContentKind, ContentSize, MailId, Piece, Username},
    message::{Fetch, Read, Request, Send, Upload},
};

use super::{AttackContext, Attacker};
use crate::contents::stated;

/// Bytes of an upload under another user's id. All attackers upload the same bytes there.
const FOREIGN_SIZE: usize = 40;

impl Attacker {
    /// Uploads at wrong offsets, more than was announced, under others' ids, and without end; then
    /// reads whatever mails there are.
    pub(super) fn misuse_uploads(&mut self, context: &mut AttackContext<'_>) {
        self.hello();
        self.enter();
        let max = usize::try_from(context.plan.session_config.content_max).unwrap_or(usize::MAX);
        for _ in 0..self.rng.within(1..=8) {
            let (id, size) = (self.rng.mail_id(), 1 + self.rng.below(max));
            match self.rng.below(6) {
                0 => self.send_large(context, None),
                1 => {
                    // After a hole, before what is there already, and after it again.
                    let bytes = self.write_content(context, id, size);
                    for from in [size / 2, 0, size / 3, size - 1, size / 4] {
                        let to = from.saturating_add(size / 4 + 1);
                        self.queue_piece(id, size, from, bytes.get(from..to.min(size)));
                    }
                }
                2 => {
                    let bytes = self.write_content(context, id, size);
                    self.queue_piece(id, size.div_ceil(2), 0, Some(&bytes));
                    self.queue_piece(id, size, 0, bytes.get(..size.div_ceil(2)));
                    self.queue_piece(id, size, 0, Some(&pattern(size + 1)));
                }
                3 => {
                    for _ in 0..6 {
                        let id = self.rng.mail_id();
                        let bytes = self.write_content(context, id, size);
                        self.queue_piece(id, size, 0, bytes.get(..1));
                    }
                }
                4 => {
                    let ids = context.foreign_uploads.iter().copied();
                    let ids = ids.chain(context.foreign_mails.iter().map(|mail| mail.id));
                    for id in ids.take(20).collect::<Vec<_>>() {
                        let bytes = self.write_content(context, id, FOREIGN_SIZE);
                        self.queue_piece(id, FOREIGN_SIZE, 0, bytes.get(..FOREIGN_SIZE / 2));
                        self.queue_piece(id, FOREIGN_SIZE, 0, Some(&[]));
                    }
                }
                _ => {
                    let bytes = self.write_content(context, id, max + 1);
                    self.queue_piece(id, max + 1, 0, bytes.get(..1));
                }
            }
        }
        self.queue_request(Request::Fetch(Fetch::default()));
        self.read_all(context);
    }

    /// Uploads a large content and sends it to `to`, or to any honest user; sometimes sends it
    /// before it is whole.
    pub(super) fn send_large(&mut self, context: &mut AttackContext<'_>, to: Option<&Username>) {
        let anybody = context.usernames.get(self.rng.below(context.usernames.len()));
        let max = usize::try_from(context.plan.session_config.content_max).unwrap_or(usize::MAX);
        let (id, size) = (self.rng.mail_id(), 1 + self.rng.below(max));
        let bytes = self.write_content(context, id, size);
        let kind = match self.rng.one_in(2) {
            true => ContentKind::Message {},
            false => ContentKind::Text {},
        };
        let (Some(sender), Some(to), Some(large), Ok(subject)) = (
            self.username.clone(),
            to.or(anybody),
            stated(kind, &bytes),
            format!("Assunto {id}").parse(),
        ) else {
            return;
        };
        let mail = Send { id, to: to.clone().into(), subject, content: Content::Large(large) };
        context.ledger.note_sent(sender, &mail);
        let middle = self.rng.below(size);
        self.queue_piece(id, size, 0, bytes.get(..middle));
        if self.rng.one_in(2) {
            self.queue_request(Request::Send(mail.clone()));
        }
        self.queue_piece(id, size, middle, bytes.get(middle..));
        self.queue_request(Request::Send(mail));
    }

    /// Reads the contents of all users' mails.
    pub(super) fn read_all(&mut self, context: &AttackContext<'_>) {
        for mail in context.foreign_mails.iter().take(30) {
            let offset = self.rng.below(100) as u64;
            self.queue_request(Request::Read(Read { seq: mail.seq, id: mail.id, offset: 0 }));
            self.queue_request(Request::Read(Read { seq: mail.seq, id: mail.id, offset }));
        }
    }

    /// Makes a content of this size and records it.
    fn write_content(
        &mut self,
        context: &mut AttackContext<'_>,
        id: MailId,
        size: usize,
    ) -> Rc<[u8]> {
        let bytes: Rc<[u8]> = pattern(size).into();
        if let Some(sender) = self.username.clone() {
            context.ledger.contents.note(sender, id, bytes.clone());
        }
        bytes
    }

    fn queue_piece(&mut self, id: MailId, size: usize, offset: usize, bytes: Option<&[u8]>) {
        let piece = Piece::try_from(bytes.unwrap_or_default());
        if let (Ok(size), Ok(bytes)) = (ContentSize::try_from(size as u64), piece) {
            self.queue_request(Request::Upload(Upload { id, size, offset: offset as u64, bytes }));
        }
    }
}

/// A text with a period of 37 bytes, so that a piece at a wrong position differs from the right
/// one.
fn pattern(size: usize) -> Vec<u8> {
    b"0123456789abcdefghijklmnopqrstuvwxyz+".iter().copied().cycle().take(size).collect()
}
