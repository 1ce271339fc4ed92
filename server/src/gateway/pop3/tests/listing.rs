//! The list of a mailbox with marks: its totals, and its parts.

use std::collections::BTreeSet;

use correio_proto::mail::{ContentKind, Seq};
use proptest::prelude::*;

use crate::{
    gateway::{
        harness::domain,
        pop3::{
            command::MailNumber,
            listing::{Listing, ListingKind, Progress},
            maildrop::Maildrop,
        },
        render::samples::outline,
    },
    store::gateway::MailOutline,
};

/// A list of so many mails, each of another size.
fn maildrop(mails: u32) -> Maildrop {
    let mut maildrop = Maildrop::default();
    let page: Vec<MailOutline> = (1..=mails)
        .map(|number| {
            let mut outline = outline(ContentKind::Text {}, b"a\r\n");
            outline.mail.seq = Seq(u64::from(number));
            outline.size = u64::from(number);
            outline
        })
        .collect();
    maildrop.add(&page, &domain()).unwrap();
    maildrop
}

#[test]
fn a_listing_passes_over_a_bounded_number_of_marked_mails_at_a_time() {
    let mut maildrop = maildrop(10_000);
    for number in 1..10_000 {
        maildrop.delete(MailNumber(number)).unwrap();
    }
    let mut listing = Listing::new(ListingKind::Octets);
    for part in 0..4 {
        let mut output = Vec::new();
        assert_eq!(listing.send(&maildrop, &mut output), Progress::Partial, "{part}");
        assert!(output.is_empty(), "{part}");
    }
    let mut output = Vec::new();
    assert_eq!(listing.send(&maildrop, &mut output), Progress::Complete);
    let output = String::from_utf8(output).unwrap();
    assert!(output.starts_with("10000 ") && output.ends_with("\r\n.\r\n"), "{output}");
}

proptest! {
    #[test]
    fn totals_are_those_of_the_mails_that_are_listed(
        marks in prop::collection::vec(prop::option::weighted(0.9, 1..30_u32), 0..60),
    ) {
        let mut maildrop = maildrop(25);
        let mut marked = BTreeSet::new();
        for mark in marks {
            match mark {
                Some(number) => {
                    let is_there = number <= 25 && marked.insert(number);
                    prop_assert_eq!(maildrop.delete(MailNumber(number)).is_ok(), is_there);
                }
                None => {
                    maildrop.reset();
                    marked.clear();
                }
            }
            let listed: Vec<_> = maildrop.iter(0..maildrop.len()).collect();
            let left = (1..=25).filter(|number| !marked.contains(number));
            prop_assert!(listed.iter().map(|(number, _)| number.0).eq(left));
            let octets: u64 = listed.iter().map(|(_, listed)| listed.octets).sum();
            prop_assert_eq!(maildrop.totals(), (listed.len() as u32, octets));
        }
    }
}
