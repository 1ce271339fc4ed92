//! The screens of the menus, one file each.

pub(crate) mod first;

mod account;
mod app_passwords;
mod drafts;
mod home;
mod local;
mod login;
mod mail_pages;
mod reading;
mod receive;
mod recipients;
mod recover;
mod register;
mod reply;
mod search;
mod send;
mod server;
mod user;

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fmt::Debug};

    use crate::{
        prompt::MenuChoice,
        text::{Lang, Text},
    };

    fn check<C: MenuChoice + Debug>() {
        let digits: BTreeSet<u8> = C::ALL.iter().map(|choice| choice.digit()).collect();
        assert_eq!(digits.len(), C::ALL.len(), "a digit stands twice: {:?}", C::ALL);
        assert!(digits.iter().all(|digit| *digit < 10), "{digits:?}");
        let keys = Text::keys(Lang::Pt);
        for choice in C::ALL {
            assert!(keys.iter().any(|key| key == choice.label_key()), "{choice:?} has no label");
        }
    }

    #[test]
    fn every_choice_has_a_digit_of_its_own_and_a_label() {
        check::<super::first::FirstChoice>();
        check::<super::home::HomeChoice>();
        check::<super::account::AccountChoice>();
        check::<super::app_passwords::AppPasswordChoice>();
        check::<super::drafts::DraftChoice>();
        check::<super::send::LeaveChoice>();
    }
}
