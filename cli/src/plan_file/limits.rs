//! The bounds of a plan file: their values, their reasons, and what the caller sees when they are hit.
//!
//! What is beyond one is a fault with the word `TOO_LARGE`, at its line and column; `plan_file/tests` hits each.

/// Bytes of a file. A plan has at most 256 KiB of text; the rest is for blanks and comments.
pub(crate) const FILE_BYTES_MAX: usize = 1024 * 1024;

/// Values in a file, with what each alias stands for counted where it stands: a page of aliases of aliases would
/// otherwise be read for hours. The largest plan that the server takes has fewer.
pub(crate) const NODES_MAX: usize = 50_000;

/// Levels of lists and mappings, counted through aliases. A flag's value has at most 20; whoever reads recurses.
pub(crate) const DEPTH_MAX: usize = 32;

/// Faults that are shown of one file. Nobody reads on after so many.
pub(crate) const FAULTS_MAX: usize = 1_000;

/// Letters of what stands in the file that a fault repeats.
pub(crate) const SHOWN_CHARS_MAX: usize = 100;
