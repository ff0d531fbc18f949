//! Sessions of stock providers for web pages, every byte of them recorded.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::{HIDDEN, NEEDLES, served};
use crate::audiences::edit;
use crate::providers::{Asker, web};
use crate::server::disable;

/// Stands between a provider and the server, and keeps every byte that the server sends. Whoever comes while there is no
/// server is turned away, as it would be without this.
pub(super) fn recorded(target: SocketAddr) -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let kept = Arc::new(Mutex::new(Vec::new()));
    let recording = Arc::clone(&kept);
    std::thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let Ok(far) = TcpStream::connect(target) else { continue };
            let (asks, told) = (near.try_clone().unwrap(), near);
            let (answers, asked) = (far.try_clone().unwrap(), far);
            let recording = Arc::clone(&recording);
            std::thread::spawn(move || forward(asks, asked, |_part| {}));
            std::thread::spawn(move || {
                forward(answers, told, |part| recording.lock().unwrap().extend_from_slice(part));
            });
        }
    });
    (url, kept)
}

/// Hands on what comes until one side ends.
fn forward(mut from: TcpStream, mut to: TcpStream, mut keep: impl FnMut(&[u8])) {
    let mut part = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut part) {
        keep(&part[..read]);
        if to.write_all(&part[..read]).is_err() {
            break;
        }
    }
    let _ended_already = to.shutdown(Shutdown::Write);
}

/// A whole session of a provider: values, changes that it is told of, a flag that it may not ask for.
async fn check_session(kind: &str) {
    let (server, _url) = served().await;
    let mut admin = server.admin().await;
    let (url, kept) = recorded(server.running.browser_address().unwrap());
    let Some(command) = web(kind, &url) else { return };
    let mut asker = Asker::begin(command);
    let bo = json!({ "targetingKey": "bo" });
    let title = asker.ask("string", "title", &json!(""), &bo);
    assert_eq!((&title["value"], &title["error"]), (&json!("Whispers"), &json!(null)), "{title}");
    asker.until(true, "oracle", &bo).await;
    asker.until(false, "dreams", &bo).await;
    let hidden = asker.ask("boolean", HIDDEN, &json!(false), &bo);
    assert_eq!((&hidden["value"], &hidden["error"]), (&json!(false), &json!("FLAG_NOT_FOUND")), "{hidden}");
    // What is behind the values changes, and only the values arrive.
    admin.apply(vec![disable(HIDDEN)]).await;
    asker.until(false, "oracle", &bo).await;
    admin.apply(vec![edit("segment/trusted-cohort/included", vec!["bo".to_owned()], &[])]).await;
    asker.until(true, "dreams", &bo).await;
    drop(asker);
    let _session = check_values_only(kind, &kept);
}

/// None of what no page may read is in what was sent to one.
#[track_caller]
pub(super) fn check_values_only(kind: &str, kept: &Mutex<Vec<u8>>) -> String {
    let session = String::from_utf8_lossy(&kept.lock().unwrap()).into_owned();
    assert!(session.contains("Whispers"), "the recording works: {session}");
    for needle in NEEDLES {
        assert!(!session.contains(needle), "{needle} in the session of {kind}: {session}");
    }
    session
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_flagds_web_provider_holds_values_only() {
    check_session("web").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_ofreps_web_provider_holds_values_only() {
    check_session("ofrep-web").await;
}
