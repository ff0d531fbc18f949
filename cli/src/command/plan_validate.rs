//! `plan validate`: plan files without a server.

use crate::args::plan_file::PlanValidateArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan_file;
use crate::terminal::Terminal;
use crate::text_file;
use crate::view::plan_validation::PlanValidationView;

pub(crate) fn run(args: &PlanValidateArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let mut view = PlanValidationView::default();
    for path in &args.files {
        let text = text_file::read(path)?;
        let file = path.display().to_string();
        match plan_file::read(&text) {
            Ok(plan) => view.accept(file, &plan),
            Err(faults) => view.refuse(file, faults),
        }
    }
    terminal.show(&view)?;
    // As a server's refusal of the same plan ends.
    Ok(if view.errors.is_empty() { Exit::Done } else { Exit::Failed })
}
