# The client's texts in English. The keys are those of pt-BR.ftl.

first-title = E-mail Service BSI Online Client
first-server = Choose a Server
first-register = Register an Account
first-login = Open My E-mail
first-recover = Set a Forgotten Password by a Code
first-quit = Quit
needs-server = choose a server first

server-address = Server address
server-port = Port
server-connecting = Connecting to { $address }…
server-available = Service Available
server-details = { $name } { $version }, { $milliseconds } ms
server-unavailable = Service Unavailable: { $reason }

register-invite = Invite
register-closed = This server takes no registrations.
invite-form = an invite has eight groups of four letters and digits
needs-invite = this server takes registrations by invite only: give it with --invite
register-full-name = Full name
register-username = Username (unique, no spaces)
register-password = Password (at least 8 characters)
register-password-again = The password again
register-passwords-differ = The passwords are not the same.
register-working = Registering…
register-done = Account { $username } registered.
register-invite-refused = the server does not take this invite: it was used already, has expired, or is another server's. Ask the server's operator for another one
register-failed = Registration failed: { $reason }
register-retry = Try again with the same?
register-taken = The username { $username } is taken; choose another.

login-username = Username
login-password = Password
login-working = Logging in…
login-rate-limited = too many logins from this network address have failed; for now the server refuses further ones, even with the right password. Try again in { $wait }, or ask the server's operator to end the wait (correiod unblock)
recover-rate-limited = too many logins or codes from this network address have failed; for now the server refuses further ones, even with the right code. Try again in { $wait }, or ask the server's operator to end the wait (correiod unblock)
login-failed = Login failed: { $reason }
login-app-password = this looks like an app password, which is for other mail programs only: type the password of the account
login-forgotten = Forgotten? The operator of this server can give you a code: choice 4 sets a new password with it.

recover-code = Code of the operator
recover-code-form = a code has four groups of four letters and digits
recover-done = The password of { $username } is set.
recover-failed = The password was not set: { $reason }
recover-wrong = unknown username, or a code that is wrong, expired or used. If an answer was lost before, try to log in with the new password.
recover-off = this server sets no passwords by codes: ask its operator
recover-unreadable = the code in { $path } cannot be read: { $reason }
needs-code = there is no terminal to ask for the code on: give a file with it by --code-file (- is standard input)

home-title = Welcome { $name }
home-send = Send E-mail
home-receive = Receive E-mails
home-logout = Log out
home-local = E-mails received before
home-drafts = Drafts ({ $count })
home-account = My account
home-sent = Sent e-mails
home-search = Search e-mails
home-new-mail = New e-mail from { $from }: { $subject }
home-waiting = { $count ->
    [one] 1 e-mail is waiting on the server.
   *[other] { $count } e-mails are waiting on the server.
}
home-stopping = The server has said that it stops; the connection is made again once it is back.
mailbox-usage = { $count ->
    [one] { $mails } of { $count } e-mail, { $bytes } of { $bytes_max } ({ $percent } %)
   *[other] { $mails } of { $count } e-mails, { $bytes } of { $bytes_max } ({ $percent } %)
}
mailbox-nearly-full = The mailbox on the server is { $percent } % full: receive its e-mails, or it will soon take no more.
wait-reconnecting = The server does not answer; connecting again. Ctrl-C cancels.
wait-stopping = The server has said that it stops; connecting again. Ctrl-C cancels.
session-ended = The session has ended; log in again.
logout-done = Goodbye, { $name }.

send-to = To (several, separated by commas)
send-draft-offer = There is a draft to { $to }: "{ $subject }". Enter alone goes on with it.
send-subject = Subject
send-body = Body (end with a line that is a single dot; a line of dots alone takes one dot more):
send-body-editor = (Ctrl-D ends it, too; Ctrl-X opens { $editor }, Ctrl-T attaches a file)
send-editor-failed = The editor { $editor } failed: { $reason }
send-working = Sending…
send-done = E-mail sent
send-unknown = No Such Recipient
send-failed = The e-mail could not be sent: { $reason }
send-cancelled = Sending was cancelled; the e-mail may have arrived all the same. Sending the draft again does not make two of it.
send-cancelled-unsent = Sending was cancelled before the e-mail was sent.
send-unknown-names = Unknown: { $names }
send-kept = The e-mail was kept as a draft: go on with it by choice 4 or 8.
send-leave = What is to become of the e-mail?
send-leave-keep = Keep it as a draft
send-leave-discard = Discard it
send-discarded = E-mail discarded.
send-not-kept = The draft could not be kept: { $reason }

receive-working = Receiving E-mails…
receive-count = { $count ->
    [one] { $shown } e-mail received:
   *[other] { $shown } e-mails received:
}
receive-none = 00 e-mails received
receive-choose = Which e-mail to read:
receive-choose-hint = (0 goes back)
receive-progress = { $count ->
    [one] { $count } e-mail…
   *[other] { $count } e-mails…
}
receive-failed = Receiving failed: { $reason }
receive-saved = What had been received is kept in { $directory }.
receive-damaged = the e-mail { $subject } from { $from } did not arrive as it was sent. It stays on the server, and the next download fetches it again. If it never arrives whole, correio receive --delete-damaged deletes it there.
receive-damaged-deleted = the e-mail { $subject } from { $from } did not arrive as it was sent, and was deleted on the server.
choice-unknown = There is no choice { $choice }.

mail-from = From
mail-to = To
mail-date = Date
mail-subject = Subject
mail-id = Id
mail-replaced = (Parts of this text are not UTF-8 and are shown as �. In the file they are as they arrived.)
mail-more = -- Enter goes on, Esc goes back --
mail-end = -- (END) Enter or Esc goes back, PgUp goes up --
mail-keys = -- r answer, a answer all, f forward, s save files, d delete, i important --
    -- n next, p previous, v source, Enter goes back to the list --
mail-keys-end = -- r answer, a answer all, f forward, s save files, d delete, i important --
    -- (END) n next, p previous, v source, Enter goes back to the list --
mail-attachment = Attachment [{ $number }]: { $name } ({ $type }, { $size })
mail-attachment-damaged = Attachment [{ $number }]: { $name } ({ $type }, { $size }, damaged)
mail-unnamed = without a name
mail-more-parts = { $count ->
    [one] (This message has { $count } more part, which is not listed. In the file it is as it arrived.)
   *[other] (This message has { $count } more parts, which are not listed. In the file they are as they arrived.)
}
mail-html = (This text was made from HTML: layout and pictures are left out.)
mail-no-text = (This message has no text.)
mail-text-cut = (This text is longer than what is shown. In the file it is whole.)
mail-characters-replaced = (Some characters of this text could not be read, and are shown as �.)
mail-other-author = ATTENTION: this message names another author: { $from }. Its sender is the one above.
mail-source = The file { $path }:
mail-source-cut = The first MiB of the file { $path }:
mail-no-next = This is the last e-mail of the list.
mail-no-previous = This is the first e-mail of the list.
mail-delete-sure = Delete this e-mail on this computer?
mail-important = The e-mail is marked as important.
mail-not-important = The e-mail is not marked as important any more.
reply-attribution = On { $date }, { $name } wrote:
forward-title = Forwarded e-mail
forward-working = Attaching the files of the e-mail…
send-no-thread = This server takes no threads: the e-mail was sent as a plain text.
attachment-name = attachment
attach-question = File to attach (none if empty, -1 removes the first)
attach-line = Attached [{ $number }]: { $name } ({ $size })
attach-removed = Removed [{ $number }]: { $name } ({ $size })
attach-no-such = there is no attachment { $number }
file-not-found = the file or directory does not exist
file-not-allowed = permission denied
file-not-regular = it is not a file
file-no-room = the disk is full
attach-unreadable = { $path } cannot be attached: { $reason }
attach-changed = { $path } was changed since it was attached; attach it again
attach-too-many = at most { $max } files can be attached
attach-too-large = with its attachments the e-mail would have { $size }; at most { $max } can be sent
attach-not-made = the e-mail could not be put together: { $reason }
save-which = Attachments to save (numbers with commas; Enter saves all)
save-where = Directory
save-no-directory = { $path } is no directory
save-none = This e-mail has no attachments.
save-no-attachments = the e-mail has no attachments
save-working = Saving…
save-done = Saved: { $path }
save-failed = { $path } could not be saved: { $reason }
save-too-many = { $path }: there are too many files of this name
local-title = E-mails kept on this computer, in { $directory }:
local-empty = There are no e-mails on this computer.
local-listing = Reading the names of the senders…
local-gone = the e-mail is not here any more
sent-title = Sent e-mails kept on this computer, in { $directory }:
sent-empty = There are no sent e-mails on this computer.
sent-to = To { $names }
sent-not-kept = The e-mail was sent, but no copy of it could be kept on this computer: { $reason }
search-question = Words to look for
search-working = Searching…
search-none = No e-mail was found.
search-count = { $count ->
    [one] One e-mail was found:
   *[other] { $count } e-mails were found:
}
search-more = The newest { $shown } of { $count } e-mails are shown.
search-no-words = there are no words to look for
search-too-long = at most 32 words of 1000 bytes in all can be looked for
list-page = { $count ->
    [one] Page { $page } of { $pages }; { $count } e-mail
   *[other] Page { $page } of { $pages }; { $count } e-mails
}
list-no-page = there is no page { $page }; the last one is { $pages }
delete-done = { $count ->
    [one] E-mail deleted on this computer.
   *[other] { $count } e-mails deleted on this computer.
}
mark-done = { $count ->
    [one] E-mail marked.
   *[other] { $count } e-mails marked.
}
mark-nothing = say how to mark: --important, --not-important, --read or --unread
local-skipped = { $path } is left out: { $reason }
mailbox-not-synced = { $path }: this file system does not confirm that e-mail is on the disk ({ $reason }). After a power failure, what was received just before it may be missing.
mailbox-not-marked = { $path }: this file system cannot mark e-mail as read ({ $reason }). The e-mail is kept, and is listed as new again.

stranger = (unknown)
mail-stranger = Warning: { $from } is neither in your address book nor somebody whom you have written to. The name looks like that of { $known }, whom you know.

completion-keys = Tab and the arrows choose, Enter takes, Esc closes
completion-searching = Looking in the server's directory…
completion-more = More people have this in their names: type more of it
completion-none = Nobody is known by this name.
completion-more-files = More names begin like this: type more of it
completion-no-file = No file has this name.

nickname-line = { $nickname }: { $people }
nickname-none = The address book is empty.
nickname-removed = { $nickname } was removed from the address book.
nickname-unknown = the address book does not have { $nickname }
nickname-empty = a nickname must not be empty
nickname-too-long = a nickname may have at most { $limit } characters
nickname-character = a nickname has letters, digits, dots, underscores and hyphens, and must not contain { $character }
address-book-io = the address book { $path } cannot be used: { $reason }
address-book-line = line { $line } of the address book { $path } is not “NICKNAME USERNAME FULL NAME” (the full name may be missing): mend or delete the line. Nothing was changed.
address-book-full = the address book { $path } may have at most 5,000 entries: delete those that are not needed
address-book-too-many = { $nickname } may stand for at most 100 people
address-book-locked = another program keeps { $path } locked: try again, or end that program

drafts-title = Drafts
drafts-empty = There are no drafts.
drafts-listing = Reading the drafts…
drafts-opening = Opening the draft…
drafts-back = Back
draft-send = Send
draft-edit = Change
draft-delete = Delete
draft-attachments = { $count ->
    [one] (1 attachment)
   *[other] ({ $count } attachments)
}
draft-deleted = Draft deleted.

account-title = My account
account-usage = At the login: { $used }
account-name = Change the full name
account-password = Change the password
account-delete = Delete the account
account-app-passwords = App passwords for other mail programs
account-back = Back
account-current = Present password
account-new = New password (at least 8 characters)
account-working = Changing…
account-done = Changed.
account-failed = The change failed: { $reason }
account-delete-sure = Delete the account { $username } and its e-mails on the server?
account-deleted = Account { $username } deleted.
app-password-title = App passwords
app-password-create = Make an app password
app-password-revoke = Revoke an app password
app-password-label = Label of the app password (for example: phone)
app-password-which = App password to revoke (label or number)
app-password-working = Asking the server…
app-password-made = App password for { $label }: { $password }
app-password-use = In the mail program, log in as { $username } and type the app password in place of the password. The app password is not shown again.
app-password-none = There are no app passwords.
app-password-line = { $label } (number { $id }): made { $made }; { $used }
app-password-used = last used { $day } from { $from }
app-password-unused = never used
app-password-revoked = App password { $label } revoked. The program that had it cannot log in any more.
app-passwords-revoked = { $count ->
    [one] 1 app password was revoked: the mail program that used it needs a new one.
   *[other] { $count } app passwords were revoked: the mail programs that used them need new ones.
}
app-passwords-may-be-revoked = The app passwords, if there were any, were revoked: mail programs need new ones.
app-password-unknown = there is no app password { $name }
app-password-off = this server has no app passwords

prompt-choice = Choice
prompt-yes = y
prompt-yes-no = (y/n)
unavailable = unavailable: { $reason }
interrupted = interrupted

field-username = the username
field-full-name = the full name
field-subject = the subject
field-body = the body
field-message = the message
field-content = the content
field-piece = the piece
field-mail-id = the e-mail's id
field-recipients = the list of recipients
field-password = the password
field-query = the part of a name
field-label = the label
field-title = the title
field-software = the program's name
problem-empty = { $field } must not be empty
problem-too-short = { $field } needs at least { $limit }
problem-too-long = { $field } may have at most { $limit }
problem-character = { $field } must not contain { $character }: { $allowed }
problem-start = { $field } must not start with { $character }: { $allowed }
problem-form = { $field } is not of the right form: { $allowed }
unit-characters = { $count ->
    [one] { $count } character
   *[other] { $count } characters
}
unit-bytes = { $count ->
    [one] { $count } byte
   *[other] { $count } bytes
}
unit-seconds = { $count ->
    [one] { $count } second
   *[other] { $count } seconds
}
unit-minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
unit-hours = { $count ->
    [one] { $count } hour
   *[other] { $count } hours
}
unit-recipients = { $count ->
    [one] { $count } username
   *[other] { $count } usernames
}
username-with-domain = a username has no @: write the name alone, for example tony in place of tony@mail.example.org
allowed-username = a username has the letters a to z without accents, digits, dots, underscores and hyphens, and starts with a letter or a digit
allowed-line = it is one line, without control characters
allowed-text = it is Unicode text
allowed-mail-id = it is a UUID of version 7

address-empty = write a name, an IPv4 address or an IPv6 address
address-host = { $text } is neither a name nor an IP address
address-port = { $text } is not a port (1 to 65535)

connect-name-not-found = the name { $host } was not found
connect-refused = the connection was refused; is there a server on this port?
connect-timed-out = nobody answered in time
connect-not-correio = what answered is not a correio server
connect-no-tls = the server does not speak TLS 1.3; a laboratory's may want --plaintext
connect-tls = TLS failed: { $detail }
connect-other-version = the server speaks another version of the protocol ({ $versions })
connect-busy = the server is full; try again in { $wait }
connect-cancelled = cancelled
connect-io = { $detail }

request-timed-out = the server did not answer in time
request-cancelled = cancelled
request-session-ended = the session has ended; log in again
request-other-servers-realm = the server says that it keeps the mail of { $keeper }, which is known as another server; somebody may be posing as it. Nothing was sent. If both are the same server, accept the present certificate of { $keeper } first: correio trust { $keeper }
request-too-large = the e-mail has { $size }, above the server's limit of { $limit }
request-no-messages = the server takes no e-mail with attachments
request-answer = the server sent an answer that makes no sense ({ $reason })
request-overloaded = too many requests are under way
request-closed = the connection was closed
receive-page = the server sent a page that makes no sense ({ $reason })

error-bad_credentials = unknown username or wrong password
error-username_taken = the username is taken
error-unknown_recipient = no such recipient: { $names }
error-mailbox_full = the mailbox is full: { $names }
error-too_large = too large for the server
error-invalid = the server does not accept it: { $text }
error-not_authenticated = log in first
error-not_allowed = the server does not allow it: { $text }
error-busy = the server is busy; try again in { $wait }
error-rate_limited = too many requests in a short time; try again in { $wait }
error-conflict = another e-mail was sent with this id
error-incomplete = the server does not have the whole content any more; send the e-mail again
error-no_such_mail = the e-mail is not on the server any more
error-no_such_list = there is no such list
error-disabled = the operator of this server has disabled this account
error-may_not_send = the list takes no e-mail of this account: { $names }
error-list_full = a list, and all lists of one e-mail together, have at most 10,000 members, and an account makes at most 200 lists
error-label_taken = another app password has this label
error-app_passwords_full = an account has at most 20 app passwords: revoke one first
error-unavailable = the server could not do it now; try again
error-protocol = the server did not understand: { $text }
error-version = the server speaks another version of the protocol
error-other = { $text }

trust-offer = No known authority answers for the certificate of { $address }: { $doubt }.
    Its fingerprint is
    { $found }
    Compare it with the one that the server prints when it starts (correiod fingerprint --data-dir DIR).
trust-question = Is it the same, and do you trust this server?
trust-unknown = the certificate of { $address } is not trusted: { $doubt }. Its fingerprint is
    { $found }
    Compare it with the one that the server prints (correiod fingerprint --data-dir DIR) and, if it is the same, type:
    correio trust { $address }
trust-changed = THE CERTIFICATE OF { $address } HAS CHANGED. Somebody may be posing as this server. Nothing was sent.
    expected: { $expected }
    found: { $found }
    If whoever runs the server says that this is its new certificate, type: correio trust { $address }
trust-no-longer-vouched = A PUBLIC AUTHORITY VOUCHED FOR { $address } BEFORE, and none vouches for the certificate that it shows now: { $doubt }. Somebody may be posing as this server. Nothing was sent.
    found: { $found }
    If whoever runs the server says that this is its new certificate, type: correio trust { $address }
trust-no-longer-vouched-offer = A PUBLIC AUTHORITY VOUCHED FOR { $address } BEFORE, and none vouches for the certificate that it shows now: { $doubt }. Somebody may be posing as this server. Nothing was sent.
    shown now:
    { $found }
    Accept it only if the server's operator confirms a new certificate, with the fingerprint that the server prints now (correiod fingerprint --data-dir DIR).
trust-accepted = The certificate of { $address } is accepted.
trust-vouched = Public authorities vouch for the certificate of { $address }; there is nothing to accept.
trust-forgotten = The certificate of { $address } is forgotten; the next contact is a first contact again.
trust-not-known = No certificate of { $address } was accepted.
trust-none = No certificates were accepted.
trust-known = The certificate of { $address } is accepted already; nothing has changed.
trust-not-accepted = The certificate of { $address } was not accepted; nothing has changed.
trust-changed-offer = THE CERTIFICATE OF { $address } HAS CHANGED. Somebody may be posing as this server. Nothing was sent.
    accepted before:
    { $expected }
    shown now:
    { $found }
    Accept it only if the server's operator confirms a new certificate, with the fingerprint that the server prints now (correiod fingerprint --data-dir DIR).
trust-nobody-to-ask = There is no terminal to ask on. If it is the same, type: correio trust { $address } --fingerprint { $found }
trust-other-than-stated = { $address } does not show the certificate that --fingerprint or CORREIO_FINGERPRINT states. Somebody may be posing as this server. Nothing was sent.
    stated: { $expected }
    found: { $found }
doubt-unknown-issuer = it signs itself, or nobody known has signed it
doubt-expired = it has expired, or this computer's clock is wrong
doubt-not-yet-valid = it is not valid yet, or this computer's clock is wrong
doubt-other-name = it is the certificate of another name
known-servers-error = the file of known servers: { $reason }

mailbox-error = the mailbox on this computer: { $reason }
no-such-mail = there is no e-mail number { $number }
locked = another client is receiving e-mails of this account
needs-server-option = name the server with --server or CORREIO_SERVER
needs-user-option = name the user with --user or CORREIO_USER
list-set-nothing = say what to change: --title, --senders or both
list-created = List { $name } made.
list-set = List { $name } changed.
list-added = List { $name }: members added.
list-removed = List { $name }: members removed.
list-deleted = List { $name } deleted.
list-none = The account is in no list.
list-no-account = no account: { $names }. The members of a list are accounts; a list cannot be in a list. Nothing was changed
list-create-not-allowed = this server lets nobody make lists: only its operator can turn it on
list-change-not-allowed = only an owner may change a list, and a list keeps at least one owner
list-remove-not-allowed = nothing was removed. Only an owner may remove others; to leave as the last owner, first make another one (correio list add LIST NAME --owner); nobody leaves the list of all accounts
list-delete-not-allowed = only an owner may delete a list, and the list of all accounts stays
list-line = { $name }: { $title } (members: { $members }; { $role }; { $senders })
list-member = { $username }: { $full_name }
list-owner = { $username }: { $full_name } (owner)
list-members-more = … and more
list-role-owner = you own it
list-role-member = you are a member
list-role-none = you are no member
list-senders-owners = owners may send
list-senders-members = members may send
list-senders-everybody = everybody may send
needs-signature = there is no signature: set one with correio config set signature TEXT
password-command-failed = the password command failed: { $reason }
password-command-silent = it printed nothing
config-line = { $path }, line { $line }: { $reason }
config-not-regular = the configuration file is not a regular file
config-too-large = the configuration file has more than 64 KiB
config-not-utf8 = the configuration file is not UTF-8 text
config-unknown-key = there is no setting { $key }; the settings are { $keys }
config-not-text = the value of { $key } must be a text in quotation marks
config-language = the language is pt or en
config-command = a command is a line that is not empty
config-signature = a signature is text, without control characters
config-writable-by-others = the file names a command that correio would run, and somebody else may change the file. Run: chmod go-w { $path }
config-no-home = there is no home directory for the configuration file
config-empty = Nothing is set in { $path }.
config-set = { $key } set.
config-unset = { $key } removed.
config-not-set = { $key } is not set.
watch-exec-failed = the command for e-mail [{ $number }] failed: { $reason }
watch-gone = the e-mail { $subject } from { $from } is not here any more; the command did not run for it.
watch-not-marked = the e-mail { $subject } from { $from } cannot be marked as handed over, so that the command did not run for it. It stays new.
watch-no-notification = The desktop's notifications do not work ({ $reason }); everything else goes on.
man-more = MORE
needs-password = there is no terminal to ask for the password: set CORREIO_PASSWORD or --password-command, or give it as the first line of standard input with --password-stdin
password-stdin-empty = the first line of standard input, which --password-stdin takes as the password, is empty
body-not-text = the body is not UTF-8 text from line { $line } on; nothing was sent. For a text in Latin-1, for instance: iconv -f LATIN1 -t UTF-8 FILE | correio send … A file that is no text goes with --attach.
body-unreadable = could not read { $path }: { $reason }
body-changed = { $path } was changed while it was sent; nothing was sent. Send the e-mail again once the file no longer changes.
password-not-text = the password is not UTF-8 text
password-byte-order-mark = A byte-order mark before the password was left out.
clock-before-1970 = this computer's clock is set to a time before 1970; set it and try again
command-body = Body (end with Ctrl-D, or with a line that is a single dot; Ctrl-X opens an editor, Ctrl-T attaches a file):
command-sent = E-mail sent
find-none = The directory finds nobody by this text.
find-more = There are more: a longer text finds fewer.
find-off = this server shows no directory: only its operator can turn it on
command-registered = Account { $username } registered.
command-recovered = The password of { $username } is set. Now: correio --server { $address } --user { $username } status
status-server = Server: { $address }, { $name } { $version }
status-account = Account: { $name }; e-mails waiting: { $waiting }
status-mailbox = Mailbox on the server: { $used }
status-registration-open = Registration: open
status-registration-invite = Registration: by invite
status-registration-closed = Registration: closed
status-capabilities = Capabilities: { $names }
status-fingerprint = Trust: the accepted certificate { $fingerprint }
status-authorities = Trust: a certificate of a public authority
status-plaintext = Trust: none, without TLS
status-local = On this computer: received { $received } (not read { $unread }), sent { $sent }, drafts { $drafts }
command-available = Service Available: { $name } { $version } at { $address }, { $milliseconds } ms
command-draft = The e-mail was kept as a draft, which the menus offer: { $file }

login-password-of = Password of { $username } (Esc changes the username)
home-new-mails = { $count } new e-mails; the last is from { $from }: { $subject }
send-body-no-editor = (Ctrl-X opens an editor: set EDITOR, for example EDITOR=nano)
    (Ctrl-D ends the body, too; Ctrl-T attaches a file)
list-more = -- Enter or PgDn goes on, PgUp goes back, a number chooses, Esc ends --
list-end = -- (END) Enter or Esc ends, PgUp goes back, a number chooses --
drafts-choose = Which draft to open:
drafts-skipped = { $path }: not a draft that can be read ({ $reason }); it was left as it is
drafts-in-use = { $count ->
    [one] One draft is open in another program.
   *[other] { $count } drafts are open in other programs.
}
prompt-not-text = the input is not UTF-8 and was ignored: set the terminal to UTF-8
prompt-one-line = a password has one line; the pasted text was not used
prompt-first-line = only the first line of the pasted text was used
prompt-line-cut = this terminal passes on at most 4095 bytes a line; the line above was cut off and ignored: type shorter lines
help-about = A client for the correio mail service. Without a command it opens its menus.
help-heading-usage = Usage
help-heading-commands = Commands
help-heading-arguments = Arguments
help-heading-options = Options
help-environment = [environment: { $variable }]
help-possible-values = [possible values: { $values }]
help-default = [default: { $values }]
help-command-ping = Say whether a correio server is there, and how long it takes to answer
help-command-register = Make an account
help-command-recover = Set a forgotten password by a code of the server's operator
help-command-app-password = Make, show or revoke passwords with which other mail programs log in
help-command-app-password-create = Make an app password and show it, once
help-command-app-password-list = Show the app passwords: when they were made, and when and from where they were last used
help-command-app-password-revoke = Revoke an app password
help-command-status = Show the server, the account, and how full its mailbox is
help-command-send = Send a mail; the body is read from standard input unless it is given
help-command-receive = Download all mail, keep it on this computer, confirm it, and list what is new
help-command-find = Look people up in the server's directory
help-command-list = List the mail kept on this computer, or work with the lists that the server keeps
help-command-list-create = Make a list, whose first owner is the user
help-command-list-members = Show the members of a list
help-command-list-add = Add members to a list, or change their role
help-command-list-remove = Remove members from a list
help-command-list-set = Change the title of a list, or whose mail it takes
help-command-list-delete = Delete a list; mail that was sent to it stays
help-command-list-mine = Show the lists that the user owns or is a member of
help-command-read = Show one mail kept on this computer
help-command-search = Find mails kept on this computer, received and sent
help-command-delete = Delete mails on this computer; the server is not asked
help-command-mark = Mark mails on this computer as important, read or not read
help-command-nickname = Show the address book, or one nickname; add people to a nickname, or remove them
help-command-trust = Accept a server's certificate, also after it changed; without a server, list the accepted certificates
help-command-watch = Stay connected, receive mail as it comes, and print a line for each
help-command-config = Show or change the defaults in the configuration file
help-command-config-list = List the defaults that are set
help-command-config-get = Show a default
help-command-config-set = Set a default
help-command-config-unset = Remove a default
help-command-config-path = Show the path of the configuration file
help-command-completions = Print the script with which a shell completes this command line
help-command-man = Write the manual pages into a directory, for packages
help-command-help = Show the help of the program or of a command
help-option-server = The server: a name, an IPv4 or an IPv6 address, with a port unless it is 8888
help-option-user = The username of the account
help-option-plaintext = Connect without TLS: only for tests and for servers on this computer
help-option-fingerprint = The fingerprint of the server's certificate, as `correiod fingerprint` prints it
help-option-json = Print one JSON document on standard output, errors included
help-option-password_stdin = Take the password from the first line of standard input
help-option-password_command = A command that prints the password as the first line of standard output
help-option-data_dir = Where mail, drafts and the address book are kept [default: ~/.local/share/correio]
help-option-lang = The language [default: that of the configuration, LC_ALL, LC_MESSAGES or LANG; otherwise Portuguese]
help-option-help = Show this help
help-option-version = Show the version
help-register-name = The person's full name
help-register-invite = The invite, for a server that takes registrations by invite
help-recover-username = The username of the account, in place of --user
help-recover-code_file = A file whose first line is the code; - is standard input
help-app-password-create-label = Label of the app password, such as a program and its device
help-app-password-revoke-app_password = Label of the app password, or its number in the list
help-send-to = The recipients: usernames, or nicknames with an @ before each, separated by commas
help-send-subject = The subject
help-send-body = The body
help-send-body_file = A file with the body; - is standard input
help-send-signature = Put the signature of the configuration file under the body
help-receive-keep = Leave the mail on the server, for another device
help-watch-exec = Run this command for each mail, with the mail's fields in its environment, instead of printing
help-watch-notify = Show new mail as notifications of the desktop
help-watch-keep = Leave the mail on the server, for another device
help-config-get-key = The name of the default
help-config-set-key = The name of the default
help-config-set-value = The value
help-config-unset-key = The name of the default
help-completions-shell = The shell to complete for
help-man-directory = The directory, such as /usr/share/man
help-receive-delete_damaged = Delete mails on the server whose content is not the one that their sender stated
help-find-text = A part of a username or full name; one or two letters, only at its beginning
help-list-create-list = The list's name, which no account has
help-list-create-title = What people call it
help-list-create-senders = Whose mail it takes
help-list-members-list = The list's name
help-list-add-list = The list's name
help-list-add-who = The members' usernames
help-list-add-owner = Make them owners
help-list-remove-list = The list's name
help-list-remove-who = The members' usernames
help-list-set-list = The list's name
help-list-set-title = What people call it
help-list-set-senders = Whose mail it takes
help-list-delete-list = The list's name
help-read-number = The mail's number in the list; that of a sent mail begins with s
help-list-unread = Only mails that were not read
help-list-important = Only mails that are marked as important
help-list-from = Only mails of senders whose username or full name has this part
help-list-has_attachment = Only mails with attachments
help-list-sent = The mails that were sent
help-list-newest_first = The newest mail first
help-list-oldest_first = The oldest mail first; this is the default
help-list-page = One page of 50 mails
help-search-words = Words that must all occur in the subject, the names or the text, whatever their case and accents
help-search-from = Only mails of senders whose username or full name has this part
help-search-recipient = Only mails to recipients whose username has this part
help-search-subject = Only mails whose subject has these words
help-search-since = Only mails of this day or later
help-search-until = Only mails of this day or earlier
help-search-has_attachment = Only mails with attachments
help-search-sent = Only mails that were sent
help-search-received = Only mails that were received
help-delete-number = The mails' numbers in the list
help-mark-number = The mails' numbers in the list
help-mark-important = Mark them as important
help-mark-not_important = Take the mark for important mails away
help-mark-read = Mark them as read
help-mark-unread = Mark them as not read
help-nickname-nickname = The nickname; among recipients it has an @ before it
help-nickname-people = Usernames that the nickname stands for
help-nickname-remove = Remove these people from the nickname, or the nickname itself where none is named
help-command-reply = Answer a mail; the text is read from standard input unless it is given
help-command-forward = Forward a mail with its attachments; a text before it is read from standard input unless it is given
help-command-save = Save the attachments of a mail, and print the files' names
help-send-attach = Files to attach
help-reply-number = The mail's number in the list; that of a sent mail begins with s
help-reply-all = Answer the sender and the other recipients
help-reply-body = The text, which stands after the quotation
help-reply-body_file = A file with the text; - is standard input
help-reply-attach = Files to attach; write N before this option
help-reply-signature = Put the signature of the configuration file under the body
help-forward-number = The mail's number in the list; that of a sent mail begins with s
help-forward-to = The recipients: usernames, or nicknames with an @ before each, separated by commas
help-forward-body = A text before the mail
help-forward-body_file = A file with a text before the mail; - is standard input
help-forward-attach = More files to attach; write N before this option
help-forward-signature = Put the signature of the configuration file under the body
help-save-number = The mail's number in the list; that of a sent mail begins with s
help-save-dir = The directory for the files [default: the present one]
help-save-attachment = Only the attachments with these numbers; write N before this option
help-trust-address = The server
help-trust-forget = Forget its certificate: the next contact is the first
help-value-command = COMMAND
help-value-options = OPTIONS
help-value-server = HOST:PORT
help-value-user = NAME
help-value-fingerprint = SHA256:…
help-value-data_dir = DIR
help-value-lang = LANGUAGE
help-value-name = FULL NAME
help-value-invite = CODE
help-value-username = NAME
help-value-code_file = FILE
help-value-label = LABEL
help-value-app_password = LABEL
help-value-to = NAME{"["},NAME…]
help-value-subject = TEXT
help-value-list = LIST
help-value-title = TEXT
help-value-senders = WHO
help-value-who = NAME
help-value-body = TEXT
help-value-body_file = FILE
help-value-text = TEXT
help-value-number = N
help-value-from = NAME
help-value-recipient = NAME
help-value-page = PAGE
help-value-words = WORDS
help-value-since = YYYY-MM-DD
help-value-until = YYYY-MM-DD
help-value-nickname = NICKNAME
help-value-people = NAME
help-value-attach = FILE
help-value-dir = DIR
help-value-attachment = K
help-value-address = HOST:PORT
help-value-password_command = COMMAND
help-value-exec = COMMAND
help-value-key = KEY
help-value-value = VALUE
help-value-shell = SHELL
help-value-directory = DIR
help-after =
    Examples:
      correio                     the menus
      export CORREIO_SERVER=mail.example
      correio trust mail.example  accept a server's certificate, or its new one
      correio ping
      correio --user tony register --name 'Tony Stark'
      correio --user pepper register --name 'Pepper Potts'
      echo 'Até já' | correio --user tony send --to pepper --subject Jantar
      correio --user pepper receive
      correio --user pepper read 1

    The password comes from --password-stdin (the first line), --password-command, CORREIO_PASSWORD or the configuration, otherwise from a question on the terminal; never from an argument.

    The mail on this computer is kept in files of the operating system's user: list, read, search, save, delete and mark ask for no password.

    Exit status: 0 done; 64 wrong usage; 65 bad data (unknown recipient, refused text); 69 server not reachable; 74 something on this computer failed; 75 try again later (busy, rate limited, mailbox full); 77 not allowed (bad credentials, untrusted certificate); 78 bad configuration; 129, 130, 131 and 143 after SIGHUP, SIGINT, SIGQUIT and SIGTERM.

usage-invalid-value = "{ $value }" is not a valid value for { $argument }
usage-value-missing = { $argument } needs a value
usage-valid-values = Allowed values:
usage-unknown-argument = there is no argument { $argument }
usage-unknown-command = there is no command { $command }
usage-no-equals = { $argument } needs an equals sign before its value
usage-too-many-values = { $argument } takes no further value ({ $value })
usage-too-few-values = { $argument } needs more values
usage-repeated = { $argument } may be given once only
usage-conflict = { $argument } and { $other } cannot be given together
usage-missing = required, but missing: { $argument }
usage-missing-command = a command is missing
usage-needs-command = { $option } works with a command only, not with the menus
usage-not-text = an argument is not UTF-8 text
usage-other = the command line cannot be read
usage-similar = Did you mean:
usage-takes-rest = { $argument } takes all values after it: write { $missing } before it
usage-more = More: { $command } --help
usage-variable = The value is that of { $variable }.
usage-form-fingerprint = a fingerprint is SHA256: followed by 32 pairs of hexadecimal digits, separated by colons
usage-form-number = the number of a mail is a whole number, at least 1, with s before it for a sent mail
usage-form-attachment = the number of an attachment is a whole number, at least 1
usage-form-page = the number of a page is a whole number, at least 1
usage-form-date = a day is written year-month-day, for example 2026-11-30
