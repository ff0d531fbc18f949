//! One mail over SMTP, within a time.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::response::Category;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use super::secret::Secret;
use super::tls::Trust;

/// How a connection to a mail server is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// It begins in the clear and must be secured before anything is said. Port 587.
    StartTls,
    /// It is secured from the first byte. Port 465.
    Implicit,
    /// Not at all: for a relay on the same machine. Port 25.
    None,
}

/// What a mailer is made from, as it was configured.
#[derive(Debug, Clone)]
pub struct MailerSettings {
    /// `HOST` or `HOST:PORT`.
    pub server: String,
    /// How it is secured.
    pub tls: SmtpTls,
    /// The sender.
    pub from: String,
    /// The recipients, at least one.
    pub to: Vec<String>,
    /// Name and password.
    pub login: Option<(String, Secret)>,
    /// How long a mail may take.
    pub timeout: Duration,
}

/// A setting of a mailer is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {allowed}")]
pub struct MailerFault {
    /// Which.
    pub field: &'static str,
    /// What is allowed.
    pub allowed: String,
}

/// Sends mails.
#[derive(Debug, Clone)]
pub struct Mailer {
    host: String,
    port: u16,
    from: Mailbox,
    to: Vec<Mailbox>,
    settings: MailerSettings,
}

/// A mail was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{server}: {cause}")]
pub struct MailError {
    /// Which server.
    pub server: String,
    /// Why, in its words.
    pub cause: String,
    /// Whether trying again will not help.
    pub is_permanent: bool,
}

impl Mailer {
    /// Checks settings.
    ///
    /// # Errors
    /// The first setting that is wrong.
    pub fn new(settings: MailerSettings) -> Result<Self, MailerFault> {
        let fault = |field, allowed: &str| MailerFault { field, allowed: allowed.to_owned() };
        let default_port = match settings.tls {
            SmtpTls::StartTls => 587,
            SmtpTls::Implicit => 465,
            SmtpTls::None => 25,
        };
        let (host, port) = match settings.server.rsplit_once(':') {
            None => (settings.server.as_str(), Some(default_port)),
            Some((host, port)) => (host, port.parse().ok()),
        };
        let port = port.filter(|_| !host.is_empty() && !host.contains(['/', '@', ' ']));
        let port = port.ok_or_else(|| fault("smtp", "HOST or HOST:PORT of a mail server"))?;
        let mailbox = |field, text: &str| {
            let allowed = format!("a mail address such as Flags <flags@example.com>, not `{text}`");
            text.parse::<Mailbox>().map_err(|_no_address| fault(field, &allowed))
        };
        let from = mailbox("from", &settings.from)?;
        let to: Result<Vec<Mailbox>, MailerFault> = settings.to.iter().map(|to| mailbox("to", to)).collect();
        let to = to?;
        if to.is_empty() {
            return Err(fault("to", "at least one mail address"));
        }
        Ok(Self { host: host.to_owned(), port, from, to, settings })
    }

    /// What may be shown of where mails go.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("smtp://{}:{}", self.host, self.port)
    }

    /// Sends a mail.
    ///
    /// # Errors
    /// When the server does not take it in time. It may have taken it even so, if the connection broke at the end.
    pub async fn send(&self, trust: &Trust, id: &str, subject: &str, text: String) -> Result<(), MailError> {
        match tokio::time::timeout(self.settings.timeout, self.hand_over(trust, id, subject, text)).await {
            Ok(sent) => sent,
            Err(_elapsed) => {
                Err(self.error(format!("no answer within {} ms", self.settings.timeout.as_millis()), false))
            }
        }
    }

    /// A server may repeat what it was told, and the password is among that.
    fn error(&self, cause: String, is_permanent: bool) -> MailError {
        let secret = self.settings.login.as_ref().map(|(_, password)| password.reveal());
        let cause = secret.map_or_else(|| cause.clone(), |secret| cause.replace(secret, "…"));
        MailError { server: self.shown(), cause, is_permanent }
    }

    async fn hand_over(&self, trust: &Trust, id: &str, subject: &str, text: String) -> Result<(), MailError> {
        let mut message = Message::builder()
            .from(self.from.clone())
            .subject(subject)
            .message_id(Some(format!("<{id}@mycelia-flags>")))
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            message = message.to(to.clone());
        }
        let message = message.body(text).map_err(|error| self.error(error.to_string(), true))?;
        let tls = match self.settings.tls {
            SmtpTls::None => Tls::None,
            secured => {
                let parameters = self.parameters(trust);
                let parameters = parameters.map_err(|error| self.error(in_full(&error), false))?;
                if secured == SmtpTls::StartTls {
                    Tls::Required(parameters)
                } else {
                    Tls::Wrapper(parameters)
                }
            }
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.host)
            .port(self.port)
            .tls(tls)
            .timeout(Some(self.settings.timeout));
        if let Some((name, password)) = &self.settings.login {
            let credentials = Credentials::new(name.clone(), password.reveal().to_owned());
            transport = transport.credentials(credentials);
        }
        let sent = transport.build().send(message).await;
        sent.map(|_response| ()).map_err(|error| {
            // A login that is refused is mended within minutes, as 401 and 403 of a webhook are.
            let is_about_login = error.status().is_some_and(|code| code.category == Category::Unspecified3);
            self.error(in_full(&error), error.is_permanent() && !is_about_login)
        })
    }

    fn parameters(&self, trust: &Trust) -> Result<TlsParameters, lettre::transport::smtp::Error> {
        let mut builder = TlsParameters::builder(self.host.clone());
        for certificate in trust.more() {
            builder = builder.add_root_certificate(Certificate::from_der(certificate.to_vec())?);
        }
        builder.build()
    }
}

/// An error and what caused it: by itself it says only where it happened.
fn in_full(error: &lettre::transport::smtp::Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !words.contains(&more) {
            words.push_str(": ");
            words.push_str(&more);
        }
        cause = inner.source();
    }
    words
}
