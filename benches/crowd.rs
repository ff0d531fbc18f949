//! Subscribers that cost as little as possible: they speak just enough HTTP/2 to ask once and to count messages.
//!
//! A client that decodes would share the processors with the server and be what is measured. Flow control is opened so
//! wide at the start that it never matters.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::message_counter::MessageCounter;
use crate::tally::Tally;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const WINDOW_MAX: u32 = 0x7fff_ffff;
const WINDOW_FIRST: u32 = 65_535;
const INITIAL_WINDOW_SIZE: u16 = 4;
const HEAD_BYTES: usize = 9;

/// How many connections with how many streams each.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Connections.
    pub connections: u32,
    /// Streams on each of them.
    pub streams: u32,
}

impl Shape {
    /// All streams.
    #[must_use]
    pub fn subscribers(self) -> u64 {
        u64::from(self.connections) * u64::from(self.streams)
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} on {}", self.subscribers(), self.connections)
    }
}

/// Subscribers of one server.
#[derive(Debug)]
pub struct Crowd {
    /// Counts the messages of all.
    pub tally: Arc<Tally>,
    bytes: Arc<AtomicU64>,
    ask: watch::Sender<bool>,
    readers: JoinSet<Result<()>>,
}

impl Crowd {
    /// Connects, and asks for nothing yet.
    ///
    /// # Errors
    /// When a connection cannot be made.
    pub async fn gather(address: SocketAddr, shape: Shape, path: &str, request: &Bytes) -> Result<Self> {
        let tally = Arc::new(Tally::default());
        let bytes = Arc::new(AtomicU64::new(0));
        let ask = watch::Sender::new(false);
        let mut readers = JoinSet::new();
        let asking = Bytes::from(asking(shape.streams, path, request));
        for _ in 0..shape.connections {
            let mut stream = TcpStream::connect(address).await.context("cannot connect")?;
            stream.set_nodelay(true)?;
            stream.write_all(&opening()).await?;
            let member = Member {
                stream,
                counters: BTreeMap::new(),
                tally: Arc::clone(&tally),
                bytes: Arc::clone(&bytes),
                asking: Some(asking.clone()),
            };
            readers.spawn(member.run(ask.subscribe()));
        }
        Ok(Self { tally, bytes, ask, readers })
    }

    /// The bytes of all messages so far, with the heads of their frames.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Lets all of them ask at once.
    pub fn ask(&self) {
        self.ask.send_replace(true);
    }

    /// Waits until so many messages have arrived at all subscribers together.
    ///
    /// # Errors
    /// When one of them is cut off, or it takes too long.
    pub async fn until(&mut self, messages: u64) -> Result<()> {
        tokio::select! {
            ended = self.readers.join_next() => match ended {
                Some(ended) => ended?.context("a subscriber was cut off"),
                None => bail!("there are no subscribers"),
            },
            reached = self.tally.until(messages) => reached,
        }
    }
}

/// Lets this process have as many connections as the system allows.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // Where that is refused, the connections that are too many will say so.
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).ok();
}

struct Member {
    stream: TcpStream,
    counters: BTreeMap<u32, MessageCounter>,
    tally: Arc<Tally>,
    bytes: Arc<AtomicU64>,
    asking: Option<Bytes>,
}

impl Member {
    async fn run(mut self, mut ask: watch::Receiver<bool>) -> Result<()> {
        let mut buffer = Vec::with_capacity(32 * 1024);
        loop {
            let asked = async {
                if ask.wait_for(|asked| *asked).await.is_err() {
                    std::future::pending().await
                }
            };
            tokio::select! {
                () = asked, if self.asking.is_some() => {
                    if let Some(asking) = self.asking.take() {
                        self.stream.write_all(&asking).await?;
                    }
                }
                read = self.stream.read_buf(&mut buffer) => {
                    if read? == 0 {
                        bail!("the server closed the connection");
                    }
                    let taken = self.take(&buffer).await?;
                    buffer.drain(..taken);
                }
            }
        }
    }

    /// Takes whole frames; of DATA also what has come of one, because a snapshot's is long. Answers how many bytes.
    async fn take(&mut self, bytes: &[u8]) -> Result<usize> {
        let (mut taken, mut messages) = (0, 0);
        while let Some((head, rest)) = bytes.get(taken..).and_then(<[u8]>::split_first_chunk::<HEAD_BYTES>) {
            let [a, b, c, kind, flags, d, e, f, g] = *head;
            let length = usize::try_from(u32::from_be_bytes([0, a, b, c]))?;
            let stream = u32::from_be_bytes([d, e, f, g]);
            let Some(payload) = rest.get(..length) else { break };
            match kind {
                DATA => messages += self.counters.entry(stream).or_default().take(payload),
                SETTINGS if flags & ACK == 0 => self.stream.write_all(&frame(SETTINGS, ACK, 0, &[])).await?,
                PING if flags & ACK == 0 => self.stream.write_all(&frame(PING, ACK, 0, payload)).await?,
                RST_STREAM | GOAWAY => bail!("stream {stream} ended: {payload:?}"),
                HEADERS if flags & END_STREAM != 0 => bail!("stream {stream} was refused"),
                _ => {}
            }
            taken += HEAD_BYTES + length;
        }
        self.bytes.fetch_add(u64::try_from(taken)?, Ordering::Relaxed);
        self.tally.add(messages);
        Ok(taken)
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
    let mut bytes = vec![a, b, c, kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The preface, with windows that nobody will ever fill.
fn opening() -> Vec<u8> {
    let mut settings = INITIAL_WINDOW_SIZE.to_be_bytes().to_vec();
    settings.extend(WINDOW_MAX.to_be_bytes());
    let mut bytes = PREFACE.to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &settings));
    bytes.extend(frame(WINDOW_UPDATE, 0, 0, &(WINDOW_MAX - WINDOW_FIRST).to_be_bytes()));
    bytes
}

/// All requests of a connection.
fn asking(streams: u32, path: &str, request: &Bytes) -> Vec<u8> {
    // :method POST and :scheme http stand in the static table; the others are literals that nobody shall remember.
    let mut block = vec![0x83, 0x86];
    for (name, value) in [(&[0x04][..], path), (&[0x01], "benchmark"), (&[0x0f, 0x10], "application/grpc")] {
        block.extend(name);
        block.push(u8::try_from(value.len()).unwrap_or(0));
        block.extend(value.bytes());
    }
    block.extend(b"\x00\x02te\x08trailers");
    let mut bytes = Vec::new();
    for number in 0..streams {
        bytes.extend(frame(HEADERS, END_HEADERS, number * 2 + 1, &block));
        bytes.extend(frame(DATA, END_STREAM, number * 2 + 1, request));
    }
    bytes
}
