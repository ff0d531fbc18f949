//! The tags and services of a flag.

use super::check_fault;
use crate::change::{Change, CreateFlag, UpdateFlag};
use crate::key::NAME_GRAMMAR;
use crate::rejection::Reason;

#[test]
fn a_service_is_named_once() {
    let services = |services: &[&str]| {
        Change::UpdateFlag(UpdateFlag {
            flag: "dreams".to_owned(),
            services: Some(services.iter().map(ToString::to_string).collect()),
            ..UpdateFlag::default()
        })
    };
    let field = ".update_flag.services[1]";
    check_fault(services(&["ui", "ui"]), Reason::Duplicate, field, "ui", "each service once");
    check_fault(services(&["ui", "u i"]), Reason::InvalidName, field, "u i", NAME_GRAMMAR);
}

#[test]
fn a_tag_says_something_and_is_named_once() {
    let tags = |tags: &[&str]| tags.iter().map(ToString::to_string).collect::<Vec<String>>();
    let update = |names: &[&str]| {
        Change::UpdateFlag(UpdateFlag {
            flag: "dreams".to_owned(),
            tags: Some(tags(names)),
            ..UpdateFlag::default()
        })
    };
    let create =
        |names: &[&str]| Change::CreateFlag(CreateFlag { tags: tags(names), ..CreateFlag::boolean("x") });
    let updated = ".update_flag.tags[1]";
    let created = ".create_flag.definition.tags[1]";
    let (required, duplicate) = (Reason::Required, Reason::Duplicate);
    check_fault(update(&["a", ""]), required, updated, "", "a tag that is not empty");
    check_fault(create(&["a", " "]), required, created, " ", "a tag that is not empty");
    check_fault(update(&["a", "a"]), duplicate, updated, "a", "each tag once");
    check_fault(create(&["a", "a"]), duplicate, created, "a", "each tag once");
}
