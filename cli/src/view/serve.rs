//! What is served: a variant, or a split.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::serve::Serve;
use serde::Serialize;

use crate::percent::Percent;

/// `{"variant": …}` or `{"split": […], "bucket_by": …}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum ServeView {
    Variant { variant: String },
    Split { split: Vec<ShareView>, bucket_by: String },
}

/// `{"variant": …, "percent": …}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ShareView {
    pub(crate) variant: String,
    pub(crate) percent: f64,
    #[serde(skip)]
    pub(crate) share: Percent,
}

impl ServeView {
    /// None when the server said nothing.
    pub(crate) fn of(serve: Option<&v1::Serve>) -> Option<Self> {
        Some(match serve?.serve.as_ref()? {
            Serve::Variant(variant) => Self::Variant { variant: variant.clone() },
            Serve::Split(split) => Self::Split {
                split: split.weights.iter().map(ShareView::of).collect(),
                bucket_by: if split.bucket_by.is_empty() {
                    "targetingKey".to_owned()
                } else {
                    split.bucket_by.clone()
                },
            },
        })
    }

    /// `on`, or `25% on, 75% off`.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Variant { variant } => variant.clone(),
            Self::Split { split, bucket_by } => {
                let shares: Vec<_> =
                    split.iter().map(|share| format!("{} {}", share.share, share.variant)).collect();
                let by = if bucket_by == "targetingKey" { String::new() } else { format!(" by {bucket_by}") };
                format!("{}{by}", shares.join(", "))
            }
        }
    }
}

impl ShareView {
    fn of(weighted: &v1::WeightedVariant) -> Self {
        let share = Percent::of_thousandths(weighted.weight);
        Self { variant: weighted.variant.clone(), percent: share.as_f64(), share }
    }
}

/// The words for what may be missing.
pub(crate) fn words_of(serve: Option<&ServeView>) -> String {
    serve.map_or_else(|| "nothing".to_owned(), ServeView::words)
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    pub(crate) fn variant(name: &str) -> v1::Serve {
        v1::Serve { serve: Some(Serve::Variant(name.to_owned())) }
    }

    pub(crate) fn split(weights: &[(&str, u32)]) -> v1::Serve {
        let weighted = |(variant, weight): &(&str, u32)| v1::WeightedVariant {
            variant: (*variant).to_owned(),
            weight: *weight,
        };
        let weights = weights.iter().map(weighted).collect();
        v1::Serve { serve: Some(Serve::Split(v1::Split { weights, bucket_by: String::new() })) }
    }

    #[track_caller]
    fn check(serve: &v1::Serve, words: &str, document: &serde_json::Value) {
        let view = ServeView::of(Some(serve)).unwrap();
        assert_eq!(view.words(), words);
        assert_eq!(&serde_json::to_value(&view).unwrap(), document);
    }

    #[test]
    fn a_serve_is_a_variant_or_a_split() {
        check(&variant("on"), "on", &json!({"variant": "on"}));
        check(
            &split(&[("on", 12_500), ("off", 87_500)]),
            "12.5% on, 87.5% off",
            &json!({
                "split": [{"variant": "on", "percent": 12.5}, {"variant": "off", "percent": 87.5}],
                "bucket_by": "targetingKey"
            }),
        );
        assert_eq!(ServeView::of(None), None);
    }
}
