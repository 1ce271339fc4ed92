//! The screens of the menus, a file each.

pub(crate) mod first;

mod account;
mod drafts;
mod home;
mod local;
mod login;
mod receive;
mod register;
mod send;
mod server;
mod user;
