//! The chart of a simulation as text: a row for each flag and segment, a column for each moment at which something changed.

use mycelia_flags_core::plan::duration_text::Exact;

use super::lane::{Lane, lanes};
use super::{SimulatedEventView, SimulationView};
use crate::page::{Page, Span, Tone};

/// Letters of a line; what is wider begins again below.
const WIDTH: usize = 112;

/// Letters of a cell.
const CELL_CHARS_MAX: usize = 22;

/// What stands where nothing changed.
const SAME: &str = "·";

/// Adds the chart to a page.
pub(super) fn draw(view: &SimulationView, page: &mut Page) {
    let lanes = lanes(view);
    let label = |lane: &Lane| match lane.place.as_str() {
        "" => lane.flag.clone(),
        place => format!("{} ({place})", lane.flag),
    };
    let mut labels = vec!["day".to_owned(), "after".to_owned()];
    labels.extend(lanes.iter().map(label));
    labels.push("plan".to_owned());
    let gutter = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
    let mut block: Vec<Vec<String>> = Vec::new();
    let mut width = gutter;
    for column in columns(view, &lanes) {
        let widest = column.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
        if width + widest + 2 > WIDTH && !block.is_empty() {
            print(&labels, &std::mem::take(&mut block), page);
            width = gutter;
        }
        width += widest + 2;
        block.push(column);
    }
    print(&labels, &block, page);
}

/// The cells of each column, from above.
fn columns(view: &SimulationView, lanes: &[Lane]) -> Vec<Vec<String>> {
    let mut columns = Vec::new();
    let mut before: Vec<String> = Vec::new();
    for (index, event) in view.events.iter().enumerate() {
        // What happens at one moment is one column.
        if view.events.get(index + 1).is_some_and(|next| next.after_seconds == event.after_seconds) {
            continue;
        }
        let cells = lanes.iter().map(|lane| cut(lane.cells.get(index).map_or("", String::as_str)));
        let now: Vec<String> = cells.chain([state(event)]).collect();
        if now == before {
            continue;
        }
        let mut column = vec![event.day.to_string(), Exact(event.after_seconds).to_string()];
        for (place, cell) in now.iter().enumerate() {
            let is_same = before.get(place) == Some(cell);
            column.push(if is_same { SAME.to_owned() } else { cell.clone() });
        }
        columns.push(column);
        before = now;
    }
    columns
}

fn state(event: &SimulatedEventView) -> String {
    let word = match event.state.as_str() {
        "waiting for a gate" => "waits",
        "running" => "until its date",
        "holding" => "holds",
        "rolling back" => "goes down",
        other => other,
    };
    format!("{} {word}", event.stage + 1)
}

fn cut(text: &str) -> String {
    if text.chars().count() <= CELL_CHARS_MAX {
        return text.to_owned();
    }
    let beginning: String = text.chars().take(CELL_CHARS_MAX - 1).collect();
    format!("{beginning}…")
}

fn print(labels: &[String], columns: &[Vec<String>], page: &mut Page) {
    if columns.is_empty() {
        return;
    }
    let rows = labels.iter().enumerate().map(|(row, label)| {
        let is_heading = row < 2;
        let mut line = vec![Span::new(label, if is_heading { Tone::Faint } else { Tone::Plain })];
        line.extend(columns.iter().map(|column| {
            let cell = column.get(row).map_or("", String::as_str);
            let is_faint = is_heading || cell == SAME;
            Span::new(cell, if is_faint { Tone::Faint } else { tone(cell) })
        }));
        line
    });
    page.table(0, rows.collect());
    page.blank();
}

fn tone(cell: &str) -> Tone {
    match cell {
        "disabled" | "0%" => Tone::Faint,
        "100%" => Tone::Good,
        _ if cell.ends_with("latched") || cell.ends_with("goes down") || cell.ends_with("paused") => {
            Tone::Loud
        }
        _ if cell.ends_with("waits") => Tone::Partial,
        _ => Tone::Plain,
    }
}
