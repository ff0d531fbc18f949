//! Answers that people read with `head` and programs with a parser: one JSON object, and each item of its list on a line
//! of its own.

use axum::body::Body;
use http::{HeaderValue, Response, header};
use serde::Serialize;

/// An object that grows line by line.
#[derive(Debug)]
pub(super) struct Lines {
    text: String,
    items: usize,
}

impl Lines {
    /// Begins with the fields of `head`, and then the list `name`.
    pub(super) fn begin(head: &impl Serialize, name: &str) -> Self {
        let mut text = json(head);
        text.pop();
        text.push_str(&format!(",\"{name}\":["));
        Self { text, items: 0 }
    }

    /// Adds an item.
    pub(super) fn add(&mut self, item: &impl Serialize) {
        self.add_text(&json(item));
    }

    /// Adds an item that is JSON already.
    pub(super) fn add_text(&mut self, item: &str) {
        self.text.push_str(if self.items == 0 { "\n" } else { ",\n" });
        self.text.push_str(item);
        self.items += 1;
    }

    /// The whole text.
    pub(super) fn end(mut self) -> String {
        self.text.push_str(if self.items == 0 { "]}\n" } else { "\n]}\n" });
        self.text
    }

    /// The answer.
    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.end()));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // Every answer is about this moment.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// What is written here are structures of ours, whose keys are text: that cannot fail.
pub(super) fn json(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value);
    debug_assert!(text.is_ok(), "{text:?}");
    text.unwrap_or_else(|_cannot_happen| "{}".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(items: &[u32], expected: &str) {
        let mut lines = Lines::begin(&json!({ "revision": 3 }), "flags");
        items.iter().for_each(|item| lines.add(&json!({ "key": item })));
        let text = lines.end();
        assert_eq!(text, expected);
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(parsed["flags"].as_array().unwrap().len(), items.len());
    }

    #[test]
    fn each_item_is_a_line() {
        check(&[], "{\"revision\":3,\"flags\":[]}\n");
        check(&[1], "{\"revision\":3,\"flags\":[\n{\"key\":1}\n]}\n");
        check(&[1, 2], "{\"revision\":3,\"flags\":[\n{\"key\":1},\n{\"key\":2}\n]}\n");
    }
}
