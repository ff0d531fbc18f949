//! Mails: what a small SMTP server is handed, and that one which says no is tried again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_server::control::notifier::NotifyOptions;
use mycelia_flags_server::control::notifier::backoff::Backoff;
use mycelia_flags_server::control::notifier::targets::{NotifyFile, TargetTable, check};
use mycelia_flags_server::tasks::Tasks;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::command_line::json;
use crate::patience::eventually;
use crate::server::{Wanted, create};

/// What the server was told: the envelope line by line, and the mail.
#[derive(Debug, Default)]
struct Sink {
    envelopes: Vec<String>,
    mails: Vec<String>,
    /// How many mails are refused for now.
    busy: u32,
}

/// Speaks the few lines that a mail needs.
async fn speak(stream: TcpStream, sink: &Mutex<Sink>) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading).lines();
    writing.write_all(b"220 sink ESMTP\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => "250 sink".to_owned(),
            "MAIL" | "RCPT" => {
                sink.lock().unwrap().envelopes.push(line);
                "250 ok".to_owned()
            }
            "DATA" => {
                writing.write_all(b"354 go on\r\n").await?;
                let mut mail = String::new();
                while let Some(line) = lines.next_line().await? {
                    if line == "." {
                        break;
                    }
                    mail.push_str(&line);
                    mail.push('\n');
                }
                let mut sink = sink.lock().unwrap();
                if sink.busy > 0 {
                    sink.busy -= 1;
                    "451 come back later".to_owned()
                } else {
                    sink.mails.push(mail);
                    "250 taken".to_owned()
                }
            }
            "QUIT" => "221 bye".to_owned(),
            _ => "250 ok".to_owned(),
        };
        writing.write_all(format!("{answer}\r\n").as_bytes()).await?;
        if verb == "QUIT" {
            break;
        }
    }
    Ok(())
}

async fn listen(tasks: &Tasks, sink: Arc<Mutex<Sink>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let stopping = tasks.stopping().clone();
    tasks.spawn(async move {
        let serving = async {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // A client that hangs up in the middle has nothing more to say.
                speak(stream, &sink).await.ok();
            }
        };
        stopping.run_until_cancelled(serving).await;
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_says_what_happened_and_is_sent_again_when_the_server_is_busy() {
    let (folder, tasks) = (tempfile::tempdir().unwrap(), Tasks::default());
    let sink = Arc::new(Mutex::new(Sink { busy: 1, ..Sink::default() }));
    let table = TargetTable {
        name: "mail".to_owned(),
        kind: "email".to_owned(),
        smtp: Some(listen(&tasks, Arc::clone(&sink)).await),
        tls: Some("none".to_owned()),
        from: Some("Flags <flags@example.com>".to_owned()),
        to: vec!["team@example.com".to_owned(), "Ana <ana@example.com>".to_owned()],
        events: vec!["incident.opened".to_owned()],
        ..TargetTable::default()
    };
    let notify = NotifyOptions {
        targets: check(NotifyFile { notify: vec![table] }).unwrap(),
        folder: folder.path().join("notify"),
        backoff: Backoff { base: Duration::ZERO, cap: Duration::ZERO },
        ..NotifyOptions::default()
    };
    let server = Wanted { notify, ..Wanted::default() }.start().await;
    let incident = Kind::OpenIncident(v1::OpenIncident {
        environment: "production".to_owned(),
        flags: vec!["dreams".to_owned()],
        severity: v1::IncidentSeverity::Critical.into(),
        what: "voice cuts out".to_owned(),
    });
    let mut admin = server.admin().await;
    admin.apply(vec![create("dreams")]).await;
    let revision = admin.apply(vec![incident]).await.revision;
    eventually("the mail", || async { sink.lock().unwrap().mails.len() == 1 }).await;
    let (mail, envelopes) = {
        let sink = sink.lock().unwrap();
        (sink.mails[0].clone(), sink.envelopes.clone())
    };
    let words = format!("incident #{revision} of dreams in production: voice cuts out");
    assert!(mail.contains(&format!("Subject: CRITICAL: {words}\n")), "{mail}");
    let id = format!("{}-{revision}-0", server.running.epoch());
    for part in [
        "From: Flags <flags@example.com>\n",
        "To: team@example.com, Ana <ana@example.com>\n",
        &format!("Message-ID: <{id}@mycelia-flags>\n"),
        "incident.opened",
        "Reason: a story\n",
        &format!("Event {id}\n"),
    ] {
        assert!(mail.contains(part), "{part}: {mail}");
    }
    let once = ["MAIL FROM:<flags@example.com>", "RCPT TO:<team@example.com>", "RCPT TO:<ana@example.com>"];
    assert_eq!(envelopes.len(), 6, "busy once: {envelopes:?}");
    assert!(envelopes.iter().zip(once.iter().cycle()).all(|(line, expected)| line.starts_with(expected)));
    let listed = json(&server.url, &["notify", "list"]);
    assert_eq!((&listed["targets"][0]["delivered"], &listed["targets"][0]["dead"]), (&1.into(), &0.into()));
    tasks.stop().await;
    server.running.stop().await;
}
