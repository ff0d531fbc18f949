//! Ways back: how flags are taken back, with a plan or without.

use clap::Args;
use mycelia_flags_core::plan::{Ladder, duration_text};
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::rollback::Kind;

use crate::args::write::WriteArgs;
use crate::percent::Percent;

/// How flags go back; without any of these they are disabled at once.
#[derive(Debug, Clone, Default, Args)]
#[group(multiple = true)]
pub(crate) struct WayBackArgs {
    /// Serve 0 % at once; who is on the canary allowlist keeps what they have
    #[arg(long, conflicts_with_all = ["gradually", "segments", "canary_off"])]
    pub(crate) to_zero: bool,

    /// Step by step, with a stay on each percentage [default: 50,25,0, or what the plan says]
    #[arg(
        long,
        value_name = "PERCENTS",
        num_args = 0..=1,
        value_parser = parse_rungs,
        conflicts_with_all = ["segments", "canary_off"]
    )]
    pub(crate) gradually: Option<Option<Rungs>>,

    /// How long each step lasts [default: 10m, or what the plan says]
    #[arg(long, value_name = "DURATION", value_parser = parse_length, requires = "gradually")]
    pub(crate) every: Option<u64>,

    /// Only for whoever is in one of these segments, such as B,C,D; everybody else keeps the flag
    #[arg(long, value_name = "SEGMENT", value_delimiter = ',', conflicts_with = "canary_off")]
    pub(crate) segments: Vec<String>,

    /// Switch canary mode off
    #[arg(long)]
    pub(crate) canary_off: bool,
}

/// Percentages of a gradual rollback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rungs(Vec<Percent>);

fn parse_rungs(text: &str) -> Result<Rungs, String> {
    let complaint =
        || format!("expected percentages such as 50,25,0, each below the one before, not `{text}`");
    let rungs: Result<Vec<Percent>, _> = text.split(',').map(|rung| rung.trim().parse()).collect();
    let rungs = rungs.map_err(|_error| complaint())?;
    let falls = rungs
        .iter()
        .zip(rungs.iter().skip(1))
        .all(|(above, below)| above.thousandths() > below.thousandths());
    if falls { Ok(Rungs(rungs)) } else { Err(complaint()) }
}

fn parse_length(text: &str) -> Result<u64, String> {
    duration_text::parse(text).ok_or_else(|| format!("expected {}, not `{text}`", duration_text::GRAMMAR))
}

impl WayBackArgs {
    /// Whether the way has steps.
    pub(crate) const fn is_gradual(&self) -> bool {
        self.gradually.is_some()
    }

    /// The same as it is typed, with a blank before it.
    pub(crate) fn typed(&self) -> String {
        let mut typed = String::new();
        if self.to_zero {
            typed.push_str(" --to-zero");
        }
        if let Some(rungs) = &self.gradually {
            typed.push_str(" --gradually");
            if let Some(Rungs(rungs)) = rungs {
                let rungs: Vec<String> = rungs.iter().map(|rung| rung.as_f64().to_string()).collect();
                typed.push_str(&format!(" {}", rungs.join(",")));
            }
        }
        if let Some(seconds) = self.every {
            typed.push_str(&format!(" --every {}", duration_text::Exact(seconds)));
        }
        if !self.segments.is_empty() {
            typed.push_str(&format!(" --segments {}", self.segments.join(",")));
        }
        if self.canary_off {
            typed.push_str(" --canary-off");
        }
        typed
    }

    /// What it means; `ladder` says what is left open of a gradual one.
    pub(crate) fn meant(&self, ladder: &v1::Ladder) -> v1::Rollback {
        let kind = if self.to_zero {
            Kind::ToZero(v1::RollbackToZero {})
        } else if let Some(rungs) = &self.gradually {
            let named = rungs.as_ref().map(|rungs| rungs.0.iter().map(|rung| rung.as_f64()).collect());
            Kind::Gradual(v1::Ladder {
                percents: named.unwrap_or_else(|| ladder.percents.clone()),
                every_seconds: self.every.unwrap_or(ladder.every_seconds),
            })
        } else if !self.segments.is_empty() {
            Kind::Segments(v1::RollbackSegments { segments: self.segments.clone() })
        } else if self.canary_off {
            Kind::CanaryOff(v1::RollbackCanary {})
        } else {
            Kind::Disable(v1::RollbackToDisabled {})
        };
        v1::Rollback { kind: Some(kind) }
    }
}

/// The rungs of a usual ladder that lie below a percentage: what lies above it would be a stay in which nothing happens.
pub(crate) fn usual_ladder_below(percent: f64) -> v1::Ladder {
    let mut ladder = usual_ladder();
    ladder.percents.retain(|rung| *rung < percent || *rung <= 0.0);
    ladder
}

/// The ladder of whoever names none.
pub(crate) fn usual_ladder() -> v1::Ladder {
    let Ladder { percents, every_seconds } = Ladder::default();
    v1::Ladder { percents, every_seconds }
}

/// `rollback`.
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The flags' keys
    #[arg(required_unless_present_any = ["feature", "canary_off"], value_name = "FLAG")]
    pub(crate) flags: Vec<String>,

    /// Every flag of this feature
    #[arg(long, value_name = "FEATURE", conflicts_with = "flags")]
    pub(crate) feature: Option<String>,

    #[command(flatten)]
    pub(crate) way: WayBackArgs,

    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_are_percentages_that_fall() {
        let rungs = |text: &str| parse_rungs(text).map(|rungs| rungs.0.len());
        assert_eq!(rungs("50,25,0"), Ok(3));
        assert_eq!(rungs("12.5%, 0"), Ok(2));
        for bad in ["", "dreams", "25,50", "25,25", "50,,0", "101"] {
            assert!(rungs(bad).unwrap_err().contains("such as 50,25,0"), "{bad}");
        }
    }

    #[test]
    fn what_is_left_open_of_a_ladder_is_the_plans() {
        let plans = v1::Ladder { percents: vec![10.0, 0.0], every_seconds: 60 };
        let meant = |way: &WayBackArgs| match way.meant(&plans).kind {
            Some(Kind::Gradual(ladder)) => (ladder.percents, ladder.every_seconds),
            other => panic!("{other:?}"),
        };
        let way = WayBackArgs { gradually: Some(None), ..WayBackArgs::default() };
        assert_eq!(meant(&way), (vec![10.0, 0.0], 60));
        let way = WayBackArgs { gradually: Some(parse_rungs("5,0").ok()), every: Some(30), ..way };
        assert_eq!(meant(&way), (vec![5.0, 0.0], 30));
        assert_eq!(way.typed(), " --gradually 5,0 --every 30s");
        assert_eq!(usual_ladder_below(40.0).percents, [25.0, 0.0]);
        assert_eq!(usual_ladder_below(0.0).percents, [0.0]);
        assert!(matches!(WayBackArgs::default().meant(&plans).kind, Some(Kind::Disable(_))));
    }
}
