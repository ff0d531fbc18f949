//! The floor: bytes over TCP, one write for each connection, whatever number of streams it stands for.

use std::io::{BufRead as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::crowd::{Shape, raise_file_limit};
use crate::stopwatch;
use crate::table::say;
use crate::tally::Tally;

/// The role of this server.
pub const ROLE: &str = "raw";

/// Is the server; its arguments say how many bytes a connection gets at each push, and how many connections come.
///
/// # Errors
/// When it cannot listen or write.
pub fn play(arguments: &[String]) -> Result<()> {
    let [bytes, connections] = arguments else {
        bail!("expected how many bytes and connections, got {arguments:?}")
    };
    let message = vec![7; bytes.parse()?];
    raise_file_limit();
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    say(&listener.local_addr()?.to_string())?;
    let mut streams = listener.incoming().take(connections.parse()?).collect::<std::io::Result<Vec<_>>>()?;
    for line in std::io::stdin().lock().lines() {
        match line?.as_str() {
            "push" => {
                for stream in &mut streams {
                    stream.write_all(&message)?;
                }
                say("pushed")?;
            }
            "cpu" => say(&stopwatch::process_cpu().as_nanos().to_string())?,
            other => bail!("not understood: {other}"),
        }
    }
    Ok(())
}

/// Readers that count bytes.
#[derive(Debug)]
pub struct Readers {
    /// Counts the bytes of all.
    pub tally: Arc<Tally>,
    _readers: JoinSet<Result<()>>,
}

impl Readers {
    /// Connects.
    ///
    /// # Errors
    /// When a connection cannot be made.
    pub async fn gather(address: SocketAddr, shape: Shape) -> Result<Self> {
        let tally = Arc::new(Tally::default());
        let mut readers = JoinSet::new();
        for _ in 0..shape.connections {
            let stream = TcpStream::connect(address).await.context("cannot connect")?;
            readers.spawn(count(stream, Arc::clone(&tally)));
        }
        Ok(Self { tally, _readers: readers })
    }
}

async fn count(mut stream: TcpStream, tally: Arc<Tally>) -> Result<()> {
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            bail!("the server closed the connection");
        }
        tally.add(u64::try_from(read)?);
    }
}
