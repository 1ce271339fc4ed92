//! `correio list` with a command: the lists that the server keeps.

use correio_client::{RequestError, Service, WhiteSpace, sanitize};
use correio_proto::{
    mail::{FullName, Recipients, Username},
    message::{ErrorCode, ListChange, ListMember, ListOverview, MembersPage, Role, SendPolicy},
};
use serde_json::{Value, json};

use super::context::Context;
use crate::{
    exit::{ExitStatus, Failure},
    list_args::ListCommand,
    output::Output,
    text::Text,
};

/// Most members that are shown. A list has fewer; the list of all accounts may have more.
const SHOWN_MAX: usize = 100_000;

pub(super) fn run(context: &Context<'_>, command: &ListCommand) -> Result<Output, Failure> {
    match command {
        ListCommand::Create { list, title, senders } => {
            let (name, title) = (parsed(context, list)?, parsed_title(context, title)?);
            let change = ListChange::Create { title, senders: (*senders).into() };
            change_list(context, &name, change, "list-created")
        }
        ListCommand::Members { list } => members(context, &parsed(context, list)?),
        ListCommand::Add { list, who, owner } => {
            let (name, members) = (parsed(context, list)?, recipients(context, who)?);
            let role = if *owner { Role::Owner {} } else { Role::Member {} };
            change_list(context, &name, ListChange::Add { members, role }, "list-added")
        }
        ListCommand::Remove { list, who } => {
            let (name, members) = (parsed(context, list)?, recipients(context, who)?);
            change_list(context, &name, ListChange::Remove { members }, "list-removed")
        }
        ListCommand::Set { title: None, senders: None, .. } => {
            let said = context.text.of("list-set-nothing");
            Err(Failure::new(ExitStatus::Usage, "usage", said))
        }
        ListCommand::Set { list, title, senders } => {
            let title = title.as_deref().map(|title| parsed_title(context, title)).transpose()?;
            set(context, &parsed(context, list)?, title, senders.map(Into::into))
        }
        ListCommand::Delete { list } => {
            let name = parsed(context, list)?;
            change_list(context, &name, ListChange::Delete {}, "list-deleted")
        }
        ListCommand::Mine => mine(context),
    }
}

fn parsed(context: &Context<'_>, name: &str) -> Result<Username, Failure> {
    name.parse().map_err(|invalid| Failure::invalid(context.text, invalid))
}

fn parsed_title(context: &Context<'_>, title: &str) -> Result<FullName, Failure> {
    title.parse().map_err(|invalid| {
        Failure::new(ExitStatus::BadData, "invalid", context.text.invalid_title(invalid))
    })
}

/// Usernames as separate arguments, or separated by commas.
fn recipients(context: &Context<'_>, who: &[String]) -> Result<Recipients, Failure> {
    who.join(",").parse().map_err(|invalid| Failure::invalid(context.text, invalid))
}

fn change_list(
    context: &Context<'_>,
    name: &Username,
    change: ListChange,
    said: &str,
) -> Result<Output, Failure> {
    let (service, _) = context.log_in()?;
    change_with(context, &service, name, change)?;
    let said = context.text.with(said, &[("name", name.to_string().into())]);
    Ok(Output::new(said, json!({ "list": name.as_str() })))
}

fn change_with(
    context: &Context<'_>,
    service: &Service,
    name: &Username,
    change: ListChange,
) -> Result<(), Failure> {
    let not_allowed = not_allowed_key(&change);
    service.change_list(name, change, &context.cancel).map_err(|error| {
        let failure = Failure::request(context.text, &error);
        let code = match &error {
            RequestError::Refused(refusal) => Some(&refusal.code),
            _ => None,
        };
        let text = match code {
            Some(ErrorCode::UnknownRecipient) => {
                let names = failure.recipients.join(", ");
                context.text.with("list-no-account", &[("names", names.into())])
            }
            Some(ErrorCode::NotAllowed) => context.text.of(not_allowed),
            _ => return failure,
        };
        Failure { text, ..failure }
    })
}

/// The text of why a server allows no such change. The server's own text is in English alone.
fn not_allowed_key(change: &ListChange) -> &'static str {
    match change {
        ListChange::Create { .. } => "list-create-not-allowed",
        ListChange::Remove { .. } => "list-remove-not-allowed",
        ListChange::Delete {} => "list-delete-not-allowed",
        ListChange::Add { .. } | ListChange::Set { .. } => "list-change-not-allowed",
    }
}

/// Changes what is given; the server takes both values.
fn set(
    context: &Context<'_>,
    name: &Username,
    title: Option<FullName>,
    senders: Option<SendPolicy>,
) -> Result<Output, Failure> {
    let (service, _) = context.log_in()?;
    let page = service.list_members(name, None, &context.cancel);
    let present = page.map_err(|error| Failure::request(context.text, &error))?.list;
    let (title, senders) = (title.unwrap_or(present.title), senders.unwrap_or(present.senders));
    change_with(context, &service, name, ListChange::Set { title, senders })?;
    let said = context.text.with("list-set", &[("name", name.to_string().into())]);
    Ok(Output::new(said, json!({ "list": name.as_str() })))
}

fn mine(context: &Context<'_>) -> Result<Output, Failure> {
    let text = context.text;
    let (service, _) = context.log_in()?;
    let lists = service.lists(&context.cancel);
    let lists = lists.map_err(|error| Failure::request(text, &error))?;
    let mut lines: Vec<_> = lists.iter().map(|list| list_line(text, list)).collect();
    if lines.is_empty() {
        lines.push(text.of("list-none"));
    }
    let json = lists.iter().map(list_json).collect::<Vec<_>>();
    Ok(Output::new(lines.join("\n"), json!({ "lists": json })))
}

fn members(context: &Context<'_>, name: &Username) -> Result<Output, Failure> {
    let text = context.text;
    let (service, _) = context.log_in()?;
    let MembersPage { list, members, more } = pages(context, &service, name)?;
    let mut lines = vec![list_line(text, &list)];
    lines.extend(members.iter().map(|member| member_line(text, member)));
    if more {
        lines.push(text.of("list-members-more"));
    }
    let members = members.iter().map(member_json).collect::<Vec<_>>();
    let json = json!({ "list": list_json(&list), "members": members, "more": more });
    Ok(Output::new(lines.join("\n"), json))
}

/// The pages of a list's members in one, and the list as of the first page.
fn pages(
    context: &Context<'_>,
    service: &Service,
    name: &Username,
) -> Result<MembersPage, Failure> {
    let page = |after: Option<&Username>| {
        let page = service.list_members(name, after, &context.cancel);
        page.map_err(|error| Failure::request(context.text, &error))
    };
    let MembersPage { list, mut members, mut more } = page(None)?;
    while more
        && members.len() < SHOWN_MAX
        && let Some(last) = members.last()
    {
        let next = page(Some(&last.username))?;
        // Each page has a member, so that the loop ends whatever the server says.
        more = next.more && !next.members.is_empty();
        members.extend(next.members);
    }
    Ok(MembersPage { list, members, more })
}

fn list_line(text: &Text, list: &ListOverview) -> String {
    let ListOverview { name, title, senders, members, role } = list;
    let role = match role {
        Some(Role::Owner {}) => "list-role-owner",
        Some(Role::Member {}) => "list-role-member",
        None => "list-role-none",
    };
    let senders = match senders {
        SendPolicy::Owners {} => "list-senders-owners",
        SendPolicy::Members {} => "list-senders-members",
        SendPolicy::Everybody {} => "list-senders-everybody",
    };
    text.with(
        "list-line",
        &[
            ("name", name.to_string().into()),
            ("title", sanitize(title.as_str(), WhiteSpace::OneLine).into()),
            ("members", members.to_string().into()),
            ("role", text.of(role).into()),
            ("senders", text.of(senders).into()),
        ],
    )
}

fn member_line(text: &Text, member: &ListMember) -> String {
    let key = match member.role {
        Role::Owner {} => "list-owner",
        Role::Member {} => "list-member",
    };
    let full_name = sanitize(member.full_name.as_str(), WhiteSpace::OneLine);
    let username = member.username.to_string();
    text.with(key, &[("username", username.into()), ("full_name", full_name.into())])
}

fn list_json(list: &ListOverview) -> Value {
    let ListOverview { name, title, senders, members, role } = list;
    json!({
        "name": name.as_str(),
        "title": title.as_str(),
        "senders": policy(*senders),
        "members": members,
        "role": role.map(role_word),
    })
}

fn member_json(member: &ListMember) -> Value {
    json!({
        "username": member.username.as_str(),
        "full_name": member.full_name.as_str(),
        "role": role_word(member.role),
    })
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Owner {} => "owner",
        Role::Member {} => "member",
    }
}

fn policy(senders: SendPolicy) -> &'static str {
    match senders {
        SendPolicy::Owners {} => "owners",
        SendPolicy::Members {} => "members",
        SendPolicy::Everybody {} => "everybody",
    }
}
