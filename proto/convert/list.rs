//! Lists of targeting keys, and how they change.

use std::sync::Arc;

use mycelia_flags_core::key_set::KeySet;
use mycelia_flags_core::list::ListKey;
use mycelia_flags_core::update::ListEdit;

use super::fault::WireError;
use crate::v1;

/// The wire's list. The keys are in order, so that the same list is always the same bytes.
#[must_use]
pub fn key_list_to_wire(list: &ListKey, keys: &KeySet) -> v1::KeyList {
    v1::KeyList {
        list: list.to_string(),
        keys: keys.sorted().into_iter().map(|key| String::from(&**key)).collect(),
    }
}

/// The core's list as a server sent it.
///
/// # Errors
/// When this version knows no such list.
pub fn key_list_from_wire(wire: &v1::KeyList) -> Result<(ListKey, KeySet), WireError> {
    Ok((list_key(&wire.list)?, wire.keys.iter().collect()))
}

/// The wire's change of a list.
#[must_use]
pub fn list_edit_to_wire(list: &ListKey, edit: &ListEdit) -> v1::ListEdit {
    let keys = |wanted: bool| {
        let keys = edit.keys.iter().filter(|(_, on)| **on == wanted);
        keys.map(|(key, _)| String::from(&**key)).collect()
    };
    v1::ListEdit { list: list.to_string(), cleared: edit.cleared, added: keys(true), removed: keys(false) }
}

/// The core's change of a list as a server sent it. A key that is both added and removed is removed: no server sends
/// that, and the digest would tell.
///
/// # Errors
/// When this version knows no such list.
pub fn list_edit_from_wire(wire: &v1::ListEdit) -> Result<(ListKey, ListEdit), WireError> {
    let key = |key: &String, on| (Arc::from(key.as_str()), on);
    let added = wire.added.iter().map(|text| key(text, true));
    let removed = wire.removed.iter().map(|text| key(text, false));
    let edit = ListEdit { cleared: wire.cleared, keys: added.chain(removed).collect() };
    Ok((list_key(&wire.list)?, edit))
}

fn list_key(text: &str) -> Result<ListKey, WireError> {
    ListKey::parse(text)
        .ok_or_else(|| WireError::UnknownList { field: "list".to_owned(), list: text.to_owned() })
}
