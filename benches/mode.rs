//! How long a benchmark takes: full when somebody wants figures, quick when CI wants to know that it runs.

/// Whether to finish in seconds: `MYCELIA_BENCH_QUICK=1`, or run by something else than `cargo bench`.
#[must_use]
pub fn is_quick() -> bool {
    let asked = std::env::var_os("MYCELIA_BENCH_QUICK").is_some_and(|value| value != "0");
    // `cargo bench` passes --bench, `cargo test --benches` does not.
    asked || !std::env::args().any(|argument| argument == "--bench")
}

/// One of two, by mode.
#[must_use]
pub fn pick<T>(quick: T, full: T) -> T {
    if is_quick() { quick } else { full }
}

/// Whether a part was asked for: `cargo bench -- WORDS` runs the parts whose names contain one of the words.
#[must_use]
pub fn wants(part: &str) -> bool {
    let mut words = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).peekable();
    words.peek().is_none() || words.any(|word| part.contains(&word))
}
