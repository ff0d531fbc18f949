//! What a metric was measured to be: the evidence of guards.

use mycelia_flags_core::key::ServiceName;
use mycelia_flags_core::observation::measurement as core;
use mycelia_flags_core::revision::Timestamp;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Measurement {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(uint64, tag = "2")]
    samples: u64,
    #[prost(sint64, tag = "3")]
    from_micros: i64,
    #[prost(sint64, tag = "4")]
    until_micros: i64,
    #[prost(message, optional, tag = "5")]
    reference: Option<Reference>,
    #[prost(message, repeated, tag = "6")]
    instances: Vec<Share>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Reference {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(double, tag = "2")]
    compared: f64,
    #[prost(uint64, tag = "3")]
    samples: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Share {
    #[prost(string, tag = "1")]
    service: String,
    #[prost(string, tag = "2")]
    instance: String,
    #[prost(double, tag = "3")]
    value: f64,
    #[prost(uint64, tag = "4")]
    samples: u64,
}

impl From<&core::Measurement> for Measurement {
    fn from(measurement: &core::Measurement) -> Self {
        let reference = measurement.reference.map(|reference| Reference {
            value: reference.value,
            compared: reference.compared,
            samples: reference.samples,
        });
        let instances = measurement.instances.iter().map(|share| Share {
            service: share.service.to_string(),
            instance: share.instance.to_string(),
            value: share.value,
            samples: share.samples,
        });
        Self {
            value: measurement.value,
            samples: measurement.samples,
            from_micros: measurement.from.unix_micros(),
            until_micros: measurement.until.unix_micros(),
            reference,
            instances: instances.collect(),
        }
    }
}

impl From<Measurement> for core::Measurement {
    fn from(stored: Measurement) -> Self {
        let instances = stored.instances.into_iter().map(|share| core::InstanceShare {
            service: ServiceName::new(&share.service),
            instance: share.instance.into(),
            value: share.value,
            samples: share.samples,
        });
        Self {
            value: stored.value,
            samples: stored.samples,
            from: Timestamp::from_unix_micros(stored.from_micros),
            until: Timestamp::from_unix_micros(stored.until_micros),
            reference: stored.reference.map(|reference| core::Reference {
                value: reference.value,
                compared: reference.compared,
                samples: reference.samples,
            }),
            instances: instances.collect(),
        }
    }
}
