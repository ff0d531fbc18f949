//! `docs/http.md`: every command on it is run, in its order, and answers what the page says.

use super::*;
use crate::binary::Process;

/// What differs from one run to the next.
const CHANGING: [&str; 7] = ["at", "epoch", "from", "started_at", "until", "uptime_seconds", "version"];

/// The text with the values of some fields left out.
fn without_changing(text: &str) -> String {
    let mut text = text.to_owned();
    for name in CHANGING {
        let mut shown = String::new();
        let field = format!("\"{name}\":");
        let mut parts = text.split(&field);
        shown.push_str(parts.next().unwrap());
        for part in parts {
            let end = part.find([',', '}']).unwrap();
            shown.push_str(&format!("{field}…{}", &part[end..]));
        }
        text = shown;
    }
    text
}

/// Each command of the page with what is printed below it.
fn examples(page: &str) -> Vec<(String, String)> {
    let blocks = page.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let commands = blocks.flat_map(|block| block.split("$ curl ").skip(1));
    commands
        .map(|example| {
            let mut lines = example.lines();
            let mut command = format!("curl {}", lines.next().unwrap());
            // It goes on after a backslash, and within quotation marks.
            while command.ends_with('\\') || command.matches('\'').count() % 2 == 1 {
                command.push('\n');
                command.push_str(lines.next().unwrap());
            }
            (command, lines.map(|line| format!("{line}\n")).collect())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_what_is_answered() {
    let Some(_curl) = tool("curl") else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Process::serve(folder.path());
    let mut admin = Admin::connect(&server.url).await;
    for flag in ["dreams", "maya.voice", "maya.cues"] {
        let mut request = apply_request(vec![create(flag)]);
        let set = request.change_set.as_mut().unwrap();
        (set.actor, set.reason) = ("mara".to_owned(), "beta week".to_owned());
        admin.request(request).await.unwrap();
    }
    let page = include_str!("../../../docs/http.md");
    let examples = examples(page);
    assert!(examples.len() >= 7, "{}", examples.len());
    for (command, expected) in examples {
        let command = command.replace("http://localhost:8013", &server.url);
        let printed = run(&server.url, &command);
        assert_eq!(without_changing(&printed), without_changing(&expected), "{command}");
    }
}
