//! Outlines of mails: a mailbox without the contents.

use correio_proto::mail::{ContentKind, MailRef, Seq};

use super::{
    account_rows,
    connection::Row,
    context::{Context, Param},
    error::QueryError,
    recipients,
    row::{damaged, mail_id, parsed, timestamp, to_sql, unsigned},
};
use crate::{
    ids::AccountId,
    store::{
        StoreDone,
        gateway::{GatewayDone, MailOutline, OUTLINES_MAX},
        texture_bytes,
    },
};

/// Reads a page, as [`crate::store::gateway::GatewayJob::Outline`] describes it.
pub(super) fn page(
    context: &mut Context<'_, '_>,
    account: AccountId,
    after: Seq,
    max: u32,
) -> Result<StoreDone, QueryError> {
    let max = i64::from(max.min(OUTLINES_MAX));
    let statement = statement!(
        "SELECT mail.seq, mail.id, coalesce(content.sender, mail.sender),
             coalesce(content.sender_name, mail.sender_name), mail.recipients,
             content.recipients, coalesce(content.sent_at, mail.sent_at),
             coalesce(content.subject, mail.subject), mail.is_message,
             coalesce(content.size, mail.inline_bytes), coalesce(content.texture, mail.texture)
         FROM mail LEFT JOIN content ON content.id = mail.content
         WHERE mail.account = $1 AND mail.seq > $2 ORDER BY mail.seq LIMIT $3 + 1",
        INT8,
        INT8,
        INT8
    );
    let values: [Param<'_>; 3] = [&account.0, &to_sql(after.0), &max];
    let rows = context.query(statement, &values)?;
    if rows.is_empty() && !account_rows::exists(context, account)? {
        return Ok(StoreDone::NoAccount);
    }
    let wanted = usize::try_from(max).unwrap_or(usize::MAX);
    let mails = rows.iter().take(wanted).map(|row| outline(&row));
    let mails = mails.collect::<Result<Vec<_>, _>>()?;
    let more = rows.len() > wanted;
    Ok(StoreDone::Gateway(GatewayDone::Outlines { mails, more }))
}

fn outline(row: &Row<'_>) -> Result<MailOutline, QueryError> {
    let kind = match row.get(8)? {
        true => ContentKind::Message {},
        false => ContentKind::Text {},
    };
    let texture = row.get::<Option<&[u8]>>(10)?.and_then(texture_bytes::decode);
    Ok(MailOutline {
        mail: MailRef { seq: Seq(unsigned(row, 0)?), id: mail_id(row, 1)? },
        from: parsed(row, 2)?,
        from_name: parsed(row, 3)?,
        to: recipients::seen(row, 4, 5)?.as_slice().to_vec(),
        sent_at: timestamp(row, 6)?,
        subject: parsed(row, 7)?,
        kind,
        size: unsigned(row, 9)?,
        texture: texture.ok_or_else(|| damaged(10, &"no texture"))?,
    })
}
