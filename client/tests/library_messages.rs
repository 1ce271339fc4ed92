//! Messages: those of other programs are shown as their senders meant, and what is made and saved
//! comes back to the byte.

use std::{
    cell::Cell,
    fs, io,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use correio_client::{
    AttachmentFile, AttachmentSaver, Cancel, FromField, MakeError, MessageDraft, MessageId,
    MessageView, OutgoingContent, SaveError, TextSource, Timestamp, new_mail_id, save_attachment,
};
use tempfile::TempDir;

fn sample(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/messages");
    fs::read(folder.join(name)).unwrap()
}

fn shown(name: &str) -> MessageView {
    MessageView::read(sample(name).as_slice()).unwrap()
}

fn names(view: &MessageView) -> Vec<&str> {
    view.attachments.iter().map(|of| of.name.as_deref().unwrap_or(&of.media_type)).collect()
}

#[test]
fn messages_of_thunderbird_are_shown() {
    let view = shown("thunderbird-html-and-image.eml");
    assert_eq!(view.fields.subject, "25 HTML + embedded image");
    assert_eq!(view.fields.date, "2017-12-30T19:26:23+01:00");
    assert_eq!((view.text.text.as_str(), view.text.source), ("Search for höhö", TextSource::Html));
    assert_eq!(names(&view), ["kigaaldcbanejcbi.png"]);
    let directory = TempDir::new().unwrap();
    let path = save(&sample("thunderbird-html-and-image.eml"), 1, directory.path()).unwrap();
    assert!(fs::read(path).unwrap().starts_with(b"\x89PNG\r\n"));

    let view = shown("thunderbird-reply.eml");
    assert_eq!(view.fields.from, "Testing <xxxxxxxx@xxx.org>");
    assert_eq!((view.fields.in_reply_to.len(), view.fields.references.len()), (1, 2));
    assert_eq!(view.text.text.trim_end(), "Message body");
    assert!(view.attachments.is_empty());
}

#[test]
fn messages_of_outlook_are_shown() {
    let view = shown("outlook-alternative.eml");
    assert_eq!(view.fields.from, "Doug Sauder <doug@example.com>");
    let text = view.text.text;
    assert!(text.starts_with("\nThe Hare and the Tortoise \n"), "{text}");
    assert!(text.contains("who replied, laughing:  \"Though you be swift as the wind"), "{text}");
    assert_eq!(view.text.source, TextSource::Plain);
    assert!(view.attachments.is_empty());

    let view = shown("outlook-utf-7.eml");
    assert_eq!(view.fields.to, "Heinz Müller <mueller@example.com>");
    assert_eq!(view.fields.subject, "Die Hasen und die Frösche (Microsoft Outlook 00)");
    assert!(view.text.text.contains("\"wir leben\", sprach ein Redner"), "{}", view.text.text);
    assert!(!view.text.is_replaced);
}

#[test]
fn messages_of_gmail_are_shown() {
    let view = shown("gmail-alternative.eml");
    assert_eq!(view.fields.to, "Nicolas Fouché <a.b@gmail.com>");
    assert!(view.text.text.starts_with("Nicolas Fouché has accepted your invitation to Gmail"));
    assert!(view.text.text.contains("the \nbrand new address"), "{}", view.text.text);

    let view = shown("gmail-attachment.eml");
    assert_eq!(view.fields.subject, "Fwd: Signed email causes file attachments");
    assert!(view.text.text.starts_with("We should not include these files or vcards"));
    assert_eq!(view.attachments.len(), 1);
    assert_eq!(view.attachments[0].media_type, "application/octet-stream");
}

#[test]
fn messages_of_apple_mail_are_shown() {
    let view = shown("apple-mail-attachment.eml");
    assert_eq!(view.text.text.trim_end(), "This is the first part.");
    assert_eq!(names(&view), ["api.rb"]);
    let directory = TempDir::new().unwrap();
    let path = save(&sample("apple-mail-attachment.eml"), 1, directory.path()).unwrap();
    assert_eq!(fs::read(path).unwrap(), b"puts \"Hello, world!\"\r\ngets\r\n");

    let view = shown("apple-mail-message.eml");
    assert_eq!(view.text.text.trim_end(), "This is the first part.");
    assert_eq!(names(&view), ["ForwardedMessage.eml"]);
    // What was forwarded is a message in turn.
    let path = save(&sample("apple-mail-message.eml"), 1, directory.path()).unwrap();
    let inner = MessageView::read(fs::read(path).unwrap().as_slice()).unwrap();
    assert_eq!(inner.fields.subject, "Another PDF");
    assert_eq!(names(&inner), ["broken.pdf"]);
}

fn save(message: &[u8], index: usize, directory: &Path) -> Result<PathBuf, SaveError> {
    save_attachment(message, index, directory, "anexo", &Cancel::new())
}

fn draft(attachments: Vec<AttachmentFile>) -> MessageDraft {
    MessageDraft {
        id: new_mail_id(),
        from: "tony".parse().unwrap(),
        from_name: "Tony \"Ferro\" Stark, José".parse().unwrap(),
        domain: "example.org".to_owned(),
        to: "steve, pepper".parse().unwrap(),
        subject: "Relatório =?x?= da reunião".parse().unwrap(),
        date: Timestamp(1_796_119_200_000),
        in_reply_to: None,
        references: vec![],
        text: "Olá,\n\nsegue o relatório.\n".to_owned(),
        attachments,
    }
}

fn made(draft: &MessageDraft) -> Vec<u8> {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("message");
    draft.write(&path, &Cancel::new()).unwrap();
    fs::read(path).unwrap()
}

/// Files of all kinds, one of them named in Japanese, one empty.
fn files(directory: &Path) -> Vec<(AttachmentFile, Vec<u8>)> {
    let bytes: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    [
        ("a.pdf", &bytes[..]),
        ("foto.PNG", &bytes[..57]),
        ("表計算 第１四半期.xlsx", &bytes[..58]),
        ("vazio", b""),
        ("--=_.txt", b"--=_\r\nFrom a\n.\n"),
        ("a \"b\".tar.gz", &bytes[..1]),
    ]
    .map(|(name, bytes)| {
        let path = directory.join(name);
        fs::write(&path, bytes).unwrap();
        (AttachmentFile::open(&path).unwrap(), bytes.to_vec())
    })
    .into()
}

#[test]
fn files_and_text_come_back_to_the_byte() {
    let directory = TempDir::new().unwrap();
    let files = files(directory.path());
    let parent: MessageId = "parent@example.org".parse().unwrap();
    let draft = MessageDraft {
        in_reply_to: Some(parent.clone()),
        references: vec!["first@example.org".parse().unwrap(), parent.clone()],
        ..draft(files.iter().map(|(file, _)| file.clone()).collect())
    };
    let message = made(&draft);
    assert_eq!(message, made(&draft), "the same draft makes the same message");
    assert!(message.windows(2).all(|two| (two[0] == b'\r') == (two[1] == b'\n')));
    assert!(message.split(|byte| *byte == b'\n').all(|line| line.len() < 100 && line.is_ascii()));

    let view = MessageView::read(message.as_slice()).unwrap();
    assert_eq!(view.fields.from, "Tony \"Ferro\" Stark, José <tony@example.org>");
    assert_eq!(view.fields.from_field(&draft.from), FromField::Sender);
    assert_eq!(view.fields.to, "steve@example.org, pepper@example.org");
    assert_eq!(view.fields.subject, draft.subject.as_str());
    assert_eq!(view.fields.date, "2026-12-01T10:00:00Z");
    let own = MessageId::of_mail(draft.id, &draft.from, "example.org").unwrap();
    assert_eq!(own.as_str(), format!("{}.tony@example.org", draft.id));
    assert_eq!(view.fields.message_id, Some(own));
    assert_eq!(view.fields.in_reply_to, [parent]);
    assert_eq!(view.fields.references, draft.references);
    assert_eq!(view.text.text.trim_end(), draft.text.trim_end());
    assert_eq!(view.attachments.len(), files.len());

    let saved = TempDir::new().unwrap();
    for ((file, bytes), listed) in files.iter().zip(&view.attachments) {
        assert_eq!(listed.name.as_deref(), Some(file.name()));
        assert_eq!(listed.media_type, file.media_type());
        assert_eq!((listed.size, listed.is_damaged), (bytes.len() as u64, false));
        let path = save(&message, listed.index, saved.path()).unwrap();
        assert_eq!(&fs::read(&path).unwrap(), bytes, "{}", path.display());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(saved.path().join("表計算 第１四半期.xlsx").exists());
}

#[test]
fn another_library_reads_what_is_made() {
    use mail_parser::{MessageParser, MimeHeaders};

    let directory = TempDir::new().unwrap();
    let files = files(directory.path());
    let draft = draft(files.iter().map(|(file, _)| file.clone()).collect());
    let message = made(&draft);
    let parsed = MessageParser::new().parse(&message).unwrap();
    let author = parsed.from().unwrap().first().unwrap();
    assert_eq!(author.name(), Some("Tony \"Ferro\" Stark, José"));
    assert_eq!(parsed.subject(), Some(draft.subject.as_str()));
    assert_eq!(
        parsed.body_text(0).unwrap().replace("\r\n", "\n").trim_end(),
        draft.text.trim_end()
    );
    let read: Vec<_> = parsed.attachments().collect();
    assert_eq!(read.len(), files.len());
    for ((file, bytes), read) in files.iter().zip(read) {
        assert_eq!(read.attachment_name(), Some(file.name()));
        if !file.media_type().starts_with("text/") {
            assert_eq!(read.contents(), bytes, "{}", file.name());
        }
    }
}

/// A program takes an attached text without a character set for ASCII.
#[test]
fn an_attached_text_states_utf_8_if_it_is_and_keeps_its_bytes() {
    use mail_parser::{MessageParser, MimeHeaders};

    let directory = TempDir::new().unwrap();
    // Longer than what is read at once: characters go on in the next piece.
    let long = format!("a{}", "é".repeat(60_000));
    for (name, bytes, charset) in [
        ("nota.txt", "Olá\n".as_bytes(), Some("utf-8")),
        ("longa.md", long.as_bytes(), Some("utf-8")),
        ("ascii.csv", b"a;b\r\n", Some("utf-8")),
        ("vazio.txt", b"", Some("utf-8")),
        ("latin.txt", b"Ol\xe1\n", None),
        ("cortado.txt", &long.as_bytes()[..100], None),
        ("dados.json", b"{}", None),
        ("foto.png", b"\x89PNG", None),
    ] {
        let path = directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        let message = made(&draft(vec![AttachmentFile::open(&path).unwrap()]));
        let parsed = MessageParser::new().parse(&message).unwrap();
        let part = parsed.attachment(0).unwrap();
        let stated = part.content_type().and_then(|of| of.attribute("charset"));
        assert_eq!(stated, charset, "{name}");
        let saved = TempDir::new().unwrap();
        let saved = save(&message, 1, saved.path()).map(|path| fs::read(path).unwrap());
        assert_eq!(saved.unwrap(), bytes, "{name}");
    }
}

#[test]
fn any_text_comes_back_with_its_lines() {
    for text in [
        "",
        "a",
        "a\n",
        "\n\n a \n\n",
        ".\nFrom a\n--=_\n=3D=\n",
        "é".repeat(1000).as_str(),
        "x".repeat(5000).as_str(),
        "日本語\n",
        "a\r\nb\r\n",
        "a \nb\t\n",
        "nul \0 and bell \x07\n",
    ] {
        let draft = MessageDraft { text: text.to_owned(), ..draft(vec![]) };
        let view = MessageView::read(made(&draft).as_slice()).unwrap();
        let expected = text.replace("\r\n", "\n");
        assert_eq!(view.text.text.trim_end(), expected.trim_end(), "{text:?}");
        assert!(!view.text.is_replaced && view.attachments.is_empty());
    }
    // A text that has the boundary ends no part.
    let empty = TempDir::new().unwrap();
    let file = empty.path().join("a");
    fs::write(&file, "x").unwrap();
    let mut draft = draft(vec![AttachmentFile::open(&file).unwrap()]);
    draft.text = format!("--=_{}\n\n--=_{}_--\n", draft.id, draft.id);
    let view = MessageView::read(made(&draft).as_slice()).unwrap();
    assert_eq!(view.text.text.trim_end(), draft.text.trim_end());
    assert_eq!(view.attachments.len(), 1);
}

#[test]
fn a_message_is_sent_as_it_is() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("message");
    fs::write(&path, b"\xff\0 any bytes").unwrap();
    let content = OutgoingContent::message(&path).unwrap();
    assert_eq!(content.size(), 12);
    assert!(OutgoingContent::file(&path).is_err());
}

#[test]
fn a_file_that_cannot_be_attached_is_named() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name);
    rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), rustix::fs::Mode::RWXU).unwrap();
    for (path, kind) in [
        (path("missing"), io::ErrorKind::NotFound),
        (directory.path().to_owned(), io::ErrorKind::InvalidData),
        (path("pipe"), io::ErrorKind::InvalidData),
        (PathBuf::from("/dev/zero"), io::ErrorKind::InvalidData),
    ] {
        let error = AttachmentFile::open(&path).unwrap_err();
        assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
        assert!(matches!(error, MakeError::Attachment { source, .. } if source.kind() == kind));
    }
    // A file that is gone, or became a pipe, when it is read.
    let file = path("file");
    fs::write(&file, "x").unwrap();
    let draft = draft(vec![AttachmentFile::open(&file).unwrap()]);
    fs::remove_file(&file).unwrap();
    let message = path("message");
    let error = draft.write(&message, &Cancel::new()).unwrap_err();
    assert!(matches!(&error, MakeError::Attachment { path, .. } if *path == file), "{error}");
    assert!(!message.exists());
}

#[test]
fn a_file_of_the_system_whose_length_is_not_known_is_refused() {
    let path = Path::new("/proc/self/status");
    if !path.exists() {
        return println!("skipped: there is no {}", path.display());
    }
    let directory = TempDir::new().unwrap();
    let draft = draft(vec![AttachmentFile::open(path).unwrap()]);
    let message = directory.path().join("message");
    let error = draft.write(&message, &Cancel::new()).unwrap_err();
    assert!(matches!(error, MakeError::Changed { .. }), "{error}");
    assert!(!message.exists());
}

#[test]
fn a_file_that_grows_while_it_is_read_is_refused() {
    let directory = TempDir::new().unwrap();
    let (file, message) = (directory.path().join("log"), directory.path().join("message"));
    fs::write(&file, vec![0; 1 << 20]).unwrap();
    let draft = draft(vec![AttachmentFile::open(&file).unwrap()]);
    let stop = Cancel::new();
    let (grown, stopped) = (file.clone(), stop.clone());
    let (begun, has_begun) = mpsc::sync_channel(1);
    let writer = thread::Builder::new().spawn(move || {
        let mut log = fs::File::options().append(true).open(grown).unwrap();
        while !stopped.is_cancelled() {
            io::Write::write_all(&mut log, b"more").unwrap();
            let _ = begun.try_send(());
        }
    });
    has_begun.recv_timeout(Duration::from_secs(30)).unwrap();
    // The writer may get no turn while a file is read.
    let deadline = Instant::now() + Duration::from_secs(30);
    let error = loop {
        match draft.write(&message, &Cancel::new()) {
            Ok(_) if Instant::now() < deadline => fs::remove_file(&message).unwrap(),
            ended => break ended,
        }
    };
    stop.cancel();
    writer.unwrap().join().unwrap();
    assert!(matches!(error, Err(MakeError::Changed { path }) if path == file));
    assert!(!message.exists());
}

#[test]
fn too_many_or_too_large_files_are_refused_before_anything_is_read() {
    let directory = TempDir::new().unwrap();
    let (small, large) = (directory.path().join("small"), directory.path().join("large"));
    fs::write(&small, "x").unwrap();
    // A file of 50 MiB, which takes no room.
    fs::File::create(&large).unwrap().set_len(50 << 20).unwrap();
    let message = directory.path().join("message");
    let write = |files: Vec<AttachmentFile>| draft(files).write(&message, &Cancel::new());
    let small = AttachmentFile::open(&small).unwrap();
    assert!(matches!(write(vec![small; 101]), Err(MakeError::TooMany { max: 100 })));
    let large = AttachmentFile::open(&large).unwrap();
    assert!(matches!(write(vec![large]), Err(MakeError::TooLarge { size, .. }) if size > 64 << 20));
    assert!(!message.exists());
}

#[test]
fn making_and_saving_can_be_cancelled_and_leave_nothing() {
    let directory = TempDir::new().unwrap();
    let files = files(directory.path());
    let draft = draft(files.iter().map(|(file, _)| file.clone()).collect());
    let cancel = Cancel::new();
    cancel.cancel();
    let path = directory.path().join("message");
    assert!(matches!(draft.write(&path, &cancel), Err(MakeError::Cancelled)));
    assert!(!path.exists());
    let message = made(&draft);
    let saved = TempDir::new().unwrap();
    let error = save_attachment(message.as_slice(), 1, saved.path(), "anexo", &cancel);
    assert!(matches!(error, Err(SaveError::Cancelled)));
    assert_eq!(fs::read_dir(saved.path()).unwrap().count(), 0);
}

fn named(name: &str) -> Vec<u8> {
    format!("Content-Disposition: attachment; filename=\"{name}\"\r\n\r\nnew").into_bytes()
}

#[test]
fn an_attachment_is_saved_in_its_directory_alone_and_over_no_file() {
    let outer = TempDir::new().unwrap();
    let directory = outer.path().join("saved");
    fs::create_dir(&directory).unwrap();
    let secret = outer.path().join("secret");
    fs::write(&secret, "old").unwrap();
    symlink(&secret, directory.join("link")).unwrap();
    symlink(outer.path().join("nowhere"), directory.join("dangling")).unwrap();
    fs::write(directory.join("a.txt"), "old").unwrap();
    for (name, expected) in [
        ("../../.bashrc", "bashrc"),
        ("/etc/passwd", "passwd"),
        ("..", "anexo.txt"),
        ("a.txt", "a (2).txt"),
        ("a.txt", "a (3).txt"),
        ("link", "link (2)"),
        ("dangling", "dangling (2)"),
        (".", "anexo (2).txt"),
    ] {
        let path = save(&named(name), 0, &directory).unwrap();
        assert_eq!(path, directory.join(expected), "{name}");
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(!path.is_symlink());
    }
    assert_eq!(fs::read(&secret).unwrap(), b"old");
    assert_eq!(fs::read(directory.join("a.txt")).unwrap(), b"old");
    assert!(!outer.path().join("nowhere").exists());
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 11, "nothing temporary is left");
    assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 2);
}

#[test]
fn what_cannot_be_saved_leaves_nothing() {
    let directory = TempDir::new().unwrap();
    let missing = directory.path().join("missing");
    assert!(
        matches!(save(&named("a"), 0, &missing), Err(SaveError::Write { path, .. }) if path == missing)
    );
    let none = save(&named("a"), 1, directory.path());
    assert!(matches!(none, Err(SaveError::NoSuchAttachment(1))));
    // A source that ends with an error, as a content does that is not what its sender stated.
    struct Damaged(io::Cursor<Vec<u8>>);
    impl io::Read for Damaged {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            match self.0.read(room)? {
                0 => Err(io::ErrorKind::InvalidData.into()),
                count => Ok(count),
            }
        }
    }
    let damaged = Damaged(io::Cursor::new(named("a")));
    let error = save_attachment(damaged, 0, directory.path(), "anexo", &Cancel::new());
    assert!(matches!(error, Err(SaveError::Read(_))));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn all_attachments_of_a_message_are_saved_in_one_pass() {
    /// A source that counts the bytes that are read of it.
    struct Counted<'a>(&'a [u8], &'a Cell<usize>);
    impl io::Read for Counted<'_> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let count = self.0.read(room)?;
            self.1.set(self.1.get() + count);
            Ok(count)
        }
    }
    const COUNT: usize = 300;
    let mut message = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n".to_vec();
    for number in 0..COUNT {
        let name = if number % 2 == 0 { "a.txt" } else { "b.txt" };
        let head = format!("--x\r\nContent-Disposition: attachment; filename={name}\r\n\r\n");
        message.extend(head.into_bytes());
        message.extend(format!("{number}").into_bytes());
        message.extend(b"\r\n");
    }
    message.extend(b"--x--\r\n");
    let directory = TempDir::new().unwrap();
    let (read, cancel) = (Cell::new(0), Cancel::new());
    let mut saver = AttachmentSaver::new(Counted(&message, &read), directory.path(), "anexo");
    for index in 0..COUNT {
        let path = saver.save(index, &cancel).unwrap();
        assert_eq!(fs::read(&path).unwrap(), index.to_string().into_bytes());
        let (stem, number) = (if index % 2 == 0 { "a" } else { "b" }, index / 2 + 1);
        let name = match number {
            1 => format!("{stem}.txt"),
            _ => format!("{stem} ({number}).txt"),
        };
        assert_eq!(path, directory.path().join(name));
    }
    assert_eq!(read.get(), message.len(), "each byte is read once");
    assert!(matches!(saver.save(0, &cancel), Err(SaveError::NoSuchAttachment(0))));
    assert!(matches!(saver.save(COUNT, &cancel), Err(SaveError::NoSuchAttachment(COUNT))));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), COUNT);
}
