//! Fills a stopped server's database with accounts and mail directly, which takes a minute instead
//! of the hours that the network would take. The server must have made the database before, with
//! one account whose password hash all new accounts get.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Instant, SystemTime},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use correio_load::{bench::frames::account, new_id};
use rusqlite::{Connection, OpenFlags, Transaction, params};
use serde_json::json;

/// Rows of one transaction.
const ROWS: u64 = 100_000;

/// Age of the oldest mail, in milliseconds: the server still keeps its idempotency records.
const AGE: u64 = 5 * 24 * 60 * 60 * 1000;

/// Fill the database of a stopped server.
#[derive(Debug, Parser)]
struct Options {
    /// The server's data directory
    #[arg(long)]
    data_dir: PathBuf,
    /// Number of accounts to add
    #[arg(long, default_value_t = 0)]
    accounts: u64,
    /// Number of mails to add, spread evenly over these accounts
    #[arg(long, default_value_t = 0)]
    mails: u64,
    /// The account whose password hash they get
    #[arg(long, default_value = "c0000000")]
    like: String,
    /// Prefix of their names
    #[arg(long, default_value = "a")]
    prefix: String,
    /// Bytes of a body
    #[arg(long, default_value_t = 512)]
    size: usize,
    /// Only print the number of accounts and mails
    #[arg(long)]
    count: bool,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let _lock = lock(&options.data_dir)?;
    let path = options.data_dir.join("correio.db");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(&path, flags)
        .with_context(|| format!("{}: start the server once", path.display()))?;
    if !options.count {
        let started = Instant::now();
        fill(&mut db, &options)?;
        eprintln!("filled in {:.1?}", started.elapsed());
    }
    let count = |table| {
        db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0))
    };
    let found = json!({"accounts": count("account")?, "mails": count("mail")?});
    println!("{found}");
    Ok(())
}

/// Takes the lock that a running server holds.
fn lock(directory: &Path) -> Result<fs::File> {
    let path = directory.join("lock");
    let file = fs::File::options()
        .write(true)
        .open(&path)
        .with_context(|| format!("{}: start the server once", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => bail!("a server is using {}", directory.display()),
    }
}

fn fill(db: &mut Connection, options: &Options) -> Result<()> {
    ensure!(options.accounts > 0, "no accounts to fill");
    // A database that is damaged by a crash is made again; the server's own settings are restored
    // below.
    db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    db.pragma_update(None, "journal_mode", "OFF")?;
    db.pragma_update(None, "synchronous", "OFF")?;
    db.pragma_update(None, "cache_size", -512 * 1024)?;
    let sql = "SELECT hash FROM account WHERE username = ?1";
    let hash: String = db
        .query_row(sql, [&options.like], |row| row.get(0))
        .with_context(|| format!("there is no account {}", options.like))?;
    let (each, rest) = (options.mails / options.accounts, options.mails % options.accounts);
    let mut mails = Mails::new(options)?;
    let mut next = 0;
    while next < options.accounts {
        let transaction = db.transaction()?;
        let mut rows = 0;
        while rows < ROWS && next < options.accounts {
            let count = each + u64::from(next < rest);
            add_account(&transaction, options, &hash, next, count, &mut mails)?;
            rows += 1 + count;
            next += 1;
        }
        transaction.commit()?;
    }
    // Every account is a member of the list of all accounts.
    let sql = "UPDATE list SET members = (SELECT count(*) FROM account) WHERE membership = 1";
    db.execute(sql, [])?;
    // The next mail's number is above all of these, which are in the index of mailboxes.
    db.execute(
        "UPDATE meta SET reserved = max(reserved, coalesce((SELECT max(seq) FROM mail), 0))",
        [],
    )?;
    db.execute("UPDATE meta SET indexed = reserved", [])?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    Ok(())
}

/// The content shared by all mails, and the number of mails made.
struct Mails {
    subject: &'static str,
    body: String,
    /// The texture of the body, from which a mail program is told a mail's octets without reading
    /// it.
    texture: Vec<u8>,
    oldest: u64,
    total: u64,
    made: u64,
}

impl Mails {
    fn new(options: &Options) -> Result<Self> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis();
        let oldest = u64::try_from(now)?.saturating_sub(AGE);
        let body = "x".repeat(options.size);
        let (texture, total) = (texture(options.size), options.mails.max(1));
        Ok(Self { subject: "Elevador", body, texture, oldest, total, made: 0 })
    }

    /// When the next mail was sent.
    fn next_moment(&mut self) -> u64 {
        self.made += 1;
        self.oldest + (AGE / 2) * self.made / self.total
    }

    fn bytes(&self) -> u64 {
        (self.subject.len() + self.body.len()) as u64
    }
}

/// The texture of one line of ASCII without an end, as the store writes it: a flag, no bare line
/// ends, no NULs, and the length of the longest line in groups of seven bits.
fn texture(line: usize) -> Vec<u8> {
    const IS_ASCII: u8 = 2;
    let (mut texture, mut rest) = (vec![IS_ASCII, 0, 0], line);
    while rest >= 0x80 {
        texture.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    texture.push(rest as u8);
    texture
}

/// A full name of two or three of these names, which as many accounts share as in a large school.
fn full_name(index: u64) -> String {
    const GIVEN: [&str; 20] = [
        "Ana",
        "Maria",
        "João",
        "José",
        "Antônio",
        "Francisco",
        "Carlos",
        "Paulo",
        "Pedro",
        "Lucas",
        "Luiz",
        "Marcos",
        "Gabriel",
        "Rafael",
        "Virgínia",
        "Márcia",
        "Adriana",
        "Juliana",
        "Fernanda",
        "Patrícia",
    ];
    const FAMILY: [&str; 20] = [
        "Silva",
        "Santos",
        "Oliveira",
        "Souza",
        "Rodrigues",
        "Ferreira",
        "Alves",
        "Pereira",
        "Lima",
        "Gomes",
        "Costa",
        "Ribeiro",
        "Martins",
        "Carvalho",
        "Almeida",
        "Lopes",
        "Soares",
        "Fernandes",
        "Vieira",
        "Barbosa",
    ];
    // Multiplied by a prime, so that neighbours differ.
    let mixed = index.wrapping_mul(2_654_435_761) >> 4;
    let of = |names: &[&'static str; 20], at: u64| {
        names.get(usize::try_from(at % 20).unwrap_or(0)).copied().unwrap_or_default()
    };
    let (given, family) = (of(&GIVEN, mixed), of(&FAMILY, mixed / 20));
    match mixed / 400 % 3 {
        0 => format!("{given} {family}"),
        1 => format!("{given} {} {family}", of(&GIVEN, mixed / 1200)),
        _ => format!("{given} {} {family}", of(&FAMILY, mixed / 1200)),
    }
}

/// Adds an account with mails that it sent to itself, and their idempotency records.
fn add_account(
    db: &Transaction<'_>,
    options: &Options,
    hash: &str,
    index: u64,
    count: u64,
    mails: &mut Mails,
) -> Result<()> {
    let name = account(&options.prefix, usize::try_from(index)?);
    let full_name = full_name(index);
    let sql = "INSERT INTO account (username, full_name, hash, register_id, mails, bytes)
               VALUES (?1, ?6, ?2, ?3, ?4, ?5)";
    let bytes = count * mails.bytes();
    db.prepare_cached(sql)?.execute(params![
        name,
        hash,
        new_id()?.as_bytes(),
        i64::try_from(count)?,
        i64::try_from(bytes)?,
        full_name
    ])?;
    let id = db.last_insert_rowid();
    let mut insert = db.prepare_cached(
        "INSERT INTO mail (account, id, sender, sender_name, recipients, sent_at, subject, body,
             texture)
         VALUES (?1, ?2, ?3, ?7, ?3, ?4, ?5, ?6, ?8)",
    )?;
    let mut enter = db.prepare_cached("INSERT INTO mailbox (account, seq) VALUES (?1, ?2)")?;
    let sql = "INSERT INTO verdict (sender, id, digest, sent_at) VALUES (?1, ?2, ?3, ?4)";
    let mut verdict = db.prepare_cached(sql)?;
    for _ in 0..count {
        let (mail, sent_at) = (new_id()?, i64::try_from(mails.next_moment())?);
        let mail = mail.as_bytes();
        let (subject, body, texture) = (mails.subject, &mails.body, &mails.texture);
        insert.execute(params![id, mail, name, sent_at, subject, body, full_name, texture])?;
        enter.execute([id, db.last_insert_rowid()])?;
        verdict.execute(params![id, mail, [0_u8; 16], sent_at])?;
    }
    Ok(())
}
