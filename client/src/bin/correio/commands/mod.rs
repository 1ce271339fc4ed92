//! The commands, which work without the menus: one answer on standard output, everything else on
//! standard error, and an exit status.

use correio_client::DamagedContents;

use crate::{args::Command, commands::body_source::BodySource, exit::Failure, output::Output};

mod body_source;
mod context;
mod json;
mod local;
mod owners;
mod password;
mod ping;
mod receive;
mod register;
mod reply;
mod save;
mod search;
mod send;
mod trust;

pub(crate) use context::Context;

/// Runs one command.
pub(crate) fn run(context: &Context<'_>, command: &Command) -> Result<Output, Failure> {
    context.terminal.set_busy(false);
    match command {
        Command::Ping => ping::run(context),
        Command::Register { name, invite } => register::run(context, name, invite.as_ref()),
        Command::Send { to, subject, body, body_file, attach } => {
            let body = BodySource::of(body.as_deref(), body_file.as_deref());
            send::run(context, to, subject, &body, attach)
        }
        Command::Reply(args) => reply::reply(context, args),
        Command::Forward(args) => reply::forward(context, args),
        Command::Save(args) => save::run(context, args),
        Command::Receive { delete_damaged } => {
            let damaged =
                if *delete_damaged { DamagedContents::Delete } else { DamagedContents::Keep };
            receive::run(context, damaged)
        }
        Command::List(args) => local::list(context, args),
        Command::Read { number } => local::read(context, *number),
        Command::Search(args) => search::run(context, args),
        Command::Delete(args) => local::delete(context, args),
        Command::Mark(args) => local::mark(context, args),
        Command::Trust { address, forget } => {
            let action = if *forget { trust::Action::Forget } else { trust::Action::Accept };
            trust::run(context, address.as_deref(), action)
        }
    }
}
