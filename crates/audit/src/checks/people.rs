//! Who may do what: membership, roles, separation of duties, and different human beings.

use super::books::Books;
use countersign_core::id::MemberId;
use countersign_core::member::{Member, Role, Roster};
use std::collections::BTreeSet;

/// An active member with at least that role.
pub(super) fn entitled<'a>(roster: &'a Roster, id: &MemberId, needed: Role) -> Option<&'a Member> {
    let member = roster.members.iter().find(|m| m.id == *id)?;
    (member.active && member.role >= needed).then_some(member)
}

/// Only one human being here may approve anything.
pub(super) fn is_solo(roster: &Roster) -> bool {
    let may = |m: &&Member| m.active && m.role >= Role::Reviewer;
    let people: BTreeSet<&str> = roster
        .members
        .iter()
        .filter(may)
        .map(|m| m.person.as_str())
        .collect();
    people.len() <= 1
}

/// A member who may approve what is on the table: nobody of the same person had a hand in it, unless there is only one.
pub(super) fn eligible<'a>(books: &Books<'a>, roster: &'a Roster, id: &MemberId) -> Option<&'a Member> {
    let member = entitled(roster, id, Role::Reviewer)?;
    let same_person = |m: &&Member| m.person == member.person;
    let shaped = roster
        .members
        .iter()
        .filter(same_person)
        .any(|m| books.shapers.contains(&m.id));
    (is_solo(roster) || !shaped).then_some(member)
}
