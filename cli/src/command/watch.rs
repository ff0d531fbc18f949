//! `watch`: follows an environment live, as a subscriber like any other.
//!
//! It acknowledges what it has shown: a connected instance that does not would hold up everybody's `--wait`.

use std::time::Duration;

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::subscribe_response::Frame;
use tonic::Code;

use crate::args::follow::WatchArgs;
use crate::command::watch::followed::{Followed, Step};
use crate::connection::Connection;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

mod followed;

/// The first pause before connecting again; it doubles up to the second.
const BACKOFF_MIN: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// Until the server has said how often its heart beats.
const SILENCE_MAX_DEFAULT: Duration = Duration::from_secs(30);

/// Why a stream ended.
enum End {
    /// As planned, with the server's hint.
    Goodbye(Duration),
    /// Unplanned. A stream that stood (it lived to hear a heartbeat) makes the next attempts quick again.
    Lost { why: String, stood: bool },
}

pub(crate) async fn run(args: WatchArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let mut followed = Followed::default();
    let mut pause = BACKOFF_MIN;
    loop {
        let rest = match follow(&args, &connection, &mut followed, session).await? {
            End::Goodbye(after) => after,
            End::Lost { why, stood } => {
                pause = if stood { BACKOFF_MIN } else { pause };
                let rest = jittered(pause);
                session.terminal.note(&format!("connection lost: {why}; again in {rest:.1?}"));
                pause = (pause * 2).min(BACKOFF_MAX);
                rest
            }
        };
        tokio::time::sleep(rest).await;
    }
}

/// One stream, from its beginning to its end.
async fn follow(
    args: &WatchArgs,
    connection: &Connection,
    followed: &mut Followed,
    session: &Session<'_>,
) -> Result<End, Failure> {
    let request = v1::SubscribeRequest {
        environment: session.settings.environment.clone(),
        service: args.service.clone(),
        instance: session.settings.actor.clone(),
        sdk: concat!("mycelia-flags watch/", env!("CARGO_PKG_VERSION")).to_owned(),
        known_revision: followed.revision(),
        known_epoch: followed.epoch().to_owned(),
        observer: true,
        ..v1::SubscribeRequest::default()
    };
    let mut stream = match connection.answer(connection.sync().subscribe(request)).await {
        Ok(stream) => stream,
        Err(failure) => return lost(failure, followed, false),
    };
    let mut silence_max = SILENCE_MAX_DEFAULT;
    let mut stood = false;
    let mut goodbye = None;
    loop {
        let next = tokio::time::timeout(silence_max, stream.message()).await;
        let ended = match next {
            Ok(Ok(Some(v1::SubscribeResponse { frame: Some(frame) }))) => Ok(frame),
            Ok(Ok(Some(v1::SubscribeResponse { frame: None }))) => continue,
            Ok(Ok(None)) => Err(Failure::Failed(anyhow::anyhow!("the server ended the stream"))),
            Ok(Err(status)) => Err(connection.failure(&status)),
            Err(_elapsed) => Err(Failure::no_answer(connection.url(), silence_max)),
        };
        let frame = match (ended, goodbye) {
            (Ok(frame), _) => frame,
            (Err(_planned), Some(after)) => return Ok(End::Goodbye(after)),
            (Err(failure), None) => return lost(failure, followed, stood),
        };
        match &frame {
            Frame::Welcome(welcome) => {
                silence_max = Duration::from_millis(u64::from(welcome.heartbeat_interval_ms.max(1_000))) * 3;
            }
            Frame::Goodbye(planned) => {
                goodbye = Some(Duration::from_millis(u64::from(planned.reconnect_after_ms)));
            }
            Frame::Heartbeat(_) => stood = true,
            Frame::Snapshot(_) | Frame::Delta(_) => {}
        }
        match followed.take(frame) {
            Step::Nothing => {}
            Step::Acknowledge => acknowledge(connection, followed).await,
            Step::Show(event) => {
                session.terminal.show_next(&*event)?;
                acknowledge(connection, followed).await;
            }
            Step::StartOver(why) => return Ok(End::Lost { why, stood }),
        }
    }
}

/// Before the first frame ever nobody is there to come back to; after it, only what would be answered the same again
/// is an end.
fn lost(failure: Failure, followed: &Followed, stood: bool) -> Result<End, Failure> {
    if followed.frames() == 0 || is_final(&failure) {
        return Err(failure);
    }
    Ok(End::Lost { why: failure.message(), stood })
}

const fn is_final(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::Refused { code: Code::InvalidArgument | Code::NotFound | Code::Unimplemented, .. }
    )
}

/// A lost acknowledgement is made up for by the next one; a lost connection is noticed by the stream.
async fn acknowledge(connection: &Connection, followed: &Followed) {
    let request = v1::AcknowledgeRequest {
        stream_id: followed.stream_id(),
        applied_revision: followed.revision(),
        ..v1::AcknowledgeRequest::default()
    };
    let _ = connection.answer(connection.sync().acknowledge(request)).await;
}

/// Full jitter: many watchers of one server do not come back at the same moment.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(fastrand::f64())
}
