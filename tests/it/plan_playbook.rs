//! The feature rollout playbook: four segments that divide everybody, and a percentage for each of them.

use std::collections::BTreeSet;

use crate::binary::Process;
use crate::command_line::{json, refused};
use crate::people::People;

#[tokio::test(flavor = "multi_thread")]
async fn a_matrix_serves_each_segment_its_own_percentage() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::serve(folder.path());
    let url = &*server.url;
    for (segment, range) in [("A", "0..10"), ("B", "10..70"), ("C", "70..95"), ("D", "95..100")] {
        json(url, &["segment", "set", segment, "--percent", range, "--salt", "cohorts"]);
    }
    for flag in ["dreams.advanced", "whispers.voiceCapture"] {
        json(url, &["create", flag]);
    }
    let together = ["matrix", "dreams.advanced", "A=100", "B=75", "C=0", "D=0", "--reason", "week 3"];
    let before = json(url, &["status"])["revision"].as_u64().unwrap();
    json(url, &together);
    assert_eq!(json(url, &["status"])["revision"], before + 1, "one command, one revision");
    json(url, &["matrix", "whispers.voiceCapture", "A=100", "B=25", "C=0", "D=0"]);

    let people = People::of(url, 1_000).await;
    let mut cohorts = Vec::new();
    for segment in ["A", "B", "C", "D"] {
        cohorts.push(people.members(segment).await);
    }
    let everybody: BTreeSet<&String> = cohorts.iter().flatten().collect();
    assert_eq!(everybody.len(), 1_000, "everybody is in one of the four");
    assert_eq!(cohorts.iter().map(Vec::len).sum::<usize>(), 1_000, "and in one only");

    let advanced = people.who_has("dreams.advanced").await;
    assert_eq!(of(&cohorts[0], &advanced), cohorts[0].len(), "all early adopters");
    let share = of(&cohorts[1], &advanced) * 100 / cohorts[1].len();
    assert!((68..82).contains(&share), "three quarters of the regular users: {share} %");
    assert_eq!(of(&cohorts[2], &advanced) + of(&cohorts[3], &advanced), 0);
    let voice = people.who_has("whispers.voiceCapture").await;
    let share = of(&cohorts[1], &voice) * 100 / cohorts[1].len();
    assert!((18..32).contains(&share), "a quarter of the regular users: {share} %");

    // Whoever is put into a second segment gets the share of the first that is named.
    let somebody = &*cohorts[2][0];
    assert!(!people.has("dreams.advanced", somebody).await);
    json(url, &["segment", "add", "A", somebody]);
    assert!(people.has("dreams.advanced", somebody).await, "A stands before C");
    json(url, &["matrix", "dreams.advanced", "C=0", "A=100", "B=75", "D=0"]);
    assert!(!people.has("dreams.advanced", somebody).await, "now C stands before A");
    json(url, &["segment", "remove", "A", somebody]);

    // Partial rollback: the regular users lose it, the early adopters keep it.
    json(url, &["matrix", "dreams.advanced", "A=100", "B=0", "C=0", "D=0"]);
    assert_eq!(people.who_has("dreams.advanced").await, cohorts[0]);
    refused(url, &["segment", "delete", "B"], 1, "SEGMENT_IN_USE");
    refused(url, &["matrix", "dreams.advanced", "E=10"], 5, "UNKNOWN_SEGMENT");
    assert!(server.terminate().success());
}

/// How many of a cohort have a flag.
fn of(cohort: &[String], who: &[String]) -> usize {
    cohort.iter().filter(|user| who.contains(user)).count()
}
