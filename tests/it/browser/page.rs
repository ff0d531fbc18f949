//! Pages with stock web providers in a real browser, which judges by itself what a page may read of another origin.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::session::{check_values_only, recorded};
use super::{HIDDEN, browsers, flags};
use crate::audiences::edit;
use crate::binary::tool;
use crate::patience::{PATIENCE, eventually, within};
use crate::server::{Server, Wanted};
use crate::speaker::Speaker;

/// How soon a change has to be shown.
const SOON: Duration = Duration::from_secs(2);

/// A page in a browser, and what it has come to show.
struct Page {
    browser: Speaker,
    shown: Value,
    /// When the page was loaded: another one after each time.
    loaded: Value,
    /// What the browser says of it.
    said: Vec<String>,
}

impl Page {
    fn open((clients, chromium): &(PathBuf, PathBuf), url: &str) -> Self {
        let browser = Speaker::browse(clients, chromium, url);
        Self { browser, shown: Value::Null, loaded: Value::Null, said: Vec::new() }
    }

    fn listen(&mut self) {
        for line in self.browser.said() {
            let text = line["console"].as_str().unwrap_or_default();
            let Ok(mut told) = serde_json::from_str::<Value>(text) else {
                self.said.push(line.to_string());
                continue;
            };
            let loaded = told["loaded"].take();
            assert!(self.loaded.is_null() || self.loaded == loaded, "it was loaded again");
            (self.shown, self.loaded) = (told["shown"].take(), loaded);
        }
    }

    /// Waits until it shows this.
    async fn until(&mut self, patience: Duration, expected: &Value) {
        let shown = eventually("what is to be shown", || {
            self.listen();
            std::future::ready(self.shown == *expected)
        });
        let in_time = tokio::time::timeout(patience, shown).await.is_ok();
        assert!(in_time, "{expected} within {patience:?}, shown is {}: {:#?}", self.shown, self.said);
    }

    /// Waits until the browser says something of it.
    async fn until_said(&mut self, words: &[&str]) {
        let said = eventually("what the browser says", || {
            self.listen();
            let is_said = |line: &String| words.iter().all(|word| line.contains(word));
            std::future::ready(self.said.iter().any(is_said))
        });
        said.await;
    }

    fn text(&mut self) -> String {
        self.browser.tell("text #value");
        loop {
            let line = self.browser.next("what the page shows");
            if let Some(text) = line["text"].as_str() {
                return text.to_owned();
            }
        }
    }
}

/// A server whose listener for browsers has this address.
async fn listening(folder: &Path, address: SocketAddr, origin: &str) -> Server {
    Wanted { browser: Some(browsers(address, origin)), ..Wanted::on_disk(folder) }.start().await
}

/// What a page is to show of the flags.
fn expected(dreams: bool, oracle: bool) -> Value {
    json!({ "title": "Whispers", "dreams": dreams, "oracle": oracle, "hidden": "FLAG_NOT_FOUND" })
}

async fn check_page(kind: &str) {
    let (Some(clients), Some(chromium)) = (tool("node-clients"), tool("chromium")) else { return };
    let tools = (clients.canonicalize().unwrap(), chromium);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/serve-page.mjs");
    let site = Speaker::start(Command::new("node").env("MYCELIA_NODE_CLIENTS", &tools.0).arg(script));
    let origin = site.until("origin").as_str().unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let server = listening(folder.path(), SocketAddr::from(([127, 0, 0, 1], 0)), &origin).await;
    let address = server.running.browser_address().unwrap();
    let mut admin = server.admin().await;
    admin.apply(flags()).await;
    let (url, kept) = recorded(address);

    let mut page = Page::open(&tools, &format!("{origin}/?provider={kind}&server={url}"));
    page.until(PATIENCE, &expected(false, true)).await;
    // What is behind the values changes, and only the values arrive: at once, and in the page that is there.
    admin.disable(HIDDEN).await;
    page.until(SOON, &expected(false, false)).await;
    admin.apply(vec![edit("segment/trusted-cohort/included", vec!["bo".to_owned()], &[])]).await;
    page.until(SOON, &expected(true, false)).await;

    // It comes back by itself after a restart.
    within("the stop", server.running.stop()).await;
    let server = listening(folder.path(), address, &origin).await;
    server.admin().await.enable(HIDDEN).await;
    page.until(PATIENCE, &expected(true, true)).await;
    assert_eq!(serde_json::from_str::<Value>(&page.text()).unwrap(), expected(true, true));
    page.browser.hang_up();
    let session = check_values_only(kind, &kept).to_ascii_lowercase();
    assert!(session.contains("access-control-allow-methods"), "the browser has asked first: {session}");

    // The same page by another name has another origin, and the browser keeps the answers from it.
    let other = origin.replace("127.0.0.1", "localhost");
    let mut page = Page::open(&tools, &format!("{other}/?provider={kind}&server={url}"));
    page.until_said(&["blocked by CORS policy", &other]).await;
    assert_eq!((page.text().as_str(), &page.shown), ("no answer", &Value::Null));
    page.browser.hang_up();
    within("the stop", server.running.stop()).await;
    drop(site);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_flagds_web_provider_is_served_values_only() {
    check_page("web").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_ofreps_web_provider_is_served_values_only() {
    check_page("ofrep-web").await;
}
