//! What is shown to a person: lines of coloured spans, and tables.
//!
//! All text passes through [`Span`], which makes control characters visible: a flag's description comes from somebody
//! else and must not be able to move the cursor or repaint the terminal.

use std::fmt::Write as _;

/// How a span stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    /// On, done, up to date.
    Good,
    /// For some, not yet.
    Partial,
    /// Off, beside the point.
    Faint,
    /// Somebody should know.
    Loud,
}

impl Tone {
    const fn start(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Good => "\x1b[32m",
            Self::Partial => "\x1b[33m",
            Self::Faint => "\x1b[2m",
            Self::Loud => "\x1b[1;31m",
        }
    }
}

/// A piece of a line. Its text holds no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    text: String,
    tone: Tone,
}

impl Span {
    pub(crate) fn new(text: &str, tone: Tone) -> Self {
        Self { text: visible(text), tone }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

impl From<&str> for Span {
    fn from(text: &str) -> Self {
        Self::new(text, Tone::Plain)
    }
}

impl From<String> for Span {
    fn from(text: String) -> Self {
        Self::new(&text, Tone::Plain)
    }
}

/// What is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Page {
    lines: Vec<Vec<Span>>,
}

impl Page {
    pub(crate) fn of_line(span: impl Into<Span>) -> Self {
        let mut page = Self::default();
        page.line([span.into()]);
        page
    }

    pub(crate) fn line(&mut self, spans: impl IntoIterator<Item = Span>) {
        self.lines.push(spans.into_iter().collect());
    }

    pub(crate) fn blank(&mut self) {
        self.lines.push(Vec::new());
    }

    /// Adds rows whose cells stand under each other, two spaces apart, behind an indentation.
    pub(crate) fn table(&mut self, indentation: usize, rows: Vec<Vec<Span>>) {
        let mut widths: Vec<usize> = Vec::new();
        for row in &rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        for row in rows {
            let mut line = vec![Span::from(" ".repeat(indentation))];
            let mut owed = 0;
            for (cell, width) in row.into_iter().zip(&widths) {
                // Padding is owed until another cell with text follows: lines have no blanks at their end.
                if cell.text.is_empty() {
                    owed += width + 2;
                    continue;
                }
                line.push(Span::from(" ".repeat(owed)));
                owed = width - cell.width() + 2;
                line.push(cell);
            }
            self.lines.push(line);
        }
    }

    /// The text, each line with its end.
    pub(crate) fn render(&self, colours: bool) -> String {
        let mut text = String::new();
        for line in &self.lines {
            for span in line {
                if colours && span.tone != Tone::Plain && !span.text.is_empty() {
                    text.push_str(span.tone.start());
                    text.push_str(&span.text);
                    text.push_str("\x1b[0m");
                } else {
                    text.push_str(&span.text);
                }
            }
            text.push('\n');
        }
        text
    }
}

/// Replaces what a terminal would obey, or what would reorder the text around it, by its escape.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            _ if letter.is_control() || is_reordering(letter) => {
                // Writing to a string cannot fail.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(letter));
            }
            _ => shown.push(letter),
        }
    }
    shown
}

/// JSON escapes the first 32 characters only; the others that a terminal would obey are escaped here, the JSON way.
pub(crate) fn visible_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter != '\n' && (letter.is_control() || is_reordering(letter)) {
            // Writing to a string cannot fail.
            let _ = write!(shown, "\\u{:04x}", u32::from(letter));
        } else {
            shown.push(letter);
        }
    }
    shown
}

const fn is_reordering(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(
            visible("a\x1b[2Jb\nc\u{9b}d\u{202e}e\0é🙂"),
            "a\\u{1b}[2Jb\\nc\\u{9b}d\\u{202e}e\\u{0}é🙂"
        );
        assert_eq!(Page::of_line("a\x1bb").render(true), "a\\u{1b}b\n");
    }

    #[test]
    fn json_stays_the_same_value() {
        let text = "a\u{9b}b\u{202e}c\x1b\n";
        let json = visible_json(&serde_json::to_string(text).unwrap());
        assert!(json.is_ascii(), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }

    #[test]
    fn tables_are_aligned_without_blanks_at_the_end() {
        let mut page = Page::default();
        let row = |cells: [&str; 3]| cells.into_iter().map(Span::from).collect::<Vec<_>>();
        page.table(1, vec![row(["KEY", "TYPE", "X"]), row(["dreams", "", "é"]), row(["a", "b", ""])]);
        assert_eq!(page.render(false), " KEY     TYPE  X\n dreams        é\n a       b\n");
    }

    #[test]
    fn colours_surround_only_what_has_a_tone() {
        let mut page = Page::default();
        page.line([Span::new("on", Tone::Good), Span::from(" x"), Span::new("", Tone::Faint)]);
        assert_eq!(page.render(true), "\x1b[32mon\x1b[0m x\n");
        assert_eq!(page.render(false), "on x\n");
    }
}
