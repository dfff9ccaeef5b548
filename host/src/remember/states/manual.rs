//! What people do with states by hand: look, take a copy, bring one back, remove a lock that nobody holds any more.
//!
//! Whatever changes something is journaled with the person who did it.

use quarterdeck_core::entry::{Entry, StateChanged};
use quarterdeck_core::ids::{MissionId, Timestamp};
use quarterdeck_core::observation::Person;
use quarterdeck_core::order::StateRef;
use quarterdeck_core::terraform::state_json::StateFacts;
use serde::Serialize;

use super::disk::{self, Version};
use super::{HeldLock, StateFault, StateStore, VERSIONS_KEPT, reference};

/// What is kept of a mission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MissionStates {
    /// The mission.
    pub mission: MissionId,
    /// Its versions, the oldest first.
    pub versions: Vec<VersionInfo>,
    /// Its lock, where it is locked.
    pub lock: Option<HeldLock>,
    /// Whether the lock's worker is known to be gone; `quarterdeck state unlock` removes only such a lock.
    pub lock_is_dead: bool,
}

/// A version that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionInfo {
    /// Its number, from 1 on.
    pub number: u32,
    /// Terraform's serial.
    pub serial: u64,
    /// Its size.
    pub bytes: u64,
    /// When it was written, by the file system's word.
    pub written: Option<Timestamp>,
}

impl StateStore {
    /// What is kept, of all missions.
    ///
    /// # Errors
    /// Where the disk fails.
    pub fn list(&self) -> Result<Vec<MissionStates>, StateFault> {
        self.disk.missions()?.into_iter().map(|mission| self.list_one(mission)).collect()
    }

    fn list_one(&self, mission: MissionId) -> Result<MissionStates, StateFault> {
        let versions = self.disk.versions(&mission)?.into_iter().map(|version| {
            let bytes = std::fs::metadata(&version.path).map_or(0, |data| data.len());
            let since = disk::modified(&version.path).and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
            let written = since.and_then(|since| u64::try_from(since.as_millis()).ok()).map(Timestamp);
            VersionInfo { number: version.number, serial: version.serial, bytes, written }
        });
        let versions = versions.collect();
        let lock = self.disk.lock(&mission)?;
        let ledger = self.book.ledger();
        let lock_is_dead = lock.as_ref().is_some_and(|held| self.is_dead(&ledger, held));
        Ok(MissionStates { mission, versions, lock, lock_is_dead })
    }

    /// What may be told of a version: by default of the newest.
    ///
    /// # Errors
    /// Where there is no such version, or the disk fails.
    pub fn show(&self, mission: &MissionId, number: Option<u32>) -> Result<(StateRef, StateFacts), StateFault> {
        let version = self.version(mission, number)?;
        let (_, mut facts) = reference(&version.bytes)?;
        facts.objects.iter_mut().for_each(|object| *object = object.redacted(&self.redactor));
        Ok((version.state, facts))
    }

    /// The bytes of a version, by default of the newest. They hold secrets in clear.
    ///
    /// # Errors
    /// Where there is no such version, or the disk fails.
    pub fn export(&self, mission: &MissionId, number: Option<u32>) -> Result<Vec<u8>, StateFault> {
        Ok(self.version(mission, number)?.bytes)
    }

    /// Makes a state the newest version of a mission's, by a person's word.
    ///
    /// # Errors
    /// Where a worker of the mission is at work, the state is locked, does not follow the newest, or the disk fails.
    pub fn import(&self, who: &Person, mission: &MissionId, bytes: &[u8]) -> Result<StateRef, StateFault> {
        let (state, facts) = reference(bytes)?;
        let _turn = self.turn();
        if let Some(held) = self.disk.lock(mission)?.filter(|held| !self.is_dead(&self.book.ledger(), held)) {
            return Err(StateFault::LiveLock { order: held.order });
        }
        self.nobody_at_work(mission)?;
        // What the journal names is the measure, so that a damaged folder can be mended by an import.
        let on_disk = self.disk.newest(mission).ok().flatten().map(|version| version.state);
        let journaled = self.book.ledger().missions.get(mission).and_then(|known| known.state.clone());
        for kept in [on_disk, journaled].into_iter().flatten() {
            if kept.lineage != state.lineage {
                return Err(StateFault::Lineage { mission: mission.clone() });
            }
            if state.serial <= kept.serial {
                return Err(StateFault::Serial { brought: state.serial, kept: kept.serial });
            }
        }
        let path = self.disk.write(mission, state.serial, bytes)?;
        if let Err(fault) = self.journal(who, mission, "import", Some((&state, &facts))) {
            // Where the journal failed it is not known what it holds, so the file stays.
            if !fault.is_passing() {
                disk::remove(&path)?;
            }
            return Err(fault);
        }
        self.disk.prune(mission, VERSIONS_KEPT)?;
        Ok(state)
    }

    /// Removes a lock whose worker is known to be gone.
    ///
    /// # Errors
    /// Where there is none, its worker may live, or the disk fails.
    pub fn unlock_dead(&self, who: &Person, mission: &MissionId) -> Result<HeldLock, StateFault> {
        let _turn = self.turn();
        let held = self.disk.lock(mission)?.ok_or_else(|| StateFault::NotLocked(mission.clone()))?;
        let ledger = self.book.ledger();
        if !self.is_dead(&ledger, &held) {
            return Err(StateFault::LiveLock { order: held.order });
        }
        self.journal(who, mission, "unlock", None)?;
        self.disk.clear_lock(mission)?;
        Ok(held)
    }

    fn journal(
        &self,
        who: &Person,
        mission: &MissionId,
        what: &str,
        new: Option<(&StateRef, &StateFacts)>,
    ) -> Result<(), StateFault> {
        let made = self.book.transact(|ledger| {
            let no = || StateFault::UnknownMission(mission.clone());
            let known = ledger.missions.get(mission).ok_or_else(no)?;
            if let (Some(at_work), Some(_)) = (ledger.at_work(mission), new) {
                return Err(StateFault::AtWork { order: at_work.order.name.clone() });
            }
            let state = new.map(|(state, _)| state.clone()).or_else(|| known.state.clone());
            let objects =
                new.map(|(_, facts)| facts.objects.iter().map(|object| object.redacted(&self.redactor)).collect());
            let at = self.now(ledger);
            let (mission, who, what) = (mission.clone(), who.clone(), what.to_owned());
            Ok(vec![Entry::StateChanged(StateChanged { at, mission, who, state, objects, what })])
        });
        Ok(made.map(|_| ())?)
    }

    fn nobody_at_work(&self, mission: &MissionId) -> Result<(), StateFault> {
        match self.book.ledger().at_work(mission) {
            Some(at_work) => Err(StateFault::AtWork { order: at_work.order.name.clone() }),
            None => Ok(()),
        }
    }

    fn version(&self, mission: &MissionId, number: Option<u32>) -> Result<Version, StateFault> {
        let versions = self.disk.versions(mission)?;
        let chosen = match number {
            Some(number) => versions.iter().find(|version| version.number == number),
            None => versions.last(),
        };
        let none = || StateFault::NoVersion { mission: mission.clone(), number: number.unwrap_or(0) };
        self.disk.read(mission, chosen.ok_or_else(none)?)
    }
}
