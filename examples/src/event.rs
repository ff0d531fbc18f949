//! What a service says on its standard output: a line for people, or a JSON object for programs.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::flag::{FLAG, FlagState};
use crate::{clock, output};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The service takes requests.
    Listens {
        /// Where.
        url: String,
    },
    /// The flag does something else than before; or, as the first thing, what it does.
    Flag {
        /// What.
        state: FlagState,
        /// Since which revision, as far as this service knows.
        revision: u64,
        /// Why, in OpenFeature's words.
        why: &'static str,
    },
    /// The service ended as it was asked to.
    Stopped,
}

/// Says what happens, under the service's name.
#[derive(Debug, Clone)]
pub struct Announcer {
    /// The service.
    pub service: &'static str,
    /// The instance, when it was given a name.
    pub instance: Option<String>,
    /// Whether to speak JSON.
    pub json: bool,
}

impl Announcer {
    /// Says it, with the time.
    pub fn say(&self, event: &Event) {
        let at = clock::wall();
        if self.json {
            output::line(&self.object(at, event).to_string());
        } else {
            output::line(&self.words(at, event));
        }
    }

    fn words(&self, at: Timestamp, event: &Event) -> String {
        let service = self.service;
        match event {
            Event::Listens { url } => format!("{service} listens on {url}"),
            Event::Flag { state, revision, why } => {
                let state = state.as_str();
                format!("{at:.6} {service}: {FLAG} is {state} at revision {revision} ({why})")
            }
            Event::Stopped => format!("{at:.6} {service}: stopped"),
        }
    }

    fn object(&self, at: Timestamp, event: &Event) -> Value {
        let mut object = match event {
            Event::Listens { url } => json!({"event": "listens", "url": url}),
            Event::Flag { state, revision, why } => json!({
                "event": "flag", "flag": FLAG, "state": state.as_word(), "revision": revision, "why": why,
            }),
            Event::Stopped => json!({"event": "stopped"}),
        };
        if let Some(fields) = object.as_object_mut() {
            fields.insert("at".to_owned(), format!("{at:.6}").into());
            fields.insert("service".to_owned(), self.service.into());
            fields.insert("instance".to_owned(), self.instance.as_deref().into());
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(event: &Event, words: &str, object: Value) {
        let announcer = Announcer { service: "ui", instance: Some("ui-1".to_owned()), json: false };
        let at: Timestamp = "2025-11-21T07:39:19.123456Z".parse().unwrap();
        assert_eq!(announcer.words(at, event), words);
        assert_eq!(announcer.object(at, event), object);
    }

    #[test]
    fn events_are_said_in_words_and_in_json() {
        let url = "http://127.0.0.1:4711".to_owned();
        check(
            &Event::Listens { url },
            "ui listens on http://127.0.0.1:4711",
            json!({
                "event": "listens", "at": "2025-11-21T07:39:19.123456Z", "service": "ui", "instance": "ui-1",
                "url": "http://127.0.0.1:4711",
            }),
        );
        let event = Event::Flag { state: FlagState::On, revision: 7, why: "STATIC" };
        check(
            &event,
            "2025-11-21T07:39:19.123456Z ui: elevenlabs_agent is ON at revision 7 (STATIC)",
            json!({
                "event": "flag", "at": "2025-11-21T07:39:19.123456Z", "service": "ui", "instance": "ui-1",
                "flag": "elevenlabs_agent", "state": "on", "revision": 7, "why": "STATIC",
            }),
        );
    }
}
