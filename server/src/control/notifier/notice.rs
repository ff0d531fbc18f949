//! What a receiver is told, and how each kind of target wants to hear it.

use mycelia_flags_core::event::{Event, EventKind};
use mycelia_flags_core::incident::Severity;
use mycelia_flags_core::record::Record;
use mycelia_flags_core::revision::{Revision, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::state::Epoch;

/// The payload of a webhook, field by field; `docs/notifications.md` describes it. It is also what a dead letter keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The same whenever the event is told again: receivers recognise by it what they have had.
    pub id: String,
    /// What kind of event it is, such as `plan.stage`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// When it happened, in RFC 3339.
    pub at: String,
    /// In which revision; 0 when it stands for none.
    pub revision: u64,
    /// Where; empty when it concerns what all environments share.
    pub environments: Vec<String>,
    /// The flags that it concerns.
    pub flags: Vec<String>,
    /// The plan that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Who caused it.
    pub actor: String,
    /// Why, in their words; may be empty.
    pub reason: String,
    /// What happened, in one line.
    pub words: String,
    /// What it rests on, a line each; may be empty.
    pub evidence: Vec<String>,
    /// The report of a plan's day, for a digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub markdown: Option<String>,
}

/// What a notice says beside its event.
#[derive(Debug, Clone)]
pub struct Origin<'o> {
    /// The notice's name.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// In which revision.
    pub revision: Revision,
    /// Who.
    pub actor: &'o str,
    /// Why.
    pub reason: &'o str,
}

impl Notice {
    /// The notice of an event of a record, the `place`th of them from 0 on.
    #[must_use]
    pub fn of_record(epoch: Epoch, record: &Record, place: usize, event: Event) -> Self {
        let origin = Origin {
            id: format!("{epoch}-{}-{place}", record.revision),
            at: record.committed_at,
            revision: record.revision,
            actor: &record.change_set.actor,
            reason: &record.change_set.reason,
        };
        Self::of(origin, event)
    }

    /// The notice of an event.
    #[must_use]
    pub fn of(origin: Origin<'_>, event: Event) -> Self {
        Self {
            id: origin.id,
            kind: event.kind.as_str().to_owned(),
            severity: event.severity.as_str().to_owned(),
            at: origin.at.to_string(),
            revision: origin.revision.get(),
            environments: event.environments.iter().map(ToString::to_string).collect(),
            flags: event.flags.iter().map(ToString::to_string).collect(),
            plan: event.plan.map(|plan| plan.to_string()),
            actor: origin.actor.to_owned(),
            reason: origin.reason.to_owned(),
            words: event.words,
            evidence: event.evidence,
            markdown: None,
        }
    }

    /// What somebody sends to try a target out.
    #[must_use]
    pub fn test(epoch: Epoch, target: &str, at: Timestamp) -> Self {
        let event = Event {
            kind: EventKind::Test,
            severity: Severity::Info,
            environments: Vec::new(),
            flags: Vec::new(),
            plan: None,
            words: format!("a test of the notification target {target}"),
            evidence: Vec::new(),
            notify: Vec::new(),
        };
        let id = format!("{epoch}-test-{}", at.unix_micros());
        Self::of(Origin { id, at, revision: Revision::ZERO, actor: "mycelia", reason: "" }, event)
    }

    /// The body of a webhook: this structure as JSON.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        // Text and numbers always have a form in JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// One line that says it all: the subject of a mail, the text of a message.
    #[must_use]
    pub fn line(&self) -> String {
        match self.severity.as_str() {
            "critical" => format!("CRITICAL: {}", self.words),
            "warning" => format!("Warning: {}", self.words),
            _ => self.words.clone(),
        }
    }

    /// Where, what and who, for people.
    fn context(&self) -> String {
        let mut parts = vec![self.kind.clone()];
        if !self.environments.is_empty() {
            parts.push(self.environments.join(", "));
        }
        if !self.actor.is_empty() {
            parts.push(format!("by {}", self.actor));
        }
        if self.revision > 0 {
            parts.push(format!("revision {}", self.revision));
        }
        parts.push(self.at.clone());
        parts.join(" · ")
    }

    /// The message of a Slack-compatible incoming webhook: `text` for the notification, `blocks` for the channel.
    #[must_use]
    pub fn slack(&self) -> Value {
        let mark = match self.severity.as_str() {
            "critical" => ":rotating_light: ",
            "warning" => ":warning: ",
            _ => "",
        };
        let section =
            |text: &str| json!({ "type": "section", "text": { "type": "mrkdwn", "text": cut(text) } });
        let mut blocks = vec![section(&format!("{mark}*{}*", escaped(&self.words)))];
        if !self.reason.is_empty() && !self.words.contains(&self.reason) {
            blocks.push(section(&format!("> {}", escaped(&self.reason).replace('\n', "\n> "))));
        }
        if !self.evidence.is_empty() {
            blocks.push(section(&format!("```{}```", escaped(&self.evidence.join("\n")))));
        }
        if let Some(markdown) = &self.markdown {
            blocks.push(section(&format!("```{}```", escaped(markdown))));
        }
        let context = json!({ "type": "mrkdwn", "text": cut(&escaped(&self.context())) });
        blocks.push(json!({ "type": "context", "elements": [context] }));
        json!({ "text": escaped(&self.line()), "blocks": blocks })
    }

    /// The body of a mail.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n\n{}\n", self.words, self.context());
        if !self.reason.is_empty() {
            text.push_str(&format!("\nReason: {}\n", self.reason));
        }
        if !self.flags.is_empty() {
            text.push_str(&format!("Flags: {}\n", self.flags.join(", ")));
        }
        if !self.evidence.is_empty() {
            text.push_str(&format!("\n{}\n", self.evidence.join("\n")));
        }
        if let Some(markdown) = &self.markdown {
            text.push_str(&format!("\n{markdown}\n"));
        }
        text.push_str(&format!("\nEvent {}\n", self.id));
        text
    }
}

/// What a text block of Slack holds.
const BLOCK_LETTERS_MAX: usize = 2_900;

/// Cuts a text to what a block holds, and says so. One that ends a code block still ends it.
fn cut(text: &str) -> String {
    if text.chars().count() <= BLOCK_LETTERS_MAX {
        return text.to_owned();
    }
    let end = if text.ends_with("```") { "…```" } else { "…" };
    text.chars().take(BLOCK_LETTERS_MAX).chain(end.chars()).collect()
}

/// Slack's three letters that mean something else. What people write must not become a link or a mention.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice() -> Notice {
        Notice {
            id: "e-7-0".to_owned(),
            kind: "guard.fired".to_owned(),
            severity: "critical".to_owned(),
            at: "2026-11-27T08:00:00.000000Z".to_owned(),
            revision: 7,
            environments: vec!["production".to_owned()],
            flags: vec!["dreams".to_owned()],
            plan: None,
            actor: "mycelia".to_owned(),
            reason: "see <!channel> & co".to_owned(),
            words: "error_rate > 5%".to_owned(),
            evidence: vec!["error_rate = 7%".to_owned()],
            markdown: None,
        }
    }

    #[test]
    fn slack_gets_text_and_blocks_in_which_nothing_is_a_mention() {
        let message = notice().slack();
        assert_eq!(message["text"], "CRITICAL: error_rate &gt; 5%");
        let blocks = message["blocks"].as_array().unwrap();
        assert_eq!(blocks[0]["text"]["text"], ":rotating_light: *error_rate &gt; 5%*");
        assert_eq!(blocks[1]["text"]["text"], "> see &lt;!channel&gt; &amp; co");
        assert_eq!(blocks[2]["text"]["text"], "```error_rate = 7%```");
        assert_eq!(blocks[3]["type"], "context");
        let context = blocks[3]["elements"][0]["text"].as_str().unwrap();
        assert!(context.starts_with("guard.fired · production · by mycelia · revision 7"), "{context}");
    }

    #[test]
    fn a_long_report_is_cut_to_what_a_block_holds() {
        let long = Notice { markdown: Some("x".repeat(10_000)), ..notice() };
        let message = long.slack();
        let block = message["blocks"][3]["text"]["text"].as_str().unwrap();
        assert!(block.chars().count() <= 3_000 && block.ends_with("…```"));
    }

    #[test]
    fn what_was_kept_is_read_again() {
        let kept: Notice = serde_json::from_slice(&notice().body()).unwrap();
        assert_eq!(kept, notice());
        let body: Value = serde_json::from_slice(&notice().body()).unwrap();
        assert_eq!((&body["type"], &body["revision"]), (&"guard.fired".into(), &7.into()));
        assert!(body.get("markdown").is_none() && body.get("plan").is_none());
    }
}
