//! What was backed up.

use serde::Serialize;

use crate::page::Page;
use crate::terminal::View;

/// The answer of `backup FILE`.
#[derive(Debug, Serialize)]
pub(crate) struct BackupView {
    pub(crate) file: String,
    pub(crate) bytes: u64,
}

impl View for BackupView {
    fn page(&self) -> Page {
        Page::of_line(format!("backed up {} to {}", print_bytes(self.bytes), self.file))
    }
}

/// `12.3 KiB`.
pub(crate) fn print_bytes(bytes: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;
    let with_tenth = |unit: u64, name: &str| format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        0..KIB => format!("{bytes} bytes"),
        KIB..MIB => with_tenth(KIB, "KiB"),
        MIB..GIB => with_tenth(MIB, "MiB"),
        _ => with_tenth(GIB, "GiB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_printed_with_the_unit_that_reads_best() {
        assert_eq!(print_bytes(1_023), "1023 bytes");
        assert_eq!(print_bytes(12_646), "12.3 KiB");
        assert_eq!(print_bytes(5 << 20), "5.0 MiB");
        assert_eq!(print_bytes(3 << 29), "1.5 GiB");
    }
}
