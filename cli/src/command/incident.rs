//! `incident`: what went wrong, and that it is over.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;
use mycelia_flags_proto::v1::close_incident::What;

use crate::args::promotion::{
    IncidentCloseArgs, IncidentCommand, IncidentListArgs, IncidentOpenArgs, SeverityArg,
};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::submission::{Submission, Told, submit};
use crate::view::applied::Subject;
use crate::view::incident::{IncidentView, IncidentsView};

pub(crate) async fn run(command: IncidentCommand, session: &Session<'_>) -> Result<Exit, Failure> {
    match command {
        IncidentCommand::Open(args) => open(args, session).await,
        IncidentCommand::Close(args) => close(args, session).await,
        IncidentCommand::List(args) => list(args, session).await,
    }
}

async fn open(args: IncidentOpenArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let mut flags = args.flags_and_what;
    let what = flags.pop().unwrap_or_default();
    if flags.is_empty() {
        let complaint = format!("name the flags first, and then what went wrong: there is only `{what}`");
        return Err(Failure::Usage(complaint));
    }
    let (severity, word) = match args.severity {
        SeverityArg::Critical => (v1::IncidentSeverity::Critical, "a critical"),
        SeverityArg::Warning => (v1::IncidentSeverity::Warning, "a warning"),
        SeverityArg::Info => (v1::IncidentSeverity::Info, "an info"),
    };
    let subject = flags.join(", ");
    let deed = format!("opened {word} incident of {subject}");
    let change = Change::OpenIncident(v1::OpenIncident {
        environment: session.settings.environment.clone(),
        flags,
        severity: severity.into(),
        what,
    });
    let told = Told::here(Subject::Flag(subject), "incident open", deed);
    submit(Submission::of(change, told), args.write, session).await
}

async fn close(args: IncidentCloseArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let (what, told) = match args.incident.trim_start_matches('#').parse::<u64>() {
        Ok(id) => {
            let deed = format!("closed incident #{id}");
            let subject = Subject::Incident(id);
            (What::Incident(id), Told::everywhere(subject, "incident close", deed))
        }
        Err(_no_number) => {
            let flag = args.incident.clone();
            let deed = format!("closed the incidents of {flag}");
            let there =
                v1::FlagThere { environment: session.settings.environment.clone(), flag: flag.clone() };
            (What::Flag(there), Told::here(Subject::Flag(flag), "incident close", deed))
        }
    };
    let change = Change::CloseIncident(v1::CloseIncident { what: Some(what) });
    submit(Submission::of(change, told), args.write, session).await
}

async fn list(args: IncidentListArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let environment = session.settings.environment.clone();
    let request = v1::ListIncidentsRequest { environment, closed: args.all };
    let answer = connection.answer(connection.promotions().list_incidents(request)).await?;
    session.show(&IncidentsView {
        incidents: answer.incidents.iter().map(IncidentView::of).collect(),
        revision: answer.revision,
    })?;
    Ok(Exit::Done)
}
