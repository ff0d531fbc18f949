//! Whom the server tells, as its operator has configured it. Checked as a whole, before the server starts.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use mycelia_flags_core::event::{Event, EventKind};
use mycelia_flags_core::incident::Severity;
use mycelia_flags_core::key::EnvironmentKey;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::outbound::http::Address;
use crate::outbound::secret::{Secret, SecretSource};
use crate::outbound::smtp::{Mailer, MailerSettings, SmtpTls};

/// What a file of targets says, before it is checked.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotifyFile {
    /// The targets.
    #[serde(default)]
    pub notify: Vec<TargetTable>,
}

/// One `[[notify]]` table.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "docs/operations.md describes the keys of the file")]
pub struct TargetTable {
    pub name: String,
    pub kind: String,
    pub url: Option<String>,
    pub url_file: Option<PathBuf>,
    pub url_env: Option<String>,
    pub secret_file: Option<PathBuf>,
    pub secret_env: Option<String>,
    #[serde(default)]
    pub events: Vec<String>,
    pub min_severity: Option<String>,
    #[serde(default)]
    pub environments: Vec<String>,
    pub digest: Option<String>,
    pub timeout_seconds: Option<u64>,
    pub attempts: Option<u32>,
    pub smtp: Option<String>,
    pub tls: Option<String>,
    pub from: Option<String>,
    #[serde(default)]
    pub to: Vec<String>,
    pub username: Option<String>,
    // Known, so that they can be refused for what they are.
    pub secret: Option<IgnoredAny>,
    pub password: Option<IgnoredAny>,
    pub token: Option<IgnoredAny>,
}

/// Something in the configuration is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("notification target `{target}`: {field}: {allowed}")]
pub struct TargetFault {
    /// The target's name, or its place in the file when it has none.
    pub target: String,
    /// The key of its table.
    pub field: &'static str,
    /// What is allowed there.
    pub allowed: String,
}

/// How a target hears.
#[derive(Debug, Clone)]
pub enum Channel {
    /// A POST of the notice as JSON, signed.
    Webhook {
        /// Where to.
        address: Address,
        /// What it is signed with.
        secret: Secret,
    },
    /// A POST to a Slack-compatible incoming webhook, whose address is the secret.
    Slack {
        /// Where to.
        address: Address,
    },
    /// A mail.
    Email(Mailer),
}

impl Channel {
    /// The word for it in the configuration.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Slack { .. } => "slack",
            Self::Email(_) => "email",
        }
    }

    /// What may be shown of where it leads.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Webhook { address, .. } | Self::Slack { address } => address.shown(),
            Self::Email(mailer) => mailer.shown(),
        }
    }
}

/// Which events a target wants to hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Kinds; none means all.
    pub kinds: BTreeSet<EventKind>,
    /// Nothing below this.
    pub severity_min: Severity,
    /// Only there; none means everywhere. What concerns all environments always passes.
    pub environments: Vec<EnvironmentKey>,
}

impl Filter {
    /// Whether an event passes.
    #[must_use]
    pub fn passes(&self, event: &Event) -> bool {
        let is_there = || {
            event.environments.is_empty()
                || event.environments.iter().any(|environment| self.environments.contains(environment))
        };
        (self.kinds.is_empty() || self.kinds.contains(&event.kind))
            && event.severity >= self.severity_min
            && (self.environments.is_empty() || is_there())
    }
}

/// Whom the server tells.
#[derive(Debug, Clone)]
pub struct Target {
    /// Unique; also the name of the file in which the server remembers how far it is with it.
    pub name: String,
    /// How it hears.
    pub channel: Channel,
    /// Of what.
    pub filter: Filter,
    /// The minute of the day, in UTC, at which it gets the reports of running plans.
    pub digest_minute: Option<u32>,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How often a notice is tried before it is put aside.
    pub attempts: u32,
}

impl Target {
    /// Whether it hears of an event: it has asked for it, or the event names it.
    #[must_use]
    pub fn hears(&self, event: &Event) -> bool {
        event.notify.iter().any(|name| **name == *self.name) || self.filter.passes(event)
    }
}

const ATTEMPTS: u32 = 8;
const ATTEMPTS_MAX: u32 = 20;
const TIMEOUT_SECONDS: u64 = 10;
const TIMEOUT_SECONDS_MAX: u64 = 120;
const NAME_BYTES_MAX: usize = 64;

/// Checks the tables of a file and reads the secrets that they name.
///
/// # Errors
/// Everything that is wrong with them, at once.
pub fn check(file: NotifyFile) -> Result<Vec<Target>, Vec<TargetFault>> {
    let (mut targets, mut faults, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (index, table) in file.notify.into_iter().enumerate() {
        let name = if table.name.is_empty() { format!("#{}", index + 1) } else { table.name.clone() };
        let mut checking = Checking { name, faults: Vec::new() };
        if !names.insert(table.name.clone()) {
            checking.fault("name", "a name that no other target has");
        }
        let target = checking.target(&table);
        faults.append(&mut checking.faults);
        targets.extend(target);
    }
    if faults.is_empty() { Ok(targets) } else { Err(faults) }
}

struct Checking {
    name: String,
    faults: Vec<TargetFault>,
}

impl Checking {
    fn fault(&mut self, field: &'static str, allowed: impl Into<String>) {
        self.faults.push(TargetFault { target: self.name.clone(), field, allowed: allowed.into() });
    }

    fn target(&mut self, table: &TargetTable) -> Option<Target> {
        let is_letter =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if table.name.is_empty() || table.name.len() > NAME_BYTES_MAX || !table.name.bytes().all(is_letter) {
            self.fault("name", "1 to 64 lower case letters, digits, - and _");
        }
        let literals = [("secret", &table.secret), ("password", &table.password), ("token", &table.token)];
        for (field, _) in literals.into_iter().filter(|(_, literal)| literal.is_some()) {
            self.fault(
                field,
                "no secret stands in the file itself: name its place by secret_file or secret_env",
            );
        }
        let filter = self.filter(table);
        let digest_minute = table.digest.as_deref().and_then(|text| {
            let minute = minute_of_day(text);
            if minute.is_none() {
                self.fault("digest", "a time of the day in UTC, such as \"08:00\"");
            }
            minute
        });
        let seconds = table.timeout_seconds.unwrap_or(TIMEOUT_SECONDS);
        if !(1..=TIMEOUT_SECONDS_MAX).contains(&seconds) {
            self.fault("timeout_seconds", format!("1 to {TIMEOUT_SECONDS_MAX} seconds"));
        }
        let attempts = table.attempts.unwrap_or(ATTEMPTS);
        if !(1..=ATTEMPTS_MAX).contains(&attempts) {
            self.fault("attempts", format!("1 to {ATTEMPTS_MAX} attempts"));
        }
        let timeout = Duration::from_secs(seconds);
        let channel = self.channel(table, timeout)?;
        let name = table.name.clone();
        Some(Target { name, channel, filter, digest_minute, timeout, attempts })
    }

    fn filter(&mut self, table: &TargetTable) -> Filter {
        let mut kinds = BTreeSet::new();
        for pattern in &table.events {
            let group = pattern.strip_suffix('*').filter(|group| group.ends_with('.'));
            let before = kinds.len();
            kinds.extend(EventKind::ALL.into_iter().filter(|kind| match group {
                Some(group) => kind.as_str().starts_with(group),
                None => kind.as_str() == *pattern,
            }));
            if kinds.len() == before && !EventKind::ALL.iter().any(|kind| kind.as_str() == *pattern) {
                let known: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
                self.fault(
                    "events",
                    format!(
                        "`{pattern}` is none of {}, and no group of them such as plan.*",
                        known.join(", ")
                    ),
                );
            }
        }
        let severity_min = match table.min_severity.as_deref() {
            None => Severity::Info,
            Some(text) => {
                Severity::ALL.into_iter().find(|known| known.as_str() == text).unwrap_or_else(|| {
                    self.fault("min_severity", "info, warning or critical");
                    Severity::Info
                })
            }
        };
        let mut environments = Vec::new();
        for text in &table.environments {
            match EnvironmentKey::parse(text) {
                Ok(environment) => environments.push(environment),
                Err(_no_name) => self.fault("environments", format!("`{text}` is no environment's key")),
            }
        }
        Filter { kinds, severity_min, environments }
    }

    fn channel(&mut self, table: &TargetTable, timeout: Duration) -> Option<Channel> {
        match table.kind.as_str() {
            "webhook" => {
                self.without(table, &["smtp", "tls", "from", "to", "username"]);
                let address = self.address(table, true);
                let secret = self.secret("secret_file", &table.secret_file, &table.secret_env);
                if secret.is_none() && table.secret_file.is_none() && table.secret_env.is_none() {
                    self.fault(
                        "secret_file",
                        "a webhook is signed: name its secret by secret_file or secret_env",
                    );
                }
                Some(Channel::Webhook { address: address?, secret: secret? })
            }
            "slack" => {
                self.without(table, &["smtp", "tls", "from", "to", "username", "secret_file", "secret_env"]);
                Some(Channel::Slack { address: self.address(table, false)? })
            }
            "email" => {
                self.without(table, &["url", "url_file", "url_env"]);
                self.mailer(table, timeout).map(Channel::Email)
            }
            other => {
                self.fault("kind", format!("webhook, slack or email, not `{other}`"));
                None
            }
        }
    }

    /// Keys that mean nothing for the kind: whoever writes them means something else.
    fn without(&mut self, table: &TargetTable, fields: &[&'static str]) {
        for field in fields {
            let is_there = match *field {
                "smtp" => table.smtp.is_some(),
                "tls" => table.tls.is_some(),
                "from" => table.from.is_some(),
                "to" => !table.to.is_empty(),
                "username" => table.username.is_some(),
                "secret_file" => table.secret_file.is_some(),
                "secret_env" => table.secret_env.is_some(),
                "url" => table.url.is_some(),
                "url_file" => table.url_file.is_some(),
                "url_env" => table.url_env.is_some(),
                _ => false,
            };
            if is_there {
                self.fault(field, format!("nothing: a target of kind {} has none", table.kind));
            }
        }
    }

    fn secret(
        &mut self,
        field: &'static str,
        file: &Option<PathBuf>,
        variable: &Option<String>,
    ) -> Option<Secret> {
        let source = match (file, variable) {
            (None, None) => return None,
            (Some(file), None) => SecretSource::File(file.clone()),
            (None, Some(variable)) => SecretSource::Variable(variable.clone()),
            (Some(_), Some(_)) => {
                self.fault(field, "a file or an environment variable, not both");
                return None;
            }
        };
        source.read().map_err(|error| self.fault(field, error.to_string())).ok()
    }

    fn address(&mut self, table: &TargetTable, literal: bool) -> Option<Address> {
        let (text, field) = match &table.url {
            Some(_) if !literal => {
                self.fault(
                    "url",
                    "the address of a Slack webhook is a secret: name its place by url_file or url_env",
                );
                return None;
            }
            Some(url) if table.url_file.is_none() && table.url_env.is_none() => (Secret::new(url), "url"),
            Some(_) => {
                self.fault("url", "one of url, url_file and url_env");
                return None;
            }
            None if table.url_file.is_none() && table.url_env.is_none() => {
                self.fault(if literal { "url" } else { "url_file" }, "where to send it");
                return None;
            }
            None => (self.secret("url_file", &table.url_file, &table.url_env)?, "url_file"),
        };
        Address::parse(text.reveal()).map_err(|error| self.fault(field, error.to_string())).ok()
    }

    fn mailer(&mut self, table: &TargetTable, timeout: Duration) -> Option<Mailer> {
        let password = self.secret("secret_file", &table.secret_file, &table.secret_env);
        if table.username.is_some() && table.secret_file.is_none() && table.secret_env.is_none() {
            self.fault("secret_file", "the password of the username, by secret_file or secret_env");
        }
        if table.username.is_none() && password.is_some() {
            self.fault("username", "whose password it is");
        }
        let tls = match table.tls.as_deref() {
            None | Some("starttls") => SmtpTls::StartTls,
            Some("implicit") => SmtpTls::Implicit,
            Some("none") => SmtpTls::None,
            Some(_) => {
                self.fault("tls", "starttls, implicit or none");
                return None;
            }
        };
        if tls == SmtpTls::None && table.username.is_some() {
            self.fault("tls", "starttls or implicit: a password is not sent without TLS");
        }
        let settings = MailerSettings {
            server: table.smtp.clone().unwrap_or_default(),
            tls,
            from: table.from.clone().unwrap_or_default(),
            to: table.to.clone(),
            login: table.username.clone().zip(password),
            timeout,
        };
        Mailer::new(settings).map_err(|fault| self.fault(fault.field, fault.allowed)).ok()
    }
}

fn minute_of_day(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let part = |text: &str, max: u32| match text.len() {
        2 => text.parse::<u32>().ok().filter(|number| *number <= max),
        _ => None,
    };
    Some(part(hours, 23)? * 60 + part(minutes, 59)?)
}

#[cfg(test)]
mod tests;
