//! Incidents, promotions and drills in words, without the place.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;
use mycelia_flags_proto::v1::close_incident::What;

use crate::duration_text::print_micros;

/// What stands before a promotion by force: whoever reads the history must not miss it.
pub(crate) const BREAK_GLASS: &str = "BREAK GLASS";

/// What was asked; none of a change that is about something else.
pub(super) fn of(change: &Change) -> Option<String> {
    Some(match change {
        Change::OpenIncident(open) => {
            let severity = match open.severity() {
                v1::IncidentSeverity::Critical => "critical",
                v1::IncidentSeverity::Info => "info",
                v1::IncidentSeverity::Warning | v1::IncidentSeverity::Unspecified => "warning",
            };
            format!("open {severity} incident of {}: {}", open.flags.join(", "), open.what)
        }
        Change::CloseIncident(close) => match &close.what {
            Some(What::Incident(id)) => format!("close incident #{id}"),
            Some(What::Flag(there)) => format!("close the incidents of {}", there.flag),
            None => "close an incident".to_owned(),
        },
        Change::SetPromotionRules(set) => match &set.rules {
            Some(rules) => format!("set the rules for promotions from {}", rules.from),
            None => "clear the rules for promotions".to_owned(),
        },
        Change::ApprovePromotion(approve) => format!("approve the promotion of {}", approve.flag),
        Change::TickPromotion(tick) => format!("tick off `{}` for the promotion of {}", tick.item, tick.flag),
        Change::Promote(promote) if promote.force => {
            format!("{BREAK_GLASS}: promote {} from {}", promote.flag, promote.from)
        }
        Change::Promote(promote) => format!("promote {} from {}", promote.flag, promote.from),
        Change::RecordDrill(drill) => {
            format!("record a rollback drill of {} ({})", drill.flag, print_micros(drill.total_micros))
        }
        _ => return None,
    })
}

/// What stands before the environment.
pub(crate) const fn preposition(change: &Change) -> &'static str {
    match change {
        Change::Promote(_) | Change::ApprovePromotion(_) | Change::TickPromotion(_) => "to",
        _ => "in",
    }
}

/// The name on the wire, the flag if it is one, and the environment if it happens in one.
pub(crate) fn subject(change: &Change) -> Option<(&'static str, Option<&str>, Option<&str>)> {
    Some(match change {
        Change::OpenIncident(open) => {
            let flag = open.flags.first().filter(|_| open.flags.len() == 1);
            ("open_incident", flag.map(String::as_str), Some(&open.environment))
        }
        Change::CloseIncident(close) => match &close.what {
            Some(What::Flag(there)) => ("close_incident", Some(&there.flag), Some(&there.environment)),
            Some(What::Incident(_)) | None => ("close_incident", None, None),
        },
        Change::SetPromotionRules(set) => ("set_promotion_rules", None, Some(&set.environment)),
        Change::ApprovePromotion(approve) => ("approve_promotion", Some(&approve.flag), Some(&approve.to)),
        Change::TickPromotion(tick) => ("tick_promotion", Some(&tick.flag), Some(&tick.to)),
        Change::Promote(promote) => ("promote", Some(&promote.flag), Some(&promote.to)),
        Change::RecordDrill(drill) => ("record_drill", Some(&drill.flag), Some(&drill.environment)),
        _ => return None,
    })
}
