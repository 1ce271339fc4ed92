//! The commands, which work without the menus: one answer on standard output, everything else on
//! standard error, and an exit status.

use correio_client::{DamagedContents, ReceiveOptions, ServerCopy};

use crate::{
    args::Command, commands::body_source::BodySource, completions, exit::Failure, man,
    output::Output,
};

mod app_passwords;
mod body_source;
mod config;
mod context;
mod find;
mod json;
mod listing;
mod lists;
mod local;
mod long_list;
mod nickname;
mod password;
mod ping;
mod receive;
mod recover;
mod register;
mod reply;
mod save;
mod search;
mod send;
mod status;
mod trust;
mod watch;

pub(crate) use context::Context;

/// Runs one command.
pub(crate) fn run(context: &Context<'_>, command: &Command) -> Result<Output, Failure> {
    context.terminal.set_busy(false);
    match command {
        Command::Ping => ping::run(context),
        Command::Register { name, invite } => register::run(context, name, invite.as_ref()),
        Command::Recover { code_file, .. } => recover::run(context, code_file.as_deref()),
        Command::AppPassword { action } => app_passwords::run(context, action),
        Command::Status => status::run(context),
        Command::Send { to, subject, body } => {
            let signature = context.signature(body.signature)?;
            send::run(context, (to, subject), &BodySource::of(body), &body.attach, signature)
        }
        Command::Reply(args) => reply::reply(context, args),
        Command::Forward(args) => reply::forward(context, args),
        Command::Save(args) => save::run(context, args),
        Command::Receive { delete_damaged, keep } => {
            let damaged =
                if *delete_damaged { DamagedContents::Delete } else { DamagedContents::Keep };
            let server_copy = server_copy(*keep);
            receive::run(context, ReceiveOptions { damaged, server_copy, ..Default::default() })
        }
        Command::Find { text } => find::run(context, text),
        Command::Watch { exec, notify, keep } => {
            watch::run(context, exec.as_deref(), *notify, server_copy(*keep))
        }
        Command::List(args) => match &args.command {
            Some(command) => lists::run(context, command),
            None => local::list(context, args),
        },
        Command::Read { number } => local::read(context, *number),
        Command::Search(args) => search::run(context, args),
        Command::Delete(args) => local::delete(context, args),
        Command::Mark(args) => local::mark(context, args),
        Command::Nickname { nickname, people, remove } => {
            let action = if *remove { nickname::Action::Remove } else { nickname::Action::Add };
            nickname::run(context, nickname.as_deref(), people, action)
        }
        Command::Trust { address, forget } => {
            let action = if *forget { trust::Action::Forget } else { trust::Action::Accept };
            trust::run(context, address.as_deref(), action)
        }
        Command::Config { action } => config::run(context.text, action.as_ref()),
        Command::Completions { shell } => completions::script(*shell),
        Command::Man { directory } => man::run(directory),
    }
}

fn server_copy(keep: bool) -> ServerCopy {
    match keep {
        true => ServerCopy::Keep,
        false => ServerCopy::Delete,
    }
}
