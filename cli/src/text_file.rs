//! Texts that are named on the command line: a file, or `-` for the standard input.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use crate::failure::Failure;

/// More than any text that the server takes, so that a wrong file is not read to its end.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Reads a file, or the standard input.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let complaint = |error: io::Error| Failure::Usage(format!("cannot read {}: {error}", path.display()));
    let mut text = String::new();
    let read = if path.as_os_str() == "-" {
        io::stdin().lock().take(BYTES_MAX + 1).read_to_string(&mut text)
    } else {
        fs::File::open(path).map_err(complaint)?.take(BYTES_MAX + 1).read_to_string(&mut text)
    };
    match read.map_err(complaint)? {
        bytes if u64::try_from(bytes).is_ok_and(|bytes| bytes <= BYTES_MAX) => Ok(text),
        _ => Err(Failure::Usage(format!("{} is larger than {BYTES_MAX} bytes", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let failure = read(Path::new("/nonexistent/schema.json")).unwrap_err();
        assert!(failure.message().starts_with("cannot read /nonexistent/schema.json: "));
    }
}
