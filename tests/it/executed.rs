//! The five documents, executed: each plan file of `plans/` is applied by the real binary to a real server, and runs from
//! its first day to its last by a clock that the story moves.

mod beta_week;
mod elevenlabs;
mod mycelia;
mod playbook;
mod whispers;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mycelia_flags_core::plan::metric_check::{Comparison, MetricCheck};
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::PlanState;
use mycelia_flags_proto::v1::plan_service_client::PlanServiceClient;
use mycelia_flags_server::clock::ManualClock;
use tonic::transport::Channel;

use crate::command_line::{json, run, run_as};
use crate::patience::eventually;
use crate::people::People;
use crate::server::{Server, Wanted};

/// 2026-12-01T09:00:00Z.
const START: i64 = 1_796_115_600_000_000;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// A plan that runs.
struct Run {
    server: Server,
    clock: Arc<ManualClock>,
    plans: PlanServiceClient<Channel>,
    key: &'static str,
}

impl Run {
    /// A server with nothing in it.
    async fn begin(key: &'static str) -> Self {
        let clock = ManualClock::at(START);
        let wanted = Wanted { clock: Arc::clone(&clock) as _, ..Wanted::default() };
        let server = wanted.start().await;
        let plans = PlanServiceClient::new(server.channel().await);
        Self { server, clock, plans, key }
    }

    fn url(&self) -> &str {
        &self.server.url
    }

    /// What somebody types.
    #[track_caller]
    fn types(&self, arguments: &[&str]) -> serde_json::Value {
        json(self.url(), arguments)
    }

    fn create(&self, flags: &[&str]) {
        for flag in flags {
            self.types(&["create", flag]);
        }
    }

    fn create_integer(&self, flag: &str, value: &str) {
        let (served, off) = (format!("v{value}={value}"), "off=0");
        self.types(&[
            "create",
            flag,
            "--type",
            "integer",
            "--variant",
            &served,
            "--variant",
            off,
            "--default",
            "off",
            "--off",
            "off",
        ]);
    }

    /// Applies the plan's file and starts it.
    fn apply(&self, file: &str) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans").join(file);
        self.types(&["plan", "apply", file.to_str().unwrap(), "--start", "--reason", "the document"]);
    }

    async fn get(&self) -> v1::GetPlanResponse {
        let request = v1::GetPlanRequest { plan: self.key.to_owned() };
        self.plans.clone().get_plan(request).await.unwrap().into_inner()
    }

    async fn status(&self) -> v1::PlanStatus {
        self.get().await.status.unwrap()
    }

    /// Waits until the plan is in a state, in a stage that is counted from 1 on.
    async fn is(&self, state: PlanState, stage: u32) {
        let is_so = || async {
            let progress = self.get().await.progress.unwrap();
            progress.state() == state && progress.stage + 1 == stage
        };
        eventually(&format!("{} is {state:?} in stage {stage}", self.key), is_so).await;
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// What the plan's flags serve in an environment, in words.
    async fn serves_in(&self, environment: &str, expected: &[(&str, &str)]) {
        let status = self.status().await;
        for (flag, serves) in expected {
            let found = status.flags.iter().find(|of| of.flag == *flag && of.environment == environment);
            let found = found.unwrap_or_else(|| panic!("{flag} in {environment}"));
            assert_eq!(found.actual, *serves, "{flag} in {environment}");
        }
    }

    async fn serves(&self, expected: &[(&str, &str)]) {
        self.serves_in("production", expected).await;
    }

    /// Does everything that the gate waits for, as people do: reports, ticks, approves, says go.
    async fn open_gate(&self) {
        let answer = self.get().await;
        let (plan, progress) = (answer.plan.unwrap(), answer.progress.unwrap());
        let stage = &plan.stages[usize::try_from(progress.stage).unwrap()];
        let gate = stage.gate.clone().unwrap_or_default();
        for check in &gate.checks {
            self.report(check, true);
        }
        for item in &gate.checklist {
            self.types(&["plan", "check", self.key, item]);
        }
        for number in 0..gate.approvals {
            let approver = format!("approver-{number}");
            let output = run_as(&approver, self.url(), &["plan", "approve", self.key]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        if gate.go {
            self.types(&["plan", "go", self.key, "--reason", "all green"]);
        }
    }

    /// Reports a value that makes a check true, or one that does not.
    fn report(&self, check: &str, good: bool) {
        let check = MetricCheck::parse(check).unwrap();
        let wants_less = matches!(check.comparison, Comparison::Less | Comparison::AtMost);
        let value = match wants_less == good {
            true => check.threshold / 2.0,
            false => check.threshold.mul_add(1.5, 1.0),
        };
        let value = check.show(value);
        self.types(&["plan", "report-value", self.key, &check.subject(), &value]);
    }

    async fn people(&self, count: usize) -> People {
        People::of(self.url(), count).await
    }

    /// The report of a day, as it is printed.
    fn report_of_day(&self, day: u32) -> String {
        let output = run(self.url(), &["plan", "report", self.key, "--day", &day.to_string()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    async fn end(self) {
        self.server.running.stop().await;
    }
}
