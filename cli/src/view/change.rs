//! One intent of the history.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;
use serde::Serialize;

use crate::view::serve::{ServeView, words_of};

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ChangeView {
    /// The name of the change on the wire, such as `rollout`.
    pub(crate) kind: &'static str,
    pub(crate) flag: Option<String>,
    /// Null when the change concerns all environments.
    pub(crate) environment: Option<String>,
    /// The same in words.
    pub(crate) words: String,
}

impl ChangeView {
    /// Of an intent; `environment` names the one that was meant by those that name none.
    pub(crate) fn of(change: &v1::Change, environment: Option<&str>) -> Self {
        let Some(change) = &change.change else {
            let words = "a change that this program does not know".to_owned();
            return Self { kind: "unknown", flag: None, environment: None, words };
        };
        let (kind, flag, named) = subject(change);
        let Some(named) = named else {
            return Self { kind, flag: flag.map(str::to_owned), environment: None, words: words(change) };
        };
        let environment = if named.is_empty() { environment } else { Some(named) };
        Self {
            kind,
            flag: flag.map(str::to_owned),
            environment: environment.map(str::to_owned),
            words: format!("{} in {}", words(change), environment.unwrap_or("the default environment")),
        }
    }
}

/// The kind, the flag if it is about one, and the environment if it happens in one.
fn subject(change: &Change) -> (&'static str, Option<&str>, Option<&str>) {
    match change {
        Change::CreateFlag(create) => ("create_flag", Some(created_key(create)), None),
        Change::DeleteFlag(delete) => ("delete_flag", Some(&delete.flag), None),
        Change::UpdateFlag(update) => ("update_flag", Some(&update.flag), None),
        Change::SetVariants(set) => ("set_variants", Some(&set.flag), None),
        Change::EnableFlag(enable) => ("enable_flag", Some(&enable.flag), Some(&enable.environment)),
        Change::DisableFlag(disable) => ("disable_flag", Some(&disable.flag), Some(&disable.environment)),
        Change::Rollout(rollout) => ("rollout", Some(&rollout.flag), Some(&rollout.environment)),
        Change::SetDefaultServe(set) => ("set_default_serve", Some(&set.flag), Some(&set.environment)),
        Change::SetRules(set) => ("set_rules", Some(&set.flag), Some(&set.environment)),
        Change::SetOffVariant(set) => ("set_off_variant", Some(&set.flag), Some(&set.environment)),
        Change::SetSalt(set) => ("set_salt", Some(&set.flag), Some(&set.environment)),
        Change::CreateStore(_) => ("create_store", None, None),
        Change::RestoreStore(_) => ("restore_store", None, None),
    }
}

/// What was asked, without the place.
fn words(change: &Change) -> String {
    match change {
        Change::CreateFlag(create) => format!("create {}", created_key(create)),
        Change::DeleteFlag(delete) => format!("delete {}", delete.flag),
        Change::UpdateFlag(update) => format!("describe {} anew", update.flag),
        Change::SetVariants(set) => {
            let names: Vec<_> = set.variants.iter().map(|variant| variant.name.as_str()).collect();
            format!("set the variants of {} to {}", set.flag, names.join(", "))
        }
        Change::EnableFlag(enable) => format!("enable {}", enable.flag),
        Change::DisableFlag(disable) => format!("disable {}", disable.flag),
        Change::Rollout(rollout) => {
            let enable = if rollout.enable { "enable and " } else { "" };
            format!("{enable}roll out {} to {}%", rollout.flag, rollout.percent)
        }
        Change::SetDefaultServe(set) => {
            format!("serve {} for {}", words_of(ServeView::of(set.serve.as_ref()).as_ref()), set.flag)
        }
        Change::SetRules(set) => format!("set {} rules for {}", set.rules.len(), set.flag),
        Change::SetOffVariant(set) => format!("serve {} for {} while it is off", set.variant, set.flag),
        Change::SetSalt(set) if set.salt.is_empty() => format!("bucket {} by its key", set.flag),
        Change::SetSalt(set) => format!("bucket {} by {}", set.flag, set.salt),
        Change::CreateStore(create) => format!("create the store with {}", create.environments.join(", ")),
        Change::RestoreStore(restore) => format!("restore from store {}", restore.from_epoch),
    }
}

fn created_key(create: &v1::CreateFlag) -> &str {
    create.definition.as_ref().map_or("", |definition| definition.key.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(change: Change, meant: Option<&str>, expected: &str) {
        assert_eq!(ChangeView::of(&v1::Change { change: Some(change) }, meant).words, expected);
    }

    #[test]
    fn changes_read_as_words() {
        let rollout = |environment: &str| {
            Change::Rollout(v1::Rollout {
                environment: environment.to_owned(),
                flag: "dreams".to_owned(),
                percent: 12.5,
                enable: false,
            })
        };
        check(rollout("staging"), Some("production"), "roll out dreams to 12.5% in staging");
        check(rollout(""), Some("production"), "roll out dreams to 12.5% in production");
        check(rollout(""), None, "roll out dreams to 12.5% in the default environment");
        check(Change::DeleteFlag(v1::DeleteFlag { flag: "dreams".to_owned() }), None, "delete dreams");
    }
}
