//! Connections that misbehave: silent ones, half ones, and floods of broken requests. Nobody else is slower for it.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::checker::Checked;
use crate::patience::within;
use crate::server::Server;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const HEADERS: u8 = 1;
const MAX_CONCURRENT_STREAMS: u16 = 3;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

async fn read_frame(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0_u8; 9];
    stream.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut payload).await.ok()?;
    Some((head[3], payload))
}

/// The whole server still serves.
async fn check_alive(server: &Server) {
    let mut admin = server.admin().await;
    let mut follower = Checked::follow(&server.url, "ui", "1").await;
    let revision = admin.create("alive").await;
    follower.until(revision).await;
}

#[tokio::test]
async fn the_settings_bound_the_streams_of_a_connection() {
    let server = Server::in_memory().await;
    let mut stream = TcpStream::connect(server.running.address()).await.unwrap();
    stream.write_all(PREFACE).await.unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    let (kind, settings) = within("settings", read_frame(&mut stream)).await.unwrap();
    assert_eq!(kind, SETTINGS);
    let bound = settings.chunks(6).find_map(|setting| {
        let id = u16::from_be_bytes([setting[0], setting[1]]);
        (id == MAX_CONCURRENT_STREAMS)
            .then(|| u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]))
    });
    assert_eq!(bound, Some(mycelia_flags_server::edge::limits::STREAMS_PER_CONNECTION_MAX));
}

#[tokio::test]
async fn a_flood_of_broken_requests_ends_the_connection() {
    let server = Server::in_memory().await;
    let stream = TcpStream::connect(server.running.address()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    // POST / over http with `connection: close`, which HTTP/2 does not allow.
    let mut block = vec![0x83, 0x86, 0x84, 0x40, 10];
    block.extend_from_slice(b"connection");
    block.push(5);
    block.extend_from_slice(b"close");
    let flood = async move {
        writer.write_all(PREFACE).await?;
        writer.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
        for number in 0..20_000_u32 {
            writer.write_all(&frame(HEADERS, 5, number * 2 + 1, &block)).await?;
        }
        Ok::<_, std::io::Error>(writer)
    };
    let watch = async move {
        let mut resets = 0;
        let mut buffer = Vec::new();
        // Read everything that comes until the server closes the connection.
        let _closed = reader.read_to_end(&mut buffer).await;
        let mut rest = &buffer[..];
        let mut farewell = false;
        while rest.len() >= 9 {
            let length = usize::try_from(u32::from_be_bytes([0, rest[0], rest[1], rest[2]])).unwrap();
            farewell |= rest[3] == GOAWAY;
            resets += usize::from(rest[3] == 3);
            rest = rest.get(9 + length..).unwrap_or_default();
        }
        (resets, farewell)
    };
    let (_flooded, (resets, farewell)) =
        within("the end of the connection", async { tokio::join!(flood, watch) }).await;
    assert!(farewell || resets < 20_000, "the connection ended: {resets} resets");
    assert!(resets <= 1_000, "{resets} broken requests were answered one by one");
    check_alive(&server).await;
}

async fn is_closed_after(address: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut rest = Vec::new();
    let closed = stream.read_to_end(&mut rest);
    // The end of the stream or a reset: both are a closed connection.
    let _either = within("the end of a connection that asks for nothing", closed).await;
}

#[tokio::test]
async fn connections_that_ask_for_nothing_are_closed() {
    let server = Server::in_memory().await;
    let address = server.running.address();
    tokio::join!(
        is_closed_after(address, b""),
        is_closed_after(address, b"PRI * HTTP/2.0\r\n"),
        is_closed_after(address, b"GET /health HTTP/1.1\r\n"),
    );
    check_alive(&server).await;
}
