//! The part of the model that knows large contents: uploads, and what is read of mails.

use std::time::Duration;

use correio_proto::{
    limits,
    mail::{MailId, Timestamp, Username},
    message::{ErrorCode, Read, Reply, Request, Upload},
};
use correio_server::clock::Now;

use super::{
    model::{Model, StoredMail},
    refusal::{incomplete, refuses},
    upload::StagedUpload,
    world::{CONTENT_MAX, PIECE_MIN, UPLOADS},
};

/// How often the server forgets old uploads and idempotency records.
const PRUNE_EVERY: Duration = Duration::from_secs(60 * 60);

impl Model {
    /// The size of a client's upload, and how far it is.
    pub(super) fn upload(&self, index: usize, id: MailId) -> Option<(u64, u64)> {
        let upload = self.account_of(index)?.uploads.get(&id)?;
        Some((upload.size, upload.staged()))
    }

    /// Requests that read all contents of a client's mailbox.
    pub(super) fn reads(&self, index: usize) -> Vec<Request> {
        let large = self.mailbox(index).iter().filter(|stored| stored.content.is_some());
        let reads = large.filter_map(|stored| {
            let (seq, id) = (stored.seq?, stored.send.id);
            Some(Request::Read(Read { seq, id, offset: 0 }))
        });
        reads.collect()
    }

    /// Forgets what is old, as the server did at the last full hour.
    pub(super) fn pruned(&mut self, now: Now) {
        let since = now.uptime.as_millis() % PRUNE_EVERY.as_millis();
        let since = now.wall.0 - u64::try_from(since).unwrap();
        let before = |seconds: u64| Timestamp(since.saturating_sub(seconds * 1000));
        for account in self.accounts.values_mut() {
            let (uploads, records) =
                (before(limits::UPLOAD_KEPT_SECONDS), before(limits::IDEMPOTENCY_KEPT_SECONDS));
            account.uploads.retain(|_, upload| upload.touched >= uploads);
            account.sent.retain(|_, (_, sent_at)| *sent_at >= records);
        }
    }

    /// Checks the reply to a piece.
    pub(super) fn uploaded(
        &mut self,
        username: &Username,
        upload: &Upload,
        now: Timestamp,
        reply: &Reply,
    ) {
        let Upload { id, size, offset, bytes } = upload;
        let (size, bytes) = (size.get(), bytes.as_bytes());
        if size > CONTENT_MAX {
            return refuses(reply, ErrorCode::TooLarge);
        }
        let ends = u128::from(*offset) + bytes.len() as u128 >= u128::from(size);
        if !bytes.is_empty() && bytes.len() < PIECE_MIN && !ends {
            return refuses(reply, ErrorCode::Invalid);
        }
        if self.accounts[username].sent.contains_key(id) {
            return assert_eq!(reply, &Reply::Uploaded { staged: size });
        }
        let present = self.accounts[username].uploads.get(id);
        let (known_size, staged) = present.map_or((size, 0), |it| (it.size, it.staged()));
        if known_size != size || u128::from(*offset) + bytes.len() as u128 > u128::from(size) {
            return refuses(reply, ErrorCode::Conflict);
        }
        if *offset > staged {
            return incomplete(reply, staged);
        }
        let is_more = offset.saturating_add(bytes.len() as u64) > staged;
        let displaced = match is_more {
            true => self.displaced(username, *id, size, now),
            false => Some(Vec::new()),
        };
        let Some(displaced) = displaced else {
            let Reply::Error(error) = reply else { panic!("{reply:?}") };
            assert_eq!((error.code, error.staged), (ErrorCode::Busy, None));
            assert!(error.retry_after.is_some_and(|seconds| seconds > 0));
            return;
        };
        let known = usize::try_from(staged - offset).unwrap();
        let new = bytes.get(known..).unwrap_or_default();
        assert_eq!(reply, &Reply::Uploaded { staged: staged + new.len() as u64 });
        for idle in displaced {
            self.account(username).uploads.remove(&idle);
        }
        if !new.is_empty() {
            let nothing = StagedUpload { size, bytes: Vec::new(), touched: now };
            let upload = self.account(username).uploads.entry(*id).or_insert(nothing);
            upload.bytes.extend_from_slice(new);
            upload.touched = now;
        }
    }

    /// The idle uploads of the same account that an upload displaces when it begins. `None` if the
    /// upload has no room to begin or to go on.
    fn displaced(
        &self,
        username: &Username,
        id: MailId,
        size: u64,
        now: Timestamp,
    ) -> Option<Vec<MailId>> {
        let is_reserved = |upload: &StagedUpload| {
            upload.touched.0 + limits::UPLOAD_RESERVED_SECONDS * 1000 >= now.0
        };
        let own = &self.accounts[username].uploads;
        let mut displaced = Vec::new();
        let (mut missing, mut freed) = (size, 0);
        if let Some(upload) = own.get(&id) {
            if is_reserved(upload) {
                return Some(displaced);
            }
            missing -= upload.staged();
        } else {
            let mut idle: Vec<_> = own.iter().filter(|(_, upload)| !is_reserved(upload)).collect();
            idle.sort_by_key(|(id, upload)| (upload.touched, **id));
            let mut idle = idle.into_iter();
            let mut bytes = own.values().map(|upload| upload.size).sum::<u64>();
            while own.len() - displaced.len() >= UPLOADS.uploads as usize
                || bytes + size > UPLOADS.account_bytes
            {
                let (id, upload) = idle.next()?;
                displaced.push(*id);
                bytes -= upload.size;
                freed += upload.staged();
            }
        }
        let all = self.accounts.values().flat_map(|account| account.uploads.values());
        let taken = all.map(|it| if is_reserved(it) { it.size } else { it.staged() }).sum::<u64>();
        (taken - freed + missing <= UPLOADS.bytes).then_some(displaced)
    }

    /// Checks the reply to a request for a piece.
    pub(super) fn read(&mut self, username: &Username, read: Read, reply: &Reply) {
        let is_it =
            |stored: &&StoredMail| stored.seq == Some(read.seq) && stored.send.id == read.id;
        let stored = self.accounts[username].mailbox.iter().find(is_it);
        let Some(content) = stored.and_then(|stored| stored.content.as_deref()) else {
            return refuses(reply, ErrorCode::NoSuchMail);
        };
        let start = usize::try_from(read.offset).unwrap_or(usize::MAX);
        let Reply::Piece { bytes } = reply else { panic!("{reply:?}") };
        assert_eq!(bytes.as_bytes(), content.get(start..).unwrap_or_default());
    }
}
