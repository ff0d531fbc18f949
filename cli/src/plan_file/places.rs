//! Where each field of a plan stands in its file: for what a server says of the plan after the file was read.

use super::fault::Mark;
use super::reading::Reading;

/// The places of a file that was read.
#[derive(Debug)]
pub(crate) struct Places(Reading);

impl Places {
    pub(crate) const fn of(reading: Reading) -> Self {
        Self(reading)
    }

    /// The line, the column and the file's own name of what a server calls `changes[0].set_plan.plan.…`; none for what is
    /// not about the plan's fields.
    pub(crate) fn find(&self, field: &str) -> Option<(Mark, String)> {
        let (_, path) = field.split_once("set_plan.plan")?;
        Some(self.0.stands(path.trim_start_matches('.')))
    }
}

#[cfg(test)]
mod tests {
    use crate::plan_file::read_with_places;

    #[test]
    fn what_a_server_says_is_found_in_the_file() {
        let text = "plan: dreams\nstages:\n  - name: half\n    set: { dreams: 50% }\n";
        let (_, places) = read_with_places(text).unwrap();
        let found = |field: &str| places.find(field).map(|(mark, field)| (mark.line, mark.column, field));
        let flag = found("changes[0].set_plan.plan.stages[0].set[0].flag").unwrap();
        assert_eq!((flag.0, flag.2.as_str()), (4, "stages[0].set.dreams"));
        assert_eq!(found("changes[0].set_plan.plan.key").map(|(line, ..)| line), Some(1));
        assert_eq!(found("changes[1].act_on_plan.plan"), None);
    }
}
