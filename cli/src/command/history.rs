//! `history`: the newest changes first.

use mycelia_flags_proto::v1;

use crate::args::read::HistoryArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::view::history::{HistoryView, RecordView};

/// Records for each request: a record may hold a thousand changes.
const PAGE_SIZE: usize = 200;

pub(crate) async fn run(args: HistoryArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let flag = args.flag.unwrap_or_default();
    let mut history = HistoryView { head_revision: 0, more: true, records: Vec::new() };
    let mut before_revision = 0;
    while history.more && history.records.len() < args.limit {
        let missing = (args.limit - history.records.len()).min(PAGE_SIZE);
        let request = v1::ListRecordsRequest {
            after_revision: args.after,
            page_size: i32::try_from(missing).unwrap_or(i32::MAX),
            flag: flag.clone(),
            newest_first: true,
            before_revision,
        };
        let answer = connection.answer(connection.admin().list_records(request)).await?;
        history.head_revision = history.head_revision.max(answer.head_revision);
        // A server that does not say how far it looked would be asked the same for ever.
        history.more = answer.more && answer.scanned_revision != before_revision;
        history.records.extend(answer.records.iter().map(RecordView::of));
        before_revision = answer.scanned_revision;
    }
    session.show(&history)?;
    Ok(Exit::Done)
}
