//! Backups of the server under load: takes them on a thread of its own while clients act, and
//! verifies them once the load is over, so that verifying disturbs nothing.

mod command;
mod take;
mod verify;

pub use self::{
    command::OperatorCommands,
    take::{BACKUPS_MAX, BackupThread, TakenBackup, TakenBackups},
    verify::BackupsToVerify,
};
