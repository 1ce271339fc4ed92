//! A store with everything that a store can have, for tests of migrations, and its answers.

use std::path::Path;

use correio_proto::{
    limits::PIECE_MAX,
    mail::{Content, Timestamp},
    message::{ListChange, Role, SendPolicy},
};
use correio_server::{
    day::DAY,
    ids::{AccountId, AppPasswordDigest, InviteId},
    store::{
        HashChange, Quota, StoreDone, StoreJob,
        admin::{AdminDone, AdminJob, DisabledMail, InviteRecord, Retention},
        app_password::AppPasswordJob,
        postgres::{DatabaseUrl, PostgresOptions},
        sqlite::SqliteOptions,
    },
};

use super::{
    admin::{admin, disable, make, name},
    hidden::hiding,
    outlines::outline,
    support::{
        Harness, ROOMY, create, delete, find, hash, id, read, send, send_large, send_large_message,
        send_message, upload, whole_mailbox,
    },
};

const NAMES: [&str; 8] =
    ["tony", "pepper", "bruce", "thor", "steve", "loki", "postmaster", "natasha"];

pub fn sqlite(directory: &Path) -> Harness {
    Harness::sqlite_with(directory, ROOMY, SqliteOptions::default())
}

pub fn postgres(database: &DatabaseUrl) -> Harness {
    Harness::postgres_on(database, ROOMY, PostgresOptions::default())
}

pub fn done(harness: &mut Harness, job: StoreJob) {
    let shown = format!("{job:?}");
    let done = harness.run(job);
    let is_done = matches!(
        done,
        StoreDone::Created
            | StoreDone::Changed
            | StoreDone::Sent { .. }
            | StoreDone::Uploaded { .. }
    );
    assert!(is_done, "{shown}: {done:?}");
}

/// Fills a store with everything that a store can have. Returns the last account, which is deleted.
pub fn fill(harness: &mut Harness) -> AccountId {
    let [tony, pepper, bruce, steve] =
        ["tony", "pepper", "bruce", "steve"].map(|name| harness.account(name));
    let invited = StoreJob::CreateAccount {
        register_id: id(900),
        username: name("loki"),
        full_name: "Loki Á".parse().unwrap(),
        hash: hash("h"),
        invite: Some(InviteId([7; 8])),
    };
    done(harness, invited);
    make(harness, &["thor"]);
    disable(harness, "thor", DisabledMail::Kept);
    let quota = Some(Quota { mails: 77, bytes: 1 << 20 });
    admin(harness, AdminJob::SetQuota { username: name("bruce"), quota });
    let change = |account, change| StoreJob::ChangeList { account, name: name("turma"), change };
    let (title, senders) = ("Turma".parse().unwrap(), SendPolicy::Members {});
    done(harness, change(tony, ListChange::Create { title, senders }));
    let (members, role) = ("pepper,steve".parse().unwrap(), Role::Owner {});
    done(harness, change(tony, ListChange::Add { members, role }));
    mail(harness);
    done(harness, delete(steve));
    let label = "phone".parse().unwrap();
    let (digest, now) = (AppPasswordDigest([9; 32]), Timestamp(5));
    let make = AppPasswordJob::Create { account: pepper, label, digest, now };
    harness.run(StoreJob::AppPassword(make));
    let invite = |number| InviteRecord {
        id: InviteId([number; 8]),
        made_at: Timestamp(number.into()),
        expires_at: Timestamp(1 << 50),
    };
    admin(harness, AdminJob::AddInvites { invites: vec![invite(1), invite(2)] });
    admin(harness, AdminJob::RevokeInvite { id: InviteId([2; 8]) });
    // Warnings, and the days that retention counts.
    for day in 400..=405 {
        let retained = admin(harness, retain(day));
        assert!(matches!(retained, AdminDone::Retained { .. }), "{retained:?}");
    }
    // The highest number is no mail's any more.
    done(harness, send(bruce, 99, "bruce", "x"));
    let last = harness.fetch(bruce).last().unwrap().reference();
    assert_eq!(harness.confirm(bruce, vec![last]), 1);
    // Nor is the highest number of an account.
    let clint = harness.account("clint");
    done(harness, delete(clint));
    clint
}

/// Sends mails of each form.
fn mail(harness: &mut Harness) {
    let [tony, pepper] = ["tony", "pepper"].map(|name| harness.find(name));
    let shared = "y".repeat(9 << 10);
    let size = PIECE_MAX as u64 + 5000;
    for number in [5, 6] {
        done(harness, upload(tony, number, size, 0..PIECE_MAX as u64));
        done(harness, upload(tony, number, size, PIECE_MAX as u64..size));
    }
    for job in [
        send(tony, 1, "pepper,bruce", "Olá,\nsim.\0\r\n"),
        send_message(tony, 2, "pepper", b"Subject: a\r\n\r\n\0\xff"),
        send(pepper, 3, "tony,bruce,loki", &shared),
        send_message(pepper, 4, "tony,bruce,loki", shared.as_bytes()),
        send_large(tony, 5, "pepper,bruce", size),
        send_large_message(tony, 6, "bruce", size),
        hiding(send(tony, 7, "pepper,bruce", "z"), "bruce"),
        hiding(send(tony, 8, "pepper,bruce", &shared), "bruce"),
        send(tony, 9, "turma", "x"),
    ] {
        done(harness, job);
    }
    for number in 10..20 {
        done(harness, send(tony, number, "pepper,loki", "x"));
    }
    // Contents and pieces that are left to be deleted, and an upload that is not finished.
    done(harness, upload(tony, 21, 40_000, 0..40_000));
    done(harness, send_large(tony, 21, "tony", 40_000));
    let last = harness.fetch(tony).last().unwrap().reference();
    assert_eq!(harness.confirm(tony, vec![last]), 1);
    done(harness, upload(tony, 22, 40_000, 0..100));
}

fn retain(day: u64) -> AdminJob {
    AdminJob::Retain(Retention {
        after: None,
        now: Timestamp(day * DAY),
        mails_before: Some(Timestamp((day - 30) * DAY)),
        accounts_before: Some(Timestamp((day - 30) * DAY)),
        warning_days: 7,
        in_use: std::sync::Arc::new([]),
    })
}

/// The answers to all queries.
pub fn answers(harness: &mut Harness) -> Vec<StoreDone> {
    let mut jobs = Vec::new();
    for username in NAMES {
        jobs.push(find(username));
        jobs.push(StoreJob::Admin(AdminJob::Account { username: name(username) }));
        let StoreDone::Account(Some(account)) = harness.run(find(username)) else { continue };
        let account = account.id;
        jobs.extend([
            whole_mailbox(account),
            outline(account, 0, u32::MAX),
            StoreJob::AppPassword(AppPasswordJob::List { account }),
        ]);
        for mail in harness.fetch(account) {
            if matches!(mail.content, Content::Large(_)) {
                jobs.extend([0, PIECE_MAX as u64].map(|at| read(account, mail.reference(), at)));
            }
        }
    }
    let (after, lists, accounts, members) = (None, 100, 100, 100);
    jobs.push(StoreJob::Admin(AdminJob::Accounts { after: None, accounts }));
    jobs.push(StoreJob::Admin(AdminJob::Lists { after, lists }));
    for list in ["turma", "everybody"] {
        let after = None;
        jobs.push(StoreJob::Admin(AdminJob::Members { name: name(list), after, members }));
    }
    jobs.push(StoreJob::Admin(AdminJob::Invites { skip: 0, invites: 100 }));
    jobs.into_iter().map(|job| harness.run(job)).collect()
}

/// Changes a store so that each answer rests on what was copied, and returns the answers.
pub fn go_on(harness: &mut Harness) -> Vec<StoreDone> {
    let [tony, pepper] = ["tony", "pepper"].map(|name| harness.find(name));
    let (title, senders) = ("Nova".parse().unwrap(), SendPolicy::Members {});
    let make = ListChange::Create { title, senders };
    let invited = StoreJob::CreateAccount {
        register_id: id(901),
        username: name("natasha"),
        full_name: "Natasha".parse().unwrap(),
        hash: hash("h"),
        invite: Some(InviteId([7; 8])),
    };
    let large = [
        // The rest of an upload that the source began.
        upload(tony, 22, 40_000, 100..40_000),
        send_large(tony, 22, "pepper", 40_000),
        upload(tony, 30, 40_000, 0..40_000),
        send_large(tony, 30, "pepper", 40_000),
    ];
    let jobs = [
        // The record of a mail, and that of an account whose mailbox is gone.
        send(tony, 1, "pepper,bruce", "Olá,\nsim.\0\r\n"),
        send(tony, 1, "pepper", "another"),
        StoreJob::ChangeList { account: tony, name: name("steve"), change: make },
        invited,
        create(902, "natasha", "h"),
        find("natasha"),
        create(1, "tony", "h"),
        StoreJob::SetHash {
            account: pepper,
            old: hash("h"),
            new: hash("i"),
            change: HashChange::NewPassword,
        },
        send(tony, 31, "turma", "x"),
    ];
    let mut answers: Vec<_> = jobs.into_iter().chain(large).map(|job| harness.run(job)).collect();
    let read_back = harness.fetch(pepper).last().unwrap().reference();
    answers.push(harness.run(read(pepper, read_back, 0)));
    answers
}

/// Lets days pass, until mails and accounts are deleted of which their owners were warned before.
pub fn grow_old(harness: &mut Harness) -> Vec<AdminDone> {
    // A day that was counted is not counted again.
    let days = 405..=410;
    let mut done: Vec<_> = days.map(|day| admin(harness, retain(day))).collect();
    for done in &mut done {
        // The number of the new account is another one in each store.
        if let AdminDone::Retained { warned, .. } = done {
            warned.retain(|warning| warning.username.as_str() != "natasha");
        }
    }
    done
}
