//! People: who they are, what they may do, and who is out because they had a hand in the content.

use crate::act::{MemberKey, SignedAct};
use crate::id::MemberId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a member may do, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Look.
    Viewer,
    /// Start, answer, approve, reject, request changes, withdraw their own.
    Reviewer,
    /// Also waive warnings.
    Maintainer,
    /// Also members, keys, freeze, the policy baseline.
    Owner,
}

/// A member of a tenant, as looked up at the moment of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Who.
    pub id: MemberId,
    /// Which human being; two logins of one person share it (hazard 49).
    pub person: String,
    /// How people call them.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whether the membership is in force.
    pub active: bool,
}

/// All members of a tenant at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roster {
    /// The members.
    pub members: Vec<Member>,
    /// The key that is held for each; whoever never acted has none. Recorded, so that a story can be judged without
    /// the machine that holds the keys.
    pub keys: BTreeMap<MemberId, MemberKey>,
}

/// Why somebody may not decide.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ineligible {
    /// Not a member, or no longer.
    #[error("{0} is not an active member of this tenant")]
    NotAMember(MemberId),
    /// The role is too weak.
    #[error("{name} is {role:?}; this needs {needed:?} or more")]
    RoleTooWeak {
        /// Who.
        name: String,
        /// What they are.
        role: Role,
        /// What is needed.
        needed: Role,
    },
    /// Had a hand in the content, and somebody else is there to judge it.
    #[error("{0} requested or shaped this content; somebody else has to approve it")]
    ShapedTheContent(String),
}

impl Roster {
    /// Whether an act was signed by the key that is held here for its member.
    pub fn vouches_for(&self, act: &SignedAct) -> bool {
        let key = self.keys.get(&act.record.member);
        key.is_some_and(|key| key.signed(act))
    }

    /// An active member.
    pub fn find(&self, id: &MemberId) -> Result<&Member, Ineligible> {
        let found = self.members.iter().find(|m| m.id == *id && m.active);
        found.ok_or_else(|| Ineligible::NotAMember(id.clone()))
    }

    /// An active member with at least that role.
    pub fn entitled(&self, id: &MemberId, needed: Role) -> Result<&Member, Ineligible> {
        let member = self.find(id)?;
        if member.role < needed {
            return Err(Ineligible::RoleTooWeak {
                name: member.name.clone(),
                role: member.role,
                needed,
            });
        }
        Ok(member)
    }

    /// Different human beings among the active members who may approve.
    pub fn people(&self) -> BTreeSet<&str> {
        let may_approve = self
            .members
            .iter()
            .filter(|m| m.active && m.role >= Role::Reviewer);
        may_approve.map(|m| m.person.as_str()).collect()
    }

    /// Different human beings who may approve content that `shapers` had a hand in.
    pub fn eligible(&self, shapers: &BTreeSet<MemberId>) -> BTreeSet<&str> {
        let may = self
            .members
            .iter()
            .filter(|m| self.may_approve(&m.id, shapers).is_ok());
        may.map(|m| m.person.as_str()).collect()
    }

    /// One human being: approves alone, whatever the tier, and the story says so.
    pub fn is_solo(&self) -> bool {
        self.people().len() <= 1
    }

    /// Whether a member may approve content that `shapers` requested, shaped, answered for or waived.
    pub fn may_approve(&self, id: &MemberId, shapers: &BTreeSet<MemberId>) -> Result<&Member, Ineligible> {
        let member = self.entitled(id, Role::Reviewer)?;
        let same_person = |m: &&Member| m.person == member.person && shapers.contains(&m.id);
        if !self.is_solo() && self.members.iter().any(|m| same_person(&m)) {
            return Err(Ineligible::ShapedTheContent(member.name.clone()));
        }
        Ok(member)
    }
}
