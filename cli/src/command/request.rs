//! `request`: changes that wait for approval.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;
use mycelia_flags_proto::v1::write::Value as Written;

use crate::args::policy::{RequestArgs, RequestCommand};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::submission::{Told, present, send};
use crate::view::applied::Subject;
use crate::view::request::{RequestView, RequestsView};

pub(crate) async fn run(command: RequestCommand, session: &Session<'_>) -> Result<Exit, Failure> {
    match command {
        RequestCommand::List(args) => {
            let answer = requests(0, !args.all, session).await?;
            session.show(&RequestsView::of(answer, args.all))?;
            Ok(Exit::Done)
        }
        RequestCommand::Show(args) => {
            let answer = requests(args.number, false, session).await?;
            let found = answer.requests.first().map(RequestView::of);
            session.show(&found.ok_or_else(|| Failure::not_found(format!("no request {}", args.number)))?)?;
            Ok(Exit::Done)
        }
        RequestCommand::Approve(args) => {
            let change = Change::ApproveRequest(v1::ApproveRequest { request: args.number });
            answer(change, ("request approve", "approved"), args, session).await
        }
        RequestCommand::Reject(args) => {
            let change = Change::RejectRequest(v1::RejectRequest { request: args.number });
            answer(change, ("request reject", "rejected"), args, session).await
        }
        RequestCommand::Withdraw(args) => {
            let change = Change::WithdrawRequest(v1::WithdrawRequest { request: args.number });
            answer(change, ("request withdraw", "withdrew"), args, session).await
        }
    }
}

/// The newest first; all pages of them.
async fn requests(
    request: u64,
    open_only: bool,
    session: &Session<'_>,
) -> Result<v1::ListChangeRequestsResponse, Failure> {
    let connection = session.connection()?;
    let mut all = v1::ListChangeRequestsResponse::default();
    let mut page_token = String::new();
    loop {
        let asked = v1::ListChangeRequestsRequest { request, open_only, page_token: page_token.clone() };
        let page = connection.answer(connection.admin().list_change_requests(asked)).await?;
        all.requests.extend(page.requests);
        all.revision = page.revision;
        if page.next_page_token.is_empty() || page.next_page_token == page_token {
            return Ok(all);
        }
        page_token = page.next_page_token;
    }
}

/// Says something to a request.
async fn answer(
    change: Change,
    (action, verb): (&'static str, &str),
    args: RequestArgs,
    session: &Session<'_>,
) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let answer = send(vec![change], &args.write, &connection, session).await?;
    let written = answer.writes.iter().find_map(|write| match &write.value {
        Some(Written::Request(request)) => Some(RequestView::of(request)),
        _ => None,
    });
    let deed = match written {
        Some(request) => format!("{verb} {}", request.words()),
        None => format!("{verb} request {}", args.number),
    };
    let told = Told::everywhere(Subject::Request(args.number), action, deed);
    present(answer, told, args.write, &connection, session).await
}
