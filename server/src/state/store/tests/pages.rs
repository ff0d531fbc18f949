//! Pages of history, and what the ring of recent records still has.

use super::*;
use crate::state::limits::PAGE_SCANNED_MAX;

#[tokio::test]
async fn history_is_paged_in_both_directions() {
    let store = memory();
    create_many(&store, 700).await;
    for newest_first in [false, true] {
        let mut seen = Vec::new();
        let mut query = HistoryQuery { limit: 300, newest_first, ..HistoryQuery::default() };
        loop {
            let page = store.history(query.clone()).await.unwrap();
            seen.extend(page.records.iter().map(|(record, _)| record.revision.get()));
            if newest_first {
                query.before = Some(page.scanned);
            } else {
                query.after = page.scanned;
            }
            if !page.more {
                break;
            }
        }
        let mut expected: Vec<u64> = (1..=701).collect();
        if newest_first {
            expected.reverse();
        }
        assert_eq!(seen, expected);
    }
}

#[track_caller]
fn revisions(page: &HistoryPage) -> Vec<u64> {
    page.records.iter().map(|(record, _)| record.revision.get()).collect()
}

#[tokio::test]
async fn history_of_a_flag_holds_what_wrote_to_it() {
    let store = memory();
    create_many(&store, 300).await;
    store.commit(switch("flag.7", true)).await.unwrap();
    let query = |after, before, limit, newest_first| HistoryQuery {
        after: Revision::new(after),
        before,
        limit,
        newest_first,
        flag: Some(FoldedKey::of("flag-7")),
    };
    let page = store.history(query(0, None, 10, false)).await.unwrap();
    assert_eq!((revisions(&page), page.more), (vec![9, 302], false));
    let page = store.history(query(0, None, 1, true)).await.unwrap();
    assert_eq!((revisions(&page), page.more), (vec![302], true));
    let page = store.history(query(9, Some(Revision::new(302)), 10, true)).await.unwrap();
    assert_eq!((revisions(&page), page.more), (vec![], false));
    let page = store.history(query(400, Some(Revision::new(2)), 10, false)).await.unwrap();
    assert_eq!((revisions(&page), page.more), (vec![], false));
    let page = store.history(query(0, None, 0, true)).await.unwrap();
    assert_eq!((revisions(&page), page.more), (vec![], true));
}

#[tokio::test]
async fn a_page_looks_at_a_bounded_number_of_records() {
    let store = memory();
    let mut tasks = JoinSet::new();
    create_many(&store, 1).await;
    for _ in 0..10 {
        for index in 0..1_000 {
            spawn(&mut tasks, &store, switch("flag-0", index % 2 == 0));
        }
        while let Some(outcome) = tasks.join_next().await {
            outcome.unwrap().unwrap();
        }
    }
    let flag = Some(FoldedKey::of("nobody"));
    let mut query = HistoryQuery { limit: 10, newest_first: true, flag, ..HistoryQuery::default() };
    let page = store.history(query.clone()).await.unwrap();
    assert_eq!((page.records.len(), page.more), (0, true));
    let looked_at = head(&store).get() - page.scanned.get() + 1;
    assert_eq!(looked_at, u64::try_from(PAGE_SCANNED_MAX).unwrap());
    query.before = Some(page.scanned);
    assert!(!store.history(query).await.unwrap().more);
    assert!(store.records_after(Revision::new(1)).is_none(), "the ring has forgotten that");
}
