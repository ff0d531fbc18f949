//! What was measured, as lines that people read.

use crate::guard::state::rounded;
use crate::observation::measurement::Measurement;
use crate::plan::metric_check::MetricCheck;

/// The value, the condition, and what the value rests on where that is known.
pub(super) fn lines(condition: &MetricCheck, value: f64, measurement: Option<&Measurement>) -> Vec<String> {
    let shown = |value: f64| condition.show(rounded(value));
    let mut lines =
        vec![format!("{} = {}", condition.subject(), shown(value)), format!("condition: {condition}")];
    if let Some(measured) = measurement {
        lines.push(format!("{} samples from {} to {}", measured.samples, measured.from, measured.until));
        lines.extend(measured.instances.iter().map(|share| {
            let value = shown(share.value);
            format!("{}/{}: {value} of {} samples", share.service, share.instance, share.samples)
        }));
    }
    lines
}
