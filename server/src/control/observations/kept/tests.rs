//! What is kept comes back, and what cannot be read does no harm.

use mycelia_flags_core::key::{EnvironmentKey, FoldedKey, ServiceName, VariantName};
use mycelia_flags_core::observation::batch::{Batch, Observation};
use mycelia_flags_core::observation::bucket::Bucket;
use mycelia_flags_core::observation::users::USERS_PER_HOUR;

use super::*;
use crate::clock::ManualClock;
use crate::state::{LogChoice, Store, StoreOptions};

const NOW: Timestamp = Timestamp::from_unix_micros(1_800_000_000_000_000);

fn store() -> Store {
    let options = StoreOptions {
        log: LogChoice::Memory,
        bucketing: None,
        environments: vec!["production".to_owned()],
        created_by: "test".to_owned(),
    };
    Store::open(options, ManualClock::at(0)).unwrap()
}

fn batch(id: &str) -> Batch {
    let mut bucket = Bucket {
        evaluations: 7,
        fallbacks: 1,
        ok: 20,
        errors: 3,
        crashes: 2,
        impressions: 5,
        clicks: 4,
        ..Bucket::default()
    };
    for ms in [0.0, 12.5, 700.0] {
        bucket.latency.add(ms);
    }
    bucket.counters.insert(Box::from("saves"), 9);
    bucket.values.entry(Box::from("score")).or_default().add(-4.5);
    (0..90).for_each(|user| bucket.users.add(user * 977, USERS_PER_HOUR));
    let of_flag = Observation {
        flag: Some(FoldedKey::of("dreams")),
        variant: Some(VariantName::new("on")),
        bucket: bucket.clone(),
    };
    let of_service = Observation { flag: None, variant: None, bucket };
    Batch {
        environment: EnvironmentKey::new("production"),
        service: ServiceName::new("ui"),
        instance: Arc::from("ui-1"),
        id: Box::from(id),
        observations: vec![of_flag, of_service],
    }
}

fn rings(
    windows: &Windows,
) -> Vec<(SeriesKeyText, [mycelia_flags_core::observation::ring::Ring; PACES_COUNT])> {
    windows.keys().map(|key| (format!("{key:?}"), windows.series(key).unwrap().rings.clone())).collect()
}

type SeriesKeyText = String;
const PACES_COUNT: usize = mycelia_flags_core::observation::ring::PACES.len();

#[tokio::test]
async fn what_is_kept_comes_back_as_it_was() {
    let (store, dir) = (store(), tempfile::tempdir().unwrap());
    let keep = Keep::beside(dir.path(), store.epoch());
    assert_eq!(keep.load(NOW), Windows::new(NOW), "there is no file yet");
    let observations = Observations::new(store.clone(), NOW);
    observations.take(batch("1"), NOW);
    // A silence of a minute, and what comes after it.
    let minute = Timestamp::from_unix_micros(NOW.unix_micros() + 60_000_000);
    observations.take(batch("0"), minute);
    keep.save(&observations).unwrap();
    let later = Timestamp::from_unix_micros(NOW.unix_micros() + 65_000_000);
    let mut back = keep.load(later);
    let held = observations.windows().clone();
    assert_eq!(rings(&back), rings(&held));
    assert!(rings(&back).len() == 2);
    assert_eq!(back.heard().collect::<Vec<_>>(), held.heard().collect::<Vec<_>>());
    assert_eq!(held.reporters().map(|(.., presence)| presence.silences.len()).collect::<Vec<_>>(), [1]);
    assert_eq!(back.reporters().collect::<Vec<_>>(), held.reporters().collect::<Vec<_>>());
    assert!(back.take(batch("1"), later).repeated, "a batch that was counted before the restart counts once");
    assert!(!back.take(batch("2"), later).repeated);
    store.close().await;
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_left_out() {
    let (store, dir) = (store(), tempfile::tempdir().unwrap());
    let keep = Keep::beside(dir.path(), store.epoch());
    let observations = Observations::new(store.clone(), NOW);
    observations.take(batch("1"), NOW);
    keep.save(&observations).unwrap();
    let good = fs::read(&keep.path).unwrap();
    let reads = |bytes: &[u8]| {
        fs::write(&keep.path, bytes).unwrap();
        let fault = keep.read().err().map(|fault| fault.to_string());
        assert_eq!(keep.load(NOW) == Windows::new(NOW), fault.is_some());
        fault.unwrap_or_default()
    };
    assert_eq!(reads(&good), "");
    for place in [0, 9, 20, 33, 40, good.len() - 1] {
        let mut bad = good.clone();
        bad[place] ^= 1;
        assert!(reads(&bad).contains("damaged"), "byte {place}");
    }
    for length in [0, 3, HEAD_BYTES, good.len() - 1] {
        assert!(reads(&good[..length]).contains("damaged"), "{length} bytes");
    }
    let mut newer = good[..good.len() - CHECKSUM_BYTES].to_vec();
    newer[11] = 2;
    let checksum = crc32c::crc32c(&newer);
    newer.extend_from_slice(&checksum.to_be_bytes());
    assert!(reads(&newer).contains("format 2"));
    assert!(reads(&sealed(Epoch::from_bytes([7; 16]), b"")).contains("0707"));
    assert!(reads(&sealed(store.epoch(), b"\xff\xff")).contains("damaged"));
    store.close().await;
}

#[tokio::test]
async fn it_is_written_when_the_server_stops() {
    let (store, dir) = (store(), tempfile::tempdir().unwrap());
    let keep = Keep::beside(dir.path(), store.epoch());
    let observations = Arc::new(Observations::new(store.clone(), NOW));
    observations.take(batch("1"), NOW);
    let stopping = CancellationToken::new();
    stopping.cancel();
    run(Arc::clone(&observations), keep.clone(), ManualClock::at(0), stopping).await;
    assert_eq!(keep.load(NOW).keys().count(), 2);
    assert!(!keep.path.with_extension("new").exists());
    store.close().await;
}
