//! What holds of every promotion.

use proptest::prelude::*;

use super::laws::{any_serve, rules as any_rules};
use super::promotions::{World, promote, rules, staged};
use crate::change::{AskedRules, Change};
use crate::flag::EffectiveFlag;
use crate::key::{EnvironmentKey, FlagKey};
use crate::promotion::readiness::{Question, readiness};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever staging serves and the rules ask for: what is shown as ready is never refused, what is not ready always
    /// is, and afterwards both environments decide the same.
    #[test]
    fn what_is_ready_is_promoted_and_then_both_environments_decide_the_same(
        serving in (any_rules(), any_serve(), any::<bool>(), any::<bool>()),
        asked in (0_u64..4, 0_u64..4, 0_u32..2),
        people in (any::<bool>(), any::<bool>()),
        hours in 0_i64..5,
    ) {
        let mut world = World::new();
        let (rule_list, serve, salted, enabled) = serving;
        for change in [
            Change::SetRules { place: staged("voice"), rules: rule_list },
            Change::SetDefaultServe { place: staged("voice"), serve },
            Change::SetSalt { place: staged("voice"), salt: if salted { "july".to_owned() } else { String::new() } },
        ] {
            // What is wrong is refused, and staging serves what it served.
            world.try_as("ana", &[change]).ok();
        }
        if enabled {
            world.does("ana", Change::Enable(staged("voice")));
        }
        let (soak, quiet, approvals) = asked;
        let (soak_seconds, incident_free_seconds) = (soak * 3_600, quiet * 3_600);
        world.does("ana", rules(AskedRules { soak_seconds, incident_free_seconds, approvals, ..AskedRules::default() }));
        if people.0 && approvals > 0 {
            world.does("bea", Change::ApprovePromotion { flag: "voice".to_owned(), to: "production".to_owned() });
        }
        if people.1 {
            world.does("bea", super::promotions::incident(crate::incident::Severity::Warning));
        }
        world.hours = hours;
        let (from, to) = (EnvironmentKey::new("staging"), EnvironmentKey::new("production"));
        let flag = FlagKey::new("voice");
        let question = Question { flag: &flag, from: &from, to: &to, requester: Some("ana"), now: world.now() };
        let ready = readiness(&world.store.snapshot, &question).iter().all(|item| item.done);
        let promoted = world.try_as("ana", &[promote(false)]);
        prop_assert_eq!(promoted.is_ok(), ready, "{:?}", promoted);
        if ready {
            let decides = |environment| EffectiveFlag { overrides: Vec::new(), ..world.store.flag(environment, "voice") };
            prop_assert_eq!(decides("staging"), decides("production"));
        }
    }
}
