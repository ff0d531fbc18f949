//! A mail server that asks for TLS and for a login, as far as a notice needs one.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mycelia_flags_server::tasks::Tasks;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// How connections are secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// In the clear until the client asks for TLS.
    StartTls,
    /// From the first byte on.
    Implicit,
    /// It knows of no TLS.
    Unknown,
}

/// What the server was told.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Heard {
    /// What was said in the clear, line by line.
    pub(super) clear: Vec<String>,
    /// By which mechanism, with which name and password.
    pub(super) logins: Vec<(String, String, String)>,
    pub(super) mails: Vec<String>,
}

/// See the module.
#[derive(Clone)]
pub(super) struct Post {
    pub(super) security: Security,
    pub(super) acceptor: TlsAcceptor,
    /// The mechanisms of a login that it offers.
    pub(super) mechanisms: &'static str,
    /// The one password that is right.
    pub(super) password: &'static str,
    pub(super) heard: Arc<Mutex<Heard>>,
}

/// What comes after a connection's lines.
enum Next {
    Over,
    Secure(TcpStream),
}

impl Post {
    /// Listens; answers the port.
    pub(super) async fn listen(&self, tasks: &Tasks) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (post, stopping) = (self.clone(), tasks.stopping().clone());
        tasks.spawn(async move {
            let serving = async {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    // A client that hangs up has nothing more to say, and one that does not trust us does so at once.
                    post.receive(stream).await.ok();
                }
            };
            stopping.run_until_cancelled(serving).await;
        });
        port
    }

    pub(super) fn heard(&self) -> Heard {
        self.heard.lock().unwrap().clone()
    }

    async fn receive(&self, stream: TcpStream) -> std::io::Result<()> {
        if self.security == Security::Implicit {
            return self.converse(self.acceptor.accept(stream).await?, true).await;
        }
        match self.begin(stream).await? {
            Next::Over => Ok(()),
            Next::Secure(stream) => self.converse(self.acceptor.accept(stream).await?, false).await,
        }
    }

    /// What is said in the clear.
    async fn begin(&self, stream: TcpStream) -> std::io::Result<Next> {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 post ESMTP\r\n").await?;
        let mut line = String::new();
        loop {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(Next::Over);
            }
            self.heard.lock().unwrap().clear.push(line.trim().to_owned());
            let offers = self.security == Security::StartTls;
            let answer = match (verb(&line).as_str(), offers) {
                ("EHLO", true) => "250-post\r\n250 STARTTLS\r\n",
                ("EHLO", false) => "250 post\r\n",
                ("STARTTLS", true) => {
                    stream.write_all(b"220 go on\r\n").await?;
                    return Ok(Next::Secure(stream.into_inner()));
                }
                ("QUIT", _) => "221 bye\r\n",
                _ => "530 5.7.0 not in the clear\r\n",
            };
            stream.write_all(answer.as_bytes()).await?;
        }
    }

    async fn converse(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        greets: bool,
    ) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        if greets {
            stream.write_all(b"220 post ESMTP\r\n").await?;
        }
        while let Some(line) = next(&mut stream).await? {
            let answer = match verb(&line).as_str() {
                "EHLO" => format!("250-post\r\n250 AUTH {}", self.mechanisms),
                "AUTH" => self.login(&line, &mut stream).await?,
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await?;
                    let mut mail = String::new();
                    while let Some(line) = next(&mut stream).await?.filter(|line| line != ".") {
                        mail.push_str(&line);
                        mail.push('\n');
                    }
                    self.heard.lock().unwrap().mails.push(mail);
                    "250 taken".to_owned()
                }
                "QUIT" => "221 bye".to_owned(),
                _ => "250 ok".to_owned(),
            };
            stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
        Ok(())
    }

    /// A login by PLAIN (RFC 4616) or LOGIN. One that is wrong is repeated to whoever tried it, which servers should not do.
    async fn login(
        &self,
        line: &str,
        stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>,
    ) -> std::io::Result<String> {
        let mut words = line.split(' ').skip(1);
        let (mechanism, initial) = (words.next().unwrap_or_default().to_owned(), words.next());
        let (name, password) = if mechanism == "PLAIN" {
            let text = decoded(initial.unwrap_or_default());
            let mut parts = text.split('\0').skip(1).map(str::to_owned);
            (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
        } else {
            stream.write_all(b"334 VXNlcm5hbWU6\r\n").await?;
            let name = decoded(&next(stream).await?.unwrap_or_default());
            stream.write_all(b"334 UGFzc3dvcmQ6\r\n").await?;
            (name, decoded(&next(stream).await?.unwrap_or_default()))
        };
        let is_right = password == self.password;
        let answer = match is_right {
            true => "235 2.7.0 welcome".to_owned(),
            false => format!("535 5.7.8 {name} is not known with {password}"),
        };
        self.heard.lock().unwrap().logins.push((mechanism, name, password));
        Ok(answer)
    }
}

async fn next(
    stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>,
) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await?;
    Ok((read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
}

fn verb(line: &str) -> String {
    line.trim().split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase()
}

fn decoded(text: &str) -> String {
    String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
}
