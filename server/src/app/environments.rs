//! The environments that settings name, held against those that a store has, or is about to have.

use mycelia_flags_core::key::EnvironmentKey;

use super::{Config, StartError};

/// Looks for the environments that settings name among those of a store.
///
/// # Errors
/// Names the first that is not among them.
pub(super) fn check(
    config: &Config,
    known: &[String],
    has: impl Fn(&EnvironmentKey) -> bool,
) -> Result<(), StartError> {
    let environments = || known.to_vec();
    let wanted = &config.default_environment;
    if !has(wanted) {
        return Err(StartError::DefaultEnvironment {
            environment: wanted.clone(),
            environments: environments(),
        });
    }
    let mut for_browsers = config.browser.iter().flat_map(|browser| browser.environments.iter());
    if let Some(missing) = for_browsers.find(|named| !has(named)) {
        let environment = missing.clone();
        return Err(StartError::BrowserEnvironment { environment, environments: environments() });
    }
    match config.selector_tokens.environments().find(|named| !has(named)) {
        Some(missing) => {
            Err(StartError::TokenEnvironment { environment: missing.clone(), environments: environments() })
        }
        None => Ok(()),
    }
}
