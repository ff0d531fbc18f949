//! What metrics say, for guards, plans and whoever shows them: one source, handed around.

use std::fmt;
use std::sync::Arc;

use mycelia_flags_core::observation::measurement::Measurement;
use mycelia_flags_core::plan::metric_check::{Asked, MetricCheck, Metrics, NoMetrics, Verdict};

/// A shared source of metrics.
#[derive(Clone)]
pub struct Measured(Arc<dyn Metrics + Send + Sync>);

impl Measured {
    /// Hands a source around.
    #[must_use]
    pub fn by(source: Arc<dyn Metrics + Send + Sync>) -> Self {
        Self(source)
    }
}

/// Nobody measures anything.
impl Default for Measured {
    fn default() -> Self {
        Self(Arc::new(NoMetrics))
    }
}

impl fmt::Debug for Measured {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Measured")
    }
}

impl Metrics for Measured {
    fn judge(&self, check: &MetricCheck, asked: &Asked<'_>) -> Verdict {
        self.0.judge(check, asked)
    }

    fn measure(&self, check: &MetricCheck, asked: &Asked<'_>) -> Option<Measurement> {
        self.0.measure(check, asked)
    }
}
