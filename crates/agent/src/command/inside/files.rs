//! The fence around files that Landlock makes, and the end of root's rights behind it.

use crate::command::orders::Alone;
use landlock::BitFlags;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};
use rustix::thread::{CapabilitySet, CapabilitySets};
use std::path::Path;

/// The kernel's interface that is demanded whole (Linux 6.12): from it on signals and abstract sockets stay
/// inside, too.
const DEMANDED: ABI = ABI::V6;
/// Highest number of a capability that may exist.
const CAPABILITIES: u32 = 63;

/// From here on this process and its children reach only what is named.
pub(super) fn fence(alone: &Alone) -> Result<(), String> {
    let too_old =
        |e: landlock::RulesetError| format!("this kernel's Landlock is too old or switched off: {e}");
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(DEMANDED))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(DEMANDED)))
        .and_then(|rules| rules.scope(Scope::from_all(DEMANDED)))
        .and_then(Ruleset::create)
        .map_err(too_old)?;
    for path in &alone.reads {
        rules = allow(rules, path, AccessFs::from_read(DEMANDED))?;
    }
    for path in &alone.writes {
        rules = allow(rules, path, AccessFs::from_all(DEMANDED))?;
    }
    let done = rules.restrict_self().map_err(too_old)?;
    if done.ruleset != RulesetStatus::FullyEnforced {
        return Err("Landlock holds only a part of the rules".to_owned());
    }
    Ok(())
}

fn allow(rules: RulesetCreated, path: &str, access: BitFlags<AccessFs>) -> Result<RulesetCreated, String> {
    let cannot = |e: &dyn std::fmt::Display| format!("{path} can't be let in: {e}");
    let access = match Path::new(path).is_dir() {
        true => access,
        false => access & AccessFs::from_file(DEMANDED),
    };
    let opened = PathFd::new(path).map_err(|e| cannot(&e))?;
    rules
        .add_rule(PathBeneath::new(opened, access))
        .map_err(|e| cannot(&e))
}

/// Root without capabilities is a user like any other; one who never had any loses nothing.
pub(super) fn give_up_capabilities() -> Result<(), String> {
    let failed = |e: rustix::io::Errno| format!("capabilities can't be given up: {e}");
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    let held = rustix::thread::capabilities(None).map_err(failed)?;
    if held.effective.contains(CapabilitySet::SETPCAP) {
        for number in 0..=CAPABILITIES {
            // A number that this kernel does not know is refused by it, and can't be held either.
            let one = CapabilitySet::from_bits_retain(1 << number);
            let _ = rustix::thread::remove_capability_from_bounding_set(one);
        }
    }
    rustix::thread::clear_ambient_capability_set().map_err(failed)?;
    rustix::thread::set_capabilities(None, none).map_err(failed)
}
