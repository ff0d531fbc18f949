//! The file that says whom the server tells what happens: TOML, checked as a whole.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use mycelia_flags_server::control::notifier::targets::{NotifyFile, Target, check};

/// Reads the file and the secrets that it names.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Target>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the notification file {}", path.display()))?;
    parse(&text)
        .map_err(|complaint| anyhow!("the notification file {} is not valid:\n{complaint}", path.display()))
}

/// The complaint never shows a line of the file: somebody may have written a secret into it.
fn parse(text: &str) -> Result<Vec<Target>, String> {
    let file: NotifyFile = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("line {}: {}", before.matches('\n').count() + 1, error.message())
    })?;
    check(file).map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn complaint(text: &str) -> String {
        parse(text).unwrap_err()
    }

    #[test]
    fn a_literal_secret_is_refused_and_not_repeated() {
        let text = "[[notify]]\nname = 'ops'\nkind = 'webhook'\nurl = 'http://a/b'\nsecret = 'hunter2'\n";
        let said = complaint(text);
        let expected = "notification target `ops`: secret: no secret stands in the file itself";
        assert!(said.contains(expected) && !said.contains("hunter2"), "{said}");
        let said = complaint("[[notify]]\nname = 'ops'\nsecret = 'hunter2\n");
        assert!(said.starts_with("line 3: ") && !said.contains("hunter2"), "{said}");
    }

    #[test]
    fn an_unknown_key_is_named() {
        let said = complaint("[[notify]]\nname = 'ops'\nkind = 'slack'\nchanel = '#ops'\n");
        assert!(said.starts_with("line 4: unknown field `chanel`"), "{said}");
        let said = complaint("[[notfy]]\n");
        assert!(said.contains("unknown field `notfy`"), "{said}");
    }

    #[test]
    fn a_file_without_targets_tells_nobody() {
        assert!(parse("").unwrap().is_empty());
    }
}
