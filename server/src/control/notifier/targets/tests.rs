use super::*;

/// A webhook that is right, with its secret in a file that the test keeps.
fn webhook(folder: &tempfile::TempDir) -> TargetTable {
    let path = folder.path().join("secret");
    std::fs::write(&path, "whsec\n").unwrap();
    TargetTable {
        name: "ops".to_owned(),
        kind: "webhook".to_owned(),
        url: Some("http://127.0.0.1:9/hook/very-secret".to_owned()),
        secret_file: Some(path),
        ..TargetTable::default()
    }
}

fn faults(notify: Vec<TargetTable>) -> Vec<(&'static str, String)> {
    let faults = check(NotifyFile { notify }).unwrap_err();
    faults.into_iter().map(|fault| (fault.field, fault.allowed)).collect()
}

/// One change to a webhook that is right, and the field and words of what is wrong then.
#[track_caller]
fn refuse(change: impl FnOnce(&mut TargetTable), field: &str, allowed: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut table = webhook(&folder);
    change(&mut table);
    let found = faults(vec![table]);
    let is_there = found.iter().any(|(found, words)| *found == field && words.contains(allowed));
    assert!(is_there, "{field}, {allowed}: {found:?}");
}

#[test]
fn a_webhook_is_taken_with_its_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = webhook(&folder);
    table.events = vec!["plan.*".to_owned(), "glass.broken".to_owned()];
    table.min_severity = Some("warning".to_owned());
    table.environments = vec!["production".to_owned()];
    table.digest = Some("08:30".to_owned());
    let targets = check(NotifyFile { notify: vec![table] }).unwrap();
    let target = &targets[0];
    assert_eq!((target.attempts, target.timeout.as_secs()), (8, 10));
    assert_eq!(target.digest_minute, Some(510));
    assert_eq!(target.channel.shown(), "http://127.0.0.1:9");
    let printed = format!("{target:?}");
    assert!(!printed.contains("very-secret") && !printed.contains("whsec"), "{printed}");
    assert_eq!(target.filter.kinds.len(), 12);
}

#[test]
fn no_secret_stands_in_the_file() {
    let literal = |text: &str| toml_like(text);
    refuse(|table| table.secret = literal("x"), "secret", "secret_file or secret_env");
    refuse(|table| table.password = literal("x"), "password", "secret_file or secret_env");
    refuse(|table| table.secret_file = None, "secret_file", "a webhook is signed");
    refuse(|table| table.secret_env = Some("X".to_owned()), "secret_file", "not both");
    refuse(|table| table.secret_file = Some("/nonexistent".into()), "secret_file", "cannot read the file");
    refuse(
        |table| {
            table.kind = "slack".to_owned();
            table.secret_file = None;
        },
        "url",
        "the address of a Slack webhook is a secret",
    );
}

fn toml_like(_text: &str) -> Option<IgnoredAny> {
    Some(IgnoredAny)
}

#[test]
fn what_is_wrong_is_named_with_what_is_allowed() {
    refuse(|table| table.name = "Ops Team".to_owned(), "name", "lower case letters");
    refuse(|table| table.name = "../x".to_owned(), "name", "lower case letters");
    refuse(|table| table.kind = "pager".to_owned(), "kind", "webhook, slack or email");
    refuse(|table| table.url = Some("ftp://a".to_owned()), "url", "http:// or https://");
    refuse(|table| table.url = None, "url", "where to send it");
    refuse(
        |table| table.events = vec!["plan.stages".to_owned()],
        "events",
        "`plan.stages` is none of plan.started",
    );
    refuse(|table| table.events = vec!["plans.*".to_owned()], "events", "`plans.*`");
    refuse(|table| table.min_severity = Some("high".to_owned()), "min_severity", "info, warning or critical");
    refuse(|table| table.digest = Some("8:00".to_owned()), "digest", "08:00");
    refuse(|table| table.digest = Some("24:00".to_owned()), "digest", "08:00");
    refuse(|table| table.attempts = Some(0), "attempts", "1 to 20");
    refuse(|table| table.timeout_seconds = Some(0), "timeout_seconds", "1 to 120");
    refuse(
        |table| table.smtp = Some("mail".to_owned()),
        "smtp",
        "nothing: a target of kind webhook has none",
    );
    let folder = tempfile::tempdir().unwrap();
    let both = faults(vec![webhook(&folder), webhook(&folder)]);
    assert_eq!(both, [("name", "a name that no other target has".to_owned())]);
}

fn email() -> TargetTable {
    TargetTable {
        name: "mail".to_owned(),
        kind: "email".to_owned(),
        smtp: Some("smtp.example.com".to_owned()),
        from: Some("Flags <flags@example.com>".to_owned()),
        to: vec!["team@example.com".to_owned()],
        ..TargetTable::default()
    }
}

#[test]
fn mails_need_a_server_and_addresses_and_no_password_goes_out_in_the_clear() {
    let targets = check(NotifyFile { notify: vec![email()] }).unwrap();
    assert_eq!(targets[0].channel.shown(), "smtp://smtp.example.com:587");
    let nobody = TargetTable { to: Vec::new(), ..email() };
    assert_eq!(faults(vec![nobody]), [("to", "at least one mail address".to_owned())]);
    let broken = TargetTable { to: vec!["team".to_owned()], ..email() };
    assert_eq!(faults(vec![broken])[0].0, "to");
    let nowhere = TargetTable { smtp: None, ..email() };
    assert_eq!(faults(vec![nowhere])[0].0, "smtp");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "p").unwrap();
    let clear = TargetTable {
        tls: Some("none".to_owned()),
        username: Some("ana".to_owned()),
        secret_file: Some(path),
        ..email()
    };
    let found = faults(vec![clear]);
    assert_eq!(found[0], ("tls", "starttls or implicit: a password is not sent without TLS".to_owned()));
}

#[test]
fn a_filter_lets_through_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = webhook(&folder);
    table.min_severity = Some("warning".to_owned());
    table.environments = vec!["production".to_owned()];
    let filter = check(NotifyFile { notify: vec![table] }).unwrap().remove(0).filter;
    let event = |severity, environments: &[&str]| Event {
        kind: EventKind::PlanPaused,
        severity,
        environments: environments.iter().map(|name| EnvironmentKey::new(name)).collect(),
        flags: Vec::new(),
        plan: None,
        words: String::new(),
        evidence: Vec::new(),
        notify: Vec::new(),
    };
    assert!(filter.passes(&event(Severity::Warning, &["production"])));
    assert!(filter.passes(&event(Severity::Critical, &["staging", "production"])));
    assert!(filter.passes(&event(Severity::Critical, &[])), "what concerns all environments");
    assert!(!filter.passes(&event(Severity::Info, &["production"])));
    assert!(!filter.passes(&event(Severity::Critical, &["staging"])));
}
