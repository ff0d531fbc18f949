//! The order in which a flag decides, step by step.

use std::collections::BTreeMap;

use super::condition::{Subject, condition};
use super::{Bucket, Explanation, Question, Step, StepKind, audience, serve};
use crate::bucketing::Generation;
use crate::compiled::CompiledFlag;
use crate::evaluation::{ErrorCode, ResolutionReason};
use crate::flag::{EffectiveFlag, FlagConfiguration, FlagDefinition, Prerequisite, Serve, Switched};
use crate::key::{FoldedKey, ServiceName, VariantName};
use crate::limits::PREREQUISITE_DEPTH_MAX;
use crate::list::ListKey;
use crate::revision::Timestamp;
use crate::snapshot::Snapshot;
use crate::targeting::{CompiledTargeting, TargetingFault};
use crate::text;

pub(super) fn explain(snapshot: &Snapshot, question: &Question<'_>) -> Explanation {
    let mut walk = Walk { snapshot, question, served: BTreeMap::new() };
    let mut steps = Vec::new();
    let found = walk.found(question.flag).and_then(|flag| flag.visible_to(question.service));
    let flag = match found {
        Ok(flag) => flag,
        Err(Missing { text, error, .. }) => {
            steps.push(Step::new(StepKind::Flag, true, text));
            let spelled = snapshot.flag(&FoldedKey::of(question.flag));
            let flag = spelled.map_or_else(|| question.flag.to_owned(), |flag| flag.key.to_string());
            return Explanation {
                flag,
                variant: None,
                reason: None,
                error: Some(error),
                steps,
                bucket: None,
            };
        }
    };
    let answer = walk.decide(&flag, &mut steps, 0);
    Explanation {
        flag: flag.definition.key.to_string(),
        variant: flag.definition.variant(&answer.variant).cloned(),
        reason: Some(answer.reason),
        error: answer.error,
        steps,
        bucket: answer.bucket,
    }
}

struct Walk<'q> {
    snapshot: &'q Snapshot,
    question: &'q Question<'q>,
    /// What prerequisites serve: several flags may need the same one, and it is walked through once.
    served: BTreeMap<FoldedKey, VariantName>,
}

/// A flag that can be evaluated.
struct Found<'q> {
    definition: &'q FlagDefinition,
    configuration: &'q FlagConfiguration,
    effective: EffectiveFlag,
}

/// Why there is nothing to evaluate.
struct Missing {
    text: String,
    error: ErrorCode,
}

struct Answer {
    variant: VariantName,
    reason: ResolutionReason,
    error: Option<ErrorCode>,
    bucket: Option<Bucket>,
}

impl Answer {
    fn of(variant: &VariantName, reason: ResolutionReason) -> Self {
        Self { variant: variant.clone(), reason, error: None, bucket: None }
    }
}

impl Found<'_> {
    fn visible_to(self, service: &str) -> Result<Self, Missing> {
        let services = &self.definition.services;
        if service.is_empty() || self.effective.is_visible_to(service) {
            return Ok(self);
        }
        let text = format!("{} is for {}, not for {service}", self.definition.key, names(services));
        Err(Missing { text, error: ErrorCode::FlagNotFound })
    }
}

impl<'q> Walk<'q> {
    fn subject(&self) -> Subject<'q> {
        Subject {
            snapshot: self.snapshot,
            environment: self.question.environment,
            context: self.question.context,
        }
    }

    const fn generation(&self) -> Generation {
        self.snapshot.settings().bucketing
    }

    fn found(&self, name: &str) -> Result<Found<'q>, Missing> {
        let key = FoldedKey::of(name);
        let missing = |text: String| Missing { text, error: ErrorCode::FlagNotFound };
        let environment = self.question.environment;
        if !self.snapshot.has_environment(environment) {
            return Err(missing(format!("there is no environment {environment}")));
        }
        let definition =
            self.snapshot.flag(&key).ok_or_else(|| missing(format!("there is no flag {name}")))?;
        if let Some(archived) = &definition.archived {
            let text = format!("{} was archived by {}", definition.key, text::switched(archived));
            return Err(missing(text));
        }
        let configuration = self
            .snapshot
            .configuration(environment, &key)
            .ok_or_else(|| missing(format!("{} is not configured in {environment}", definition.key)))?;
        let effective = EffectiveFlag::of(definition, configuration);
        match CompiledFlag::compile(&effective, self.generation()) {
            Ok(_) => Ok(Found { definition, configuration, effective }),
            Err(error) => {
                let text = format!("this version cannot evaluate {}: {error}", definition.key);
                Err(Missing { text, error: ErrorCode::ParseError })
            }
        }
    }

    fn decide(&mut self, flag: &Found<'_>, steps: &mut Vec<Step>, depth: usize) -> Answer {
        let definition = flag.definition;
        let audience = match definition.services.as_slice() {
            [] => "every service".to_owned(),
            services => names(services),
        };
        let text = format!("{} is a {} flag for {audience}", definition.key, definition.flag_type);
        steps.push(Step::new(StepKind::Flag, false, text));
        let decided = self
            .overridden(flag, steps)
            .or_else(|| self.switched_off(flag, steps))
            .or_else(|| self.prerequisites(flag, steps, depth))
            .or_else(|| self.canary(flag, steps))
            .or_else(|| self.rules(flag, steps))
            .or_else(|| self.targeting(flag, steps));
        decided.unwrap_or_else(|| self.by_default(flag, steps))
    }

    fn overridden(&self, flag: &Found<'_>, steps: &mut Vec<Step>) -> Option<Answer> {
        let service = self.question.service;
        let overrides = &flag.configuration.overrides;
        let Some(detached) = overrides.iter().find(|detached| detached.service.as_str() == service) else {
            let text = match service {
                "" => "no service asks, so no override applies".to_owned(),
                service => format!("no override for {service}"),
            };
            steps.push(Step::new(StepKind::Override, false, text));
            return None;
        };
        let now = Timestamp::from_unix_micros(self.question.now_unix_s.saturating_mul(1_000_000));
        let end = if detached.expires_at <= now {
            format!("which expired at {} and is about to be taken back", detached.expires_at)
        } else {
            format!("until {}", detached.expires_at)
        };
        let set = text::switched(&detached.set);
        let text = format!("{service} is overridden to {}, {end}; set by {set}", detached.variant);
        steps.push(Step::new(StepKind::Override, true, text));
        Some(Answer::of(&detached.variant, ResolutionReason::TargetingMatch))
    }

    fn switched_off(&self, flag: &Found<'_>, steps: &mut Vec<Step>) -> Option<Answer> {
        let FlagConfiguration { enabled, switched, off_variant, .. } = flag.configuration;
        let text = match (enabled, switched) {
            (true, Some(switched)) => format!("enabled by {}", text::switched(switched)),
            (true, None) => "enabled".to_owned(),
            (false, Some(switched)) => {
                format!("disabled by {}: off variant {off_variant}", text::switched(switched))
            }
            (false, None) => format!("disabled, and never enabled yet: off variant {off_variant}"),
        };
        steps.push(Step::new(StepKind::Switch, !enabled, text));
        (!enabled).then(|| Answer::of(off_variant, ResolutionReason::Disabled))
    }

    fn prerequisites(&mut self, flag: &Found<'_>, steps: &mut Vec<Step>, depth: usize) -> Option<Answer> {
        for prerequisite in &flag.configuration.prerequisites {
            if !self.is_met(prerequisite, steps, depth) {
                let off = &flag.configuration.off_variant;
                return Some(Answer::of(off, ResolutionReason::PrerequisiteFailed));
            }
        }
        None
    }

    fn is_met(&mut self, prerequisite: &Prerequisite, steps: &mut Vec<Step>, depth: usize) -> bool {
        let Prerequisite { flag, variants } = prerequisite;
        let wanted: Vec<&str> = variants.iter().map(VariantName::as_str).collect();
        let wanted = format!("{flag} must serve {}", wanted.join(" or "));
        let mut inner = Vec::new();
        let (is_met, found) = match self.serves(flag.as_str(), &mut inner, depth) {
            Ok((variant, note)) => (variants.contains(&variant), format!("it serves {variant}{note}")),
            Err(why) => (false, why),
        };
        let text = format!("{wanted}; {found}: {}", super::yes(is_met));
        steps.push(Step::new(StepKind::Prerequisite, !is_met, text).around(inner));
        is_met
    }

    fn serves(
        &mut self,
        flag: &str,
        inner: &mut Vec<Step>,
        depth: usize,
    ) -> Result<(VariantName, String), String> {
        if depth > PREREQUISITE_DEPTH_MAX {
            return Err("the chain of prerequisites does not end".to_owned());
        }
        let key = FoldedKey::of(flag);
        if let Some(variant) = self.served.get(&key) {
            return Ok((variant.clone(), ", as shown above".to_owned()));
        }
        // A prerequisite is there for the flags that need it, whether the service may evaluate it itself or not.
        let found = self.found(flag).map_err(|missing| missing.text)?;
        let answer = self.decide(&found, inner, depth + 1);
        self.served.insert(key, answer.variant.clone());
        Ok((answer.variant, format!(" ({})", answer.reason)))
    }

    fn canary(&self, flag: &Found<'_>, steps: &mut Vec<Step>) -> Option<Answer> {
        let environment = self.question.environment;
        let canary = self.snapshot.canary(environment);
        let by = |switched: &Option<Switched>, word: &str| {
            switched
                .as_ref()
                .map_or_else(String::new, |switched| format!(", {word} by {}", text::switched(switched)))
        };
        if !canary.on {
            let by = by(&canary.switched, "switched off");
            let text = format!("canary mode is off in {environment}{by}");
            steps.push(Step::new(StepKind::Canary, false, text));
            return None;
        }
        let by = by(&canary.switched, "switched on");
        let on = format!("canary mode is on in {environment}{by}");
        let Some(variant) = &flag.effective.canary_variant else {
            steps.push(Step::new(StepKind::Canary, false, format!("{on}; the flag takes no part in it")));
            return None;
        };
        let (listed, found) = audience::on_list(self.subject(), &ListKey::Canary, "allowlist");
        let text = format!("{on}; the flag takes part with {variant}; {found}: {}", super::yes(listed));
        steps.push(Step::new(StepKind::Canary, listed, text));
        listed.then(|| Answer::of(variant, ResolutionReason::TargetingMatch))
    }

    fn rules(&self, flag: &Found<'_>, steps: &mut Vec<Step>) -> Option<Answer> {
        // Where there is a targeting expression, it decides in place of rules.
        if flag.effective.targeting.is_some() {
            return None;
        }
        for (index, rule) in flag.configuration.rules.iter().enumerate() {
            let (holds, mut inner) = condition(self.subject(), &rule.condition);
            inner.decided = true;
            let name = match &*rule.name {
                "" => format!("rule {}", index + 1),
                name => format!("rule {} {}", index + 1, text::quoted(name)),
            };
            if !holds {
                let text = format!("{name} does not match");
                steps.push(Step::new(StepKind::Rule, false, text).around(vec![inner]));
                continue;
            }
            let (answer, text) = self.serve(flag, &rule.serve, ResolutionReason::TargetingMatch);
            let text = format!("{name} matches: {text}");
            steps.push(Step::new(StepKind::Rule, true, text).around(vec![inner]));
            return Some(answer);
        }
        None
    }

    fn targeting(&self, flag: &Found<'_>, steps: &mut Vec<Step>) -> Option<Answer> {
        let compiled =
            CompiledTargeting::compile(flag.effective.targeting.as_ref()?, self.generation()).ok()?;
        let Question { context, now_unix_s, .. } = *self.question;
        let now = if compiled.needs_time() { now_unix_s } else { 0 };
        let default = &flag.configuration.default_variant;
        let (answer, text) = match compiled.evaluate(flag.definition.key.as_str(), context, now) {
            Ok(None) => {
                let text = "the targeting expression leaves it to the default serve";
                steps.push(Step::new(StepKind::Targeting, false, text));
                return None;
            }
            Ok(Some(name)) => match flag.definition.variant(&VariantName::new(&name)) {
                Some(variant) => {
                    let text = format!("the targeting expression gives {name}");
                    (Answer::of(&variant.name, ResolutionReason::TargetingMatch), text)
                }
                None => {
                    let name = text::quoted(&name);
                    let found =
                        format!("the targeting expression gives {name}, which is no variant of the flag");
                    stands_in(default, ErrorCode::General, &found)
                }
            },
            Err(TargetingFault::Parse) => {
                stands_in(default, ErrorCode::ParseError, "the targeting expression cannot be evaluated")
            }
            Err(TargetingFault::General { .. }) => {
                stands_in(default, ErrorCode::General, "the targeting expression gives no name of a variant")
            }
        };
        steps.push(Step::new(StepKind::Targeting, true, text));
        Some(answer)
    }

    fn by_default(&self, flag: &Found<'_>, steps: &mut Vec<Step>) -> Answer {
        let EffectiveFlag { rules, targeting, prerequisites, canary_variant, .. } = &flag.effective;
        let is_plain = rules.is_empty() && targeting.is_none() && prerequisites.is_empty();
        let in_canary = canary_variant.is_some() && self.snapshot.canary(self.question.environment).on;
        let is_same_for_all = is_plain && !in_canary;
        let reason = if is_same_for_all { ResolutionReason::Static } else { ResolutionReason::Default };
        let (answer, text) = self.serve(flag, &flag.configuration.default_serve, reason);
        steps.push(Step::new(StepKind::Default, true, format!("default serve: {text}")));
        answer
    }

    fn serve(&self, flag: &Found<'_>, serve: &Serve, reason: ResolutionReason) -> (Answer, String) {
        let Question { context, .. } = *self.question;
        let served = serve::serve(&flag.effective, self.generation(), context, serve, reason);
        let serve::Served { variant, reason, error, bucket, text } = served;
        (Answer { variant, reason, error, bucket }, text)
    }
}

/// The default variant in place of what an expression should have given.
fn stands_in(default: &VariantName, error: ErrorCode, found: &str) -> (Answer, String) {
    let answer = Answer { error: Some(error), ..Answer::of(default, ResolutionReason::Default) };
    (answer, format!("{found}; the default variant {default} stands in"))
}

fn names(services: &[ServiceName]) -> String {
    text::listed(services.iter().map(ToString::to_string))
}
