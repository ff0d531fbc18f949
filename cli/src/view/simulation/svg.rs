//! The chart of a simulation as one SVG file: a lane for each flag and segment, bands for the stages, days below.
//!
//! It holds no script and asks for nothing: it can be put into a document or a chat as it is.

use std::fmt::Write as _;

use mycelia_flags_core::plan::duration_text::Exact;

use super::SimulationView;
use super::lane::{Lane, lanes};

const WIDTH: f64 = 1_080.0;
const GUTTER: f64 = 244.0;
const RIGHT: f64 = 24.0;
const LANES_TOP: f64 = 84.0;
const LANE: f64 = 58.0;
const LANE_STEP: f64 = 76.0;
const DAY_SECONDS: u64 = 86_400;
const COLOURS: [&str; 6] = ["#2f6f4f", "#2b5f9e", "#8a4f9e", "#b0682a", "#3a7d84", "#9e3f5f"];
const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#24292f}.faint{fill:#57606a}.small{font-size:11px}\
                     .title{font-size:16px;font-weight:600}.guard{stroke:#cf222e;stroke-width:1.5}\
                     .guarded{fill:#cf222e}.grid{stroke:#d0d7de}";
const PATTERNS: &str = "<defs><pattern id=\"waits\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" \
    patternTransform=\"rotate(45)\"><rect width=\"3\" height=\"8\" fill=\"#bf8700\" fill-opacity=\"0.35\"/></pattern>\
    <pattern id=\"stopped\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" \
    patternTransform=\"rotate(-45)\"><rect width=\"3\" height=\"8\" fill=\"#cf222e\" fill-opacity=\"0.3\"/></pattern></defs>";

/// Draws it.
pub(crate) fn draw(view: &SimulationView) -> String {
    let lanes = lanes(view);
    let mut drawing = Drawing::of(view, lanes.len());
    drawing.bands();
    drawing.stops();
    for (index, lane) in lanes.iter().enumerate() {
        drawing.lane(index, lane);
    }
    drawing.days();
    drawing.guards();
    drawing.legend();
    drawing.finish()
}

struct Drawing<'v> {
    view: &'v SimulationView,
    /// Seconds from the left to the right end.
    span: f64,
    /// Where the lanes end.
    bottom: f64,
    /// Where the next line of text stands.
    text_y: f64,
    body: String,
}

impl<'v> Drawing<'v> {
    fn of(view: &'v SimulationView, lanes: usize) -> Self {
        let length = view.ended_after_seconds.max(view.events.last().map_or(0, |event| event.after_seconds));
        // A little more than what happened, so that the last state has room.
        let span = seconds(length.max(3_600)) * 1.06;
        let bottom = LANES_TOP + LANE_STEP * count(lanes.max(1));
        Self { view, span, bottom, text_y: bottom + 52.0, body: String::new() }
    }

    fn x(&self, after_seconds: u64) -> f64 {
        GUTTER + (WIDTH - GUTTER - RIGHT) * (seconds(after_seconds) / self.span).min(1.0)
    }

    fn right(&self) -> f64 {
        WIDTH - RIGHT
    }

    fn add(&mut self, element: &str) {
        self.body.push_str(element);
        self.body.push('\n');
    }

    fn text(&mut self, x: f64, y: f64, class: &str, words: &str) {
        self.add(&format!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{}</text>", escaped(words)));
    }

    fn area(&mut self, (from, to): (f64, f64), fill: &str, words: &str) {
        let (y, height, width) = (LANES_TOP - 24.0, self.bottom - LANES_TOP + 24.0, (to - from).max(0.5));
        self.add(&format!(
            "<rect x=\"{from:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{fill}\"><title>{}</title></rect>",
            escaped(words)
        ));
    }

    /// The stages, as bands with their numbers above.
    fn bands(&mut self) {
        let view = self.view;
        let entered: Vec<(usize, u64)> =
            view.events.iter().map(|event| (event.stage, event.after_seconds)).collect();
        let mut bands: Vec<(usize, u64)> = entered;
        bands.dedup_by_key(|(stage, _)| *stage);
        for (index, (stage, from)) in bands.iter().enumerate() {
            let to = bands.get(index + 1).map_or(self.right(), |(_, to)| self.x(*to));
            let from = self.x(*from);
            let name = view.stages.get(*stage).map_or("", String::as_str);
            let fill = if stage % 2 == 0 { "#f6f8fa" } else { "#e9eef4" };
            self.area((from, to), fill, &format!("stage {}: {name}", stage + 1));
            if to - from >= 14.0 {
                self.text(from + 4.0, LANES_TOP - 10.0, "small faint", &(stage + 1).to_string());
            }
        }
    }

    /// Where the plan waits for people, and where it was stopped.
    fn stops(&mut self) {
        let view = self.view;
        for (index, event) in view.events.iter().enumerate() {
            let fill = match event.state.as_str() {
                "waiting for a gate" => "url(#waits)",
                "paused" | "latched" | "rolling back" => "url(#stopped)",
                _ => continue,
            };
            let to = view.events.get(index + 1).map_or(self.right(), |next| self.x(next.after_seconds));
            let from = self.x(event.after_seconds);
            if to > from {
                self.area((from, to), fill, &event.what);
            }
        }
    }

    /// One flag: a step for each percentage, a word for each other value.
    fn lane(&mut self, index: usize, lane: &Lane) {
        let view = self.view;
        let top = LANES_TOP + LANE_STEP * count(index);
        let y = |share: f64| top + LANE - LANE * share / 100.0;
        let colour = COLOURS.get(index % COLOURS.len()).copied().unwrap_or("#24292f");
        self.text(12.0, top + LANE / 2.0, "", &shortened(&lane.flag, 28));
        self.text(12.0, top + LANE / 2.0 + 15.0, "small faint", &shortened(&lane.place, 30));
        for share in [0.0, 50.0, 100.0] {
            let (y, right) = (y(share), self.right());
            self.add(&format!(
                "<line x1=\"{GUTTER}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" class=\"grid\"/>"
            ));
            self.text(GUTTER - 34.0, y + 4.0, "small faint", &format!("{share}%"));
        }
        let (mut line, mut level, mut labels) = (String::new(), 0.0, Vec::new());
        let mut serves = super::DARK;
        // Writing into a string cannot fail.
        let _ = write!(line, "M{GUTTER:.1},{:.1}", y(0.0));
        for (event, now) in view.events.iter().zip(&lane.cells) {
            let x = self.x(event.after_seconds);
            let next = share(now);
            let _ = write!(line, " H{x:.1} V{:.1}", y(next));
            if now != serves {
                labels.push((x, y(next), now));
            }
            (level, serves) = (next, now);
        }
        let right = self.right();
        let _ = write!(line, " H{right:.1}");
        self.add(&format!(
            "<path d=\"{line} V{:.1} H{GUTTER} Z\" fill=\"{colour}\" fill-opacity=\"0.22\"/>",
            y(0.0)
        ));
        self.add(&format!("<path d=\"{line}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"));
        debug_assert!((0.0..=100.0).contains(&level), "a share is a percentage");
        for (index, (x, y, words)) in labels.iter().enumerate() {
            let room = labels.get(index + 1).map_or(right, |(next, _, _)| *next) - x;
            let chars = room / 6.5;
            let words = if chars >= 3.0 { shortened(words, whole(chars)) } else { continue };
            // Above the line, or below it where the lane ends.
            let y = if y - top < 14.0 { y + 13.0 } else { y - 4.0 };
            self.text(x + 3.0, y, "small", &words);
        }
    }

    fn days(&mut self) {
        let first = u64::from(self.view.events.first().map_or(1, |event| event.day));
        let days = whole(self.span / seconds(DAY_SECONDS));
        let days = u64::try_from(days).unwrap_or(u64::MAX);
        let step = [1, 2, 5, 7, 14, 28, 91].into_iter().find(|step| days / step <= 16).unwrap_or(365);
        let mut day = 0;
        while day <= days {
            let (x, bottom) = (self.x(day.saturating_mul(DAY_SECONDS)), self.bottom);
            let end = bottom + 6.0;
            self.add(&format!(
                "<line x1=\"{x:.1}\" y1=\"{bottom}\" x2=\"{x:.1}\" y2=\"{end}\" stroke=\"#57606a\"/>"
            ));
            // At the very end there is no room for the words.
            if x < self.right() - 16.0 {
                self.text(x - 4.0, bottom + 20.0, "small faint", &format!("day {}", first + day));
            }
            day += step;
        }
    }

    fn guards(&mut self) {
        let view = self.view;
        let guards = view.events.iter().filter(|event| event.is_guard());
        for (number, event) in (1..).zip(guards) {
            let (x, top, bottom): (f64, f64, f64) =
                (self.x(event.after_seconds), LANES_TOP - 24.0, self.bottom);
            self.add(&format!(
                "<line x1=\"{x:.1}\" y1=\"{top}\" x2=\"{x:.1}\" y2=\"{bottom}\" class=\"guard\"/>"
            ));
            self.text(x - 5.0, top - 4.0, "small guarded", &format!("▼{number}"));
            let words = format!(
                "▼{number}  day {}, {} after the start: {}",
                event.day,
                Exact(event.after_seconds),
                event.what
            );
            let y = self.text_y;
            self.text(12.0, y, "small guarded", &words);
            self.text_y += 16.0;
        }
    }

    fn legend(&mut self) {
        let mut x = 12.0;
        let y = self.text_y;
        for (fill, words) in [
            ("#2f6f4f", "share that gets the flag"),
            ("url(#waits)", "waits for a gate"),
            ("url(#stopped)", "stopped or taken back"),
        ] {
            self.add(&format!(
                "<rect x=\"{x}\" y=\"{:.1}\" width=\"16\" height=\"11\" fill=\"{fill}\" stroke=\"#d0d7de\"/>",
                y - 10.0
            ));
            self.text(x + 22.0, y, "small", words);
            x += 40.0 + 6.5 * count(words.chars().count());
        }
        self.text(x, y, "small guarded", "▼ a guard");
        self.text_y += 20.0;
        for (number, name) in (1..).zip(&self.view.stages) {
            let y = self.text_y;
            self.text(12.0, y, "small faint", &format!("stage {number}: {name}"));
            self.text_y += 15.0;
        }
    }

    fn finish(self) -> String {
        let view = self.view;
        let height = self.text_y + 6.0;
        let title = escaped(&format!("{} in simulated time", view.plan));
        let from = escaped(&format!("from {}; in the end: {}", super::minute(&view.started), view.state));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
             role=\"img\" aria-labelledby=\"title\">\n<title id=\"title\">{title}</title>\n<style>{STYLE}</style>\n{PATTERNS}\n\
             <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
             <text x=\"12\" y=\"24\" class=\"title\">{title}</text>\n<text x=\"12\" y=\"42\" class=\"faint\">{from}</text>\n{}</svg>\n",
            self.body
        )
    }
}

/// How many get the flag: the percentage; all where it has another value.
fn share(serves: &str) -> f64 {
    if serves == super::DARK {
        return 0.0;
    }
    let percent = serves.strip_suffix('%');
    percent
        .and_then(|percent| percent.parse().ok())
        .filter(|share| (0.0..=100.0).contains(share))
        .unwrap_or(100.0)
}

fn shortened(words: &str, chars: usize) -> String {
    if words.chars().count() <= chars {
        return words.to_owned();
    }
    let beginning: String = words.chars().take(chars.saturating_sub(1)).collect();
    format!("{beginning}…")
}

/// Text that a reader of XML takes for text, whatever it holds.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            _ if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            _ => safe.push(letter),
        }
    }
    safe
}

#[expect(clippy::cast_precision_loss, reason = "a place in a drawing")]
const fn seconds(seconds: u64) -> f64 {
    seconds as f64
}

#[expect(clippy::cast_precision_loss, reason = "a place in a drawing")]
const fn count(number: usize) -> f64 {
    number as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small number of days or letters"
)]
fn whole(number: f64) -> usize {
    number.clamp(0.0, 100_000.0) as usize
}
