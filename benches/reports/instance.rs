//! An instance of a service that reports.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use mycelia_flags_benches::our_server::key;
use mycelia_flags_core::observation::bucket::Bucket;
use mycelia_flags_core::observation::users::{USERS_PER_HOUR, hash};
use mycelia_flags_proto::v1::telemetry_service_client::TelemetryServiceClient;
use mycelia_flags_proto::{convert, v1};
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};

/// What instances tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// How often flags were evaluated, over gRPC.
    Evaluations,
    /// For one flag outcomes, latencies and users too: the one that is being rolled out.
    OneFlag,
    /// For all of them.
    Outcomes,
    /// The same as JSON over HTTP/1.1.
    Json,
}

impl Told {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Evaluations => "gRPC: evaluations",
            Self::OneFlag => "gRPC: 20 latencies and 10 users for 2 of 20",
            Self::Outcomes => "gRPC: 20 latencies and 10 users for each",
            Self::Json => "HTTP, JSON: 20 latencies and 10 users for each",
        }
    }
}

const LATENCIES: usize = 20;
const USERS: usize = 10;

/// See the module. Each has a connection of its own.
pub(crate) struct Instance {
    link: Link,
    service: &'static str,
    name: String,
    batch: u64,
    flags: usize,
    random: fastrand::Rng,
}

enum Link {
    Grpc(TelemetryServiceClient<Channel>, Told),
    /// Connects when it reports first: the server does not wait for those who connect and say nothing.
    Http(SocketAddr, Option<TcpStream>),
}

impl Instance {
    pub(crate) async fn connect(
        address: SocketAddr,
        told: Told,
        number: usize,
        flags: usize,
    ) -> Result<Self> {
        let link = if told == Told::Json {
            Link::Http(address, None)
        } else {
            let endpoint = Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true);
            Link::Grpc(TelemetryServiceClient::new(endpoint.connect().await?), told)
        };
        let service = ["ui", "runner", "agent"].get(number % 3).copied().unwrap_or("ui");
        let random = fastrand::Rng::with_seed(number as u64);
        Ok(Self { link, service, name: format!("{told:?}-{number}"), batch: 0, flags, random })
    }

    /// Ends a connection over HTTP/1.1, which no server keeps for long when nobody asks. The next report makes another.
    pub(crate) fn hang_up(&mut self) {
        if let Link::Http(_, stream) = &mut self.link {
            *stream = None;
        }
    }

    /// How long a report is on the wire, without headers.
    pub(crate) fn report_bytes(&self) -> usize {
        let mut random = self.random.clone();
        match &self.link {
            Link::Grpc(_, told) => self.message(*told, &mut random).encoded_len(),
            Link::Http(..) => self.json(&mut random).len(),
        }
    }

    /// Reports, and waits until it was heard.
    pub(crate) async fn report(&mut self) -> Result<()> {
        self.batch += 1;
        let mut random = self.random.fork();
        let expected = self.flags * 2;
        let told = match &self.link {
            Link::Grpc(_, told) => *told,
            Link::Http(..) => Told::Json,
        };
        if told == Told::Json {
            let body = self.json(&mut random);
            return self.post(&body, expected).await;
        }
        let message = self.message(told, &mut random);
        let Link::Grpc(client, _) = &mut self.link else { bail!("no link over gRPC") };
        let answer = client.report(message).await?.into_inner();
        ensure!(answer.accepted as usize == expected, "not all was counted: {answer:?}");
        Ok(())
    }

    /// Flags and variants, each with what was observed of it.
    fn rows(&self) -> impl Iterator<Item = (String, &'static str)> {
        (0..self.flags).flat_map(|number| ["on", "off"].map(|variant| (key(number), variant)))
    }

    fn message(&self, told: Told, random: &mut fastrand::Rng) -> v1::ReportRequest {
        let observed = match told {
            Told::Evaluations => 0,
            Told::OneFlag => 2,
            Told::Outcomes | Told::Json => self.flags * 2,
        };
        let rows = (0..).zip(self.rows()).map(|(number, (flag, variant))| {
            let mut bucket = Bucket { evaluations: random.u64(50..500), ..Bucket::default() };
            if number < observed {
                (bucket.ok, bucket.errors) = (48, random.u64(0..3));
                (0..LATENCIES).for_each(|_| bucket.latency.add(latency(random)));
                (0..USERS).for_each(|_| bucket.users.add(hash(&user(random)), USERS_PER_HOUR));
            }
            convert::observation_to_wire(&flag, variant, &bucket)
        });
        v1::ReportRequest {
            service: self.service.to_owned(),
            instance: self.name.clone(),
            batch_id: self.batch.to_string(),
            observations: rows.collect(),
            ..v1::ReportRequest::default()
        }
    }

    fn json(&self, random: &mut fastrand::Rng) -> String {
        let rows = self.rows().map(|(flag, variant)| {
            let latencies: Vec<String> = (0..LATENCIES).map(|_| format!("{:.1}", latency(random))).collect();
            let users: Vec<String> = (0..USERS).map(|_| format!("\"{}\"", user(random))).collect();
            format!(
                r#"{{"flag":"{flag}","variant":"{variant}","evaluations":{},"ok":48,"errors":{},"latencies_ms":[{}],"users":[{}]}}"#,
                random.u64(50..500),
                random.u64(0..3),
                latencies.join(","),
                users.join(",")
            )
        });
        let rows = rows.collect::<Vec<String>>().join(",");
        let Self { service, name, batch, .. } = self;
        format!(
            r#"{{"service":"{service}","instance":"{name}","batch_id":"{batch}","observations":[{rows}]}}"#
        )
    }

    async fn post(&mut self, body: &str, expected: usize) -> Result<()> {
        let Link::Http(address, stream) = &mut self.link else { bail!("no link over HTTP") };
        let stream = match stream {
            Some(stream) => stream,
            None => {
                let connected = TcpStream::connect(*address).await?;
                connected.set_nodelay(true)?;
                stream.insert(connected)
            }
        };
        let head = format!(
            "POST /api/v1/observations HTTP/1.1\r\nhost: mycelia\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
        let mut answer = Vec::new();
        // The answer is one object, and nothing follows it.
        while !answer.ends_with(b"}") && !answer.ends_with(b"}\n") {
            ensure!(stream.read_buf(&mut answer).await? > 0, "the server closed the connection");
        }
        let answer = String::from_utf8(answer).context("the answer is no text")?;
        ensure!(answer.contains(&format!("\"accepted\":{expected},")), "not all was counted: {answer}");
        Ok(())
    }
}

/// About as services answer: most soon, some late.
fn latency(random: &mut fastrand::Rng) -> f64 {
    3.0 / (1.0 - 0.99 * random.f64()).powf(1.2)
}

fn user(random: &mut fastrand::Rng) -> String {
    format!("user-{}", random.u32(0..1_000_000))
}
