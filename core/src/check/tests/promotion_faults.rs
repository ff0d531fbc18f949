//! Everything that can be wrong with incidents, promotion rules, promotions and drills.

use super::promotions::{World, drill, incident, promote, rules};
use super::{check_fault, check_refused, create, create_text};
use crate::change::{AskedRules, Change, CloseIncident, OpenIncident, Promote, RecordDrill};
use crate::incident::Severity;
use crate::key::NAME_GRAMMAR;
use crate::rejection::Reason;

const ENVIRONMENTS: &str = "one of development, production, staging";
const A_FLAG: &str = "the key of a flag that exists";

fn open(environment: &str, flags: &[&str], what: &str) -> Change {
    Change::OpenIncident(OpenIncident {
        environment: environment.to_owned(),
        flags: flags.iter().map(ToString::to_string).collect(),
        severity: Severity::Critical,
        what: what.to_owned(),
    })
}

fn asked(edit: impl FnOnce(&mut AskedRules)) -> Change {
    let mut asked = AskedRules { from: "staging".to_owned(), ..AskedRules::default() };
    edit(&mut asked);
    Change::SetPromotionRules { environment: "production".to_owned(), rules: Some(Box::new(asked)) }
}

fn moved(flag: &str, from: &str, to: &str) -> Change {
    let (flag, from, to) = (flag.to_owned(), from.to_owned(), to.to_owned());
    Change::Promote(Promote { flag, from, to, force: false })
}

fn drilled(edit: impl FnOnce(&mut RecordDrill)) -> Change {
    let mut drill = RecordDrill {
        environment: "staging".to_owned(),
        flag: "voice".to_owned(),
        services: vec![("ui".to_owned(), 10)],
        total_micros: 10,
    };
    edit(&mut drill);
    Change::RecordDrill(drill)
}

#[test]
fn incidents_name_what_is_there() {
    let unknown = Reason::UnknownEnvironment;
    check_fault(open("moon", &["voice"], "x"), unknown, ".open_incident.environment", "moon", ENVIRONMENTS);
    let field = ".open_incident.flags";
    check_fault(open("staging", &[], "x"), Reason::Required, field, "0", "1 to 200 flags");
    let many = vec!["voice"; 201];
    check_fault(open("staging", &many, "x"), Reason::TooLarge, field, "201", "at most 200");
    let field = ".open_incident.flags[0]";
    check_fault(open("staging", &["x"], "x"), Reason::UnknownFlag, field, "x", A_FLAG);
    check_fault(open("staging", &["a b"], "x"), Reason::InvalidName, field, "a b", NAME_GRAMMAR);
    let once = "each flag once, in one of its spellings";
    let field = ".open_incident.flags[1]";
    check_fault(open("staging", &["voice", "voice"], "x"), Reason::Duplicate, field, "voice", once);
    let field = ".open_incident.what";
    check_fault(open("staging", &["voice"], " "), Reason::Required, field, " ", "what went wrong, in words");
    let allowed = "text without control characters";
    check_fault(open("staging", &["voice"], "a\u{7}"), Reason::InvalidText, field, "a\u{fffd}", allowed);
    let allowed = "one incident in a change set: the revision that opens it is its number";
    check_refused(
        &[create("voice")],
        &[open("staging", &["voice"], "x"), open("staging", &["voice"], "y")],
        &[(Reason::Duplicate, "changes[1].open_incident", "y", allowed)],
    );
}

#[test]
fn only_what_is_open_is_closed() {
    let numbered = |id| Change::CloseIncident(CloseIncident::Numbered(id));
    let of = |environment: &str, flag: &str| {
        let (environment, flag) = (environment.to_owned(), flag.to_owned());
        Change::CloseIncident(CloseIncident::OfFlag { environment, flag })
    };
    let unknown = Reason::UnknownIncident;
    let allowed = "the number of an open incident: the revision that opened it";
    check_fault(numbered(7), unknown, ".close_incident.incident", "7", allowed);
    let allowed = "a flag with an open incident in staging";
    check_fault(of("staging", "voice"), unknown, ".close_incident.flag", "voice", allowed);
    let field = ".close_incident.environment";
    check_fault(of("moon", "voice"), Reason::UnknownEnvironment, field, "moon", ENVIRONMENTS);
    check_fault(of("staging", ""), Reason::Required, ".close_incident.flag", "", NAME_GRAMMAR);
    let before = [create("voice"), incident(Severity::Info), numbered(3)];
    let allowed = "an incident that is open; ana closed it at 2026-11-21T09:00:03Z";
    check_refused(&before, &[numbered(3)], &[(unknown, "changes[0].close_incident.incident", "3", allowed)]);
}

#[test]
fn rules_ask_for_what_can_be_done() {
    let range = Reason::OutOfRange;
    let field = ".set_promotion_rules.rules";
    let change = asked(|asked| asked.from = "moon".to_owned());
    check_fault(change, Reason::UnknownEnvironment, &format!("{field}.from"), "moon", ENVIRONMENTS);
    let change = asked(|asked| asked.from = String::new());
    check_fault(change, Reason::Required, &format!("{field}.from"), "", NAME_GRAMMAR);
    let change = asked(|asked| asked.from = "production".to_owned());
    let allowed = "another environment than production";
    check_fault(change, Reason::NotApplicable, &format!("{field}.from"), "production", allowed);
    let years = "0 to 63244800 seconds (two years)";
    let change = asked(|asked| asked.soak_seconds = 63_244_801);
    check_fault(change, range, &format!("{field}.soak_seconds"), "63244801", years);
    let change = asked(|asked| asked.incident_free_seconds = u64::MAX);
    let most = "18446744073709551615";
    check_fault(change, range, &format!("{field}.incident_free_seconds"), most, years);
    let change = asked(|asked| asked.drill_within_seconds = 63_244_801);
    check_fault(change, range, &format!("{field}.drill_within_seconds"), "63244801", years);
    let change = asked(|asked| asked.approvals = 21);
    check_fault(change, range, &format!("{field}.approvals"), "21", "0 to 20 approvals");
    let change = asked(|asked| asked.checklist = vec!["x".to_owned(); 65]);
    check_fault(change, Reason::TooLarge, &format!("{field}.checklist"), "65", "at most 64");
    let change = asked(|asked| asked.checklist = vec![" ".to_owned()]);
    let allowed = "a point that says what is to be done";
    check_fault(change, Reason::Required, &format!("{field}.checklist[0]"), "", allowed);
    let change = asked(|asked| asked.checklist = vec!["Ready".to_owned(), "ready ".to_owned()]);
    check_fault(change, Reason::Duplicate, &format!("{field}.checklist[1]"), "ready", "each point once");
    let unknown = Change::SetPromotionRules { environment: "moon".to_owned(), rules: None };
    let field = ".set_promotion_rules.environment";
    check_fault(unknown, Reason::UnknownEnvironment, field, "moon", ENVIRONMENTS);
}

#[test]
fn approvals_and_ticks_are_of_what_the_rules_ask_for() {
    let approve = |to: &str| Change::ApprovePromotion { flag: "voice".to_owned(), to: to.to_owned() };
    let tick = |item: &str| Change::TickPromotion {
        flag: "voice".to_owned(),
        to: "production".to_owned(),
        item: item.to_owned(),
    };
    let not = Reason::NotApplicable;
    let allowed = "an environment with promotion rules; staging has none and takes over whatever comes";
    check_fault(approve("staging"), not, ".approve_promotion.to", "staging", allowed);
    check_fault(approve("moon"), Reason::UnknownEnvironment, ".approve_promotion.to", "moon", ENVIRONMENTS);
    let before = [create("voice"), asked(|_| {})];
    let allowed = "an environment whose rules ask for approvals; those of production ask for none";
    let field = "changes[0].approve_promotion.to";
    check_refused(&before, &[approve("production")], &[(not, field, "production", allowed)]);
    let allowed = "an environment whose rules have a checklist; those of production have none";
    let field = "changes[0].tick_promotion.item";
    check_refused(&before, &[tick("x")], &[(not, field, "x", allowed)]);
    let before = [create("voice"), asked(|asked| asked.checklist = vec!["Ready".to_owned()])];
    let allowed = "a point of the checklist of production, or its number: 1 Ready";
    for item in ["x", "0", "2", ""] {
        check_refused(&before, &[tick(item)], &[(not, field, item, allowed)]);
    }
    let unknown =
        Change::TickPromotion { flag: "x".to_owned(), to: "production".to_owned(), item: "1".to_owned() };
    let field = "changes[0].tick_promotion.flag";
    check_refused(&before, &[unknown], &[(Reason::UnknownFlag, field, "x", A_FLAG)]);
}

#[test]
fn a_promotion_goes_from_one_environment_to_another() {
    let unknown = Reason::UnknownEnvironment;
    check_fault(moved("voice", "moon", "production"), unknown, ".promote.from", "moon", ENVIRONMENTS);
    check_fault(moved("voice", "staging", "moon"), unknown, ".promote.to", "moon", ENVIRONMENTS);
    check_fault(moved("x", "staging", "production"), Reason::UnknownFlag, ".promote.flag", "x", A_FLAG);
    let allowed = "another environment than staging";
    check_fault(
        moved("voice", "staging", "staging"),
        Reason::NotApplicable,
        ".promote.to",
        "staging",
        allowed,
    );
    check_fault(moved("voice", "", "production"), Reason::Required, ".promote.from", "", NAME_GRAMMAR);
}

#[test]
fn everything_that_is_wrong_with_a_promotion_is_said_at_once() {
    check_refused(
        &[create("voice")],
        &[moved("x", "moon", "mars")],
        &[
            (Reason::UnknownFlag, "changes[0].promote.flag", "x", A_FLAG),
            (Reason::UnknownEnvironment, "changes[0].promote.from", "moon", ENVIRONMENTS),
            (Reason::UnknownEnvironment, "changes[0].promote.to", "mars", ENVIRONMENTS),
        ],
    );
}

#[test]
fn a_drill_measures_services_within_a_day() {
    let range = Reason::OutOfRange;
    let day = "at most 86400000000 microseconds (a day)";
    let change = drilled(|drill| {
        drill.services = vec![("ui".to_owned(), 86_400_000_001)];
        drill.total_micros = 86_400_000_001;
    });
    let within = "from the slowest service's 86400000001 to 86400000000 microseconds (a day)";
    let voice = [create_text("voice", &["a", "b", "c"])];
    check_refused(
        &voice,
        &[change],
        &[
            (range, "changes[0].record_drill.services[0].micros", "86400000001", day),
            (range, "changes[0].record_drill.total_micros", "86400000001", within),
        ],
    );
    let within = "from the slowest service's 10 to 86400000000 microseconds (a day)";
    let field = ".record_drill.total_micros";
    check_fault(drilled(|drill| drill.total_micros = 9), range, field, "9", within);
    let twice = drilled(|drill| drill.services.push(("ui".to_owned(), 5)));
    let field = ".record_drill.services[1].service";
    check_fault(twice, Reason::Duplicate, field, "ui", "each service once");
    let nameless = drilled(|drill| drill.services = vec![("a b".to_owned(), 5)]);
    let field = ".record_drill.services[0].service";
    check_fault(nameless, Reason::InvalidName, field, "a b", NAME_GRAMMAR);
    let many = drilled(|drill| drill.services = vec![("ui".to_owned(), 5); 201]);
    check_fault(many, Reason::TooLarge, ".record_drill.services", "201", "at most 200");
    let nowhere = drilled(|drill| drill.environment = "moon".to_owned());
    let field = ".record_drill.environment";
    check_fault(nowhere, Reason::UnknownEnvironment, field, "moon", ENVIRONMENTS);
    let nothing = drilled(|drill| drill.flag = "x".to_owned());
    check_fault(nothing, Reason::UnknownFlag, ".record_drill.flag", "x", A_FLAG);
}

#[test]
fn an_archived_flag_is_not_promoted_and_not_drilled() {
    let mut world = World::new();
    world.does("ana", rules(AskedRules::default()));
    world.does("ana", Change::ArchiveFlag { flag: "voice".to_owned(), force: false });
    for change in [promote(false), drill(&[], 0)] {
        let rejection = world.try_as("ana", &[change]).unwrap_err();
        assert_eq!(rejection.violations.first().unwrap().reason, Reason::FlagArchived);
    }
    world.does("ana", incident(Severity::Critical));
}
