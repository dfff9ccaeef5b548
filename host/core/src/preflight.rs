//! Before any worker starts: can the mission's provider speak to this engine at all?
//!
//! A Docker engine refuses clients older than its minimum, and the provider takes the refusal for "the network is gone"
//! (seen with Docker 29 and provider 3.0.2: a destroy that reports success, empties the state and leaves the network
//! standing). So the question is asked before every Terraform run, plan or apply, from the mission's own files: by the gate
//! of the engine's last snapshot, and by the worker of the engine itself before each command that it starts.

use std::fmt;

use crate::mission::{MissionSpec, ProviderNeed};
use crate::terraform::grants::{DOCKER_SOURCE, provider_source};
use crate::terraform::providers::{ApiRange, Compatibility, verdict};

/// Why a mission is held back, and the cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The provider and what its files ask for, such as `kreuzwerker/docker ~> 3.0.2`.
    pub provider: String,
    /// The newest API that it speaks.
    pub speaks: String,
    /// The oldest API that the engine speaks.
    pub minimum: String,
    /// What to change and where.
    pub cure: String,
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is too old for this engine, so no worker is started: {}", self.provider, self.cure)
    }
}

/// Whether the mission must wait because of the engine, whose range of APIs is given.
///
/// What cannot be told (an engine that names no range, a provider that is not in the table) holds nothing back: it is
/// said by [`doubts`], and the tool's own refusal is recognised should it come.
pub fn hold(spec: &MissionSpec, api: &str, api_min: &str) -> Option<Hold> {
    held(&spec.providers, range(api, api_min)?)
}

/// The first of these providers that is too old for an engine with this range of APIs.
pub fn held(needs: &[ProviderNeed], engine: ApiRange) -> Option<Hold> {
    needs.iter().find_map(|need| match verdict(need, engine) {
        Compatibility::TooOld { spoken, minimum, cure, .. } => {
            Some(Hold { provider: named(need), speaks: spoken.to_string(), minimum: minimum.to_string(), cure })
        }
        Compatibility::Works { .. } | Compatibility::Unknown { .. } => None,
    })
}

/// What cannot be told about the mission's docker provider and this engine, one sentence each.
pub fn doubts(spec: &MissionSpec, api: &str, api_min: &str) -> Vec<String> {
    let docker = spec.providers.iter().filter(|need| of_docker(need));
    let doubt = |need| match range(api, api_min).map(|engine| verdict(need, engine)) {
        Some(Compatibility::Unknown { why }) => Some(format!("{}: {why}", named(need))),
        Some(Compatibility::Works { .. } | Compatibility::TooOld { .. }) => None,
        None => Some(format!("{}: the engine names no range of API versions ({api_min:?} to {api:?})", named(need))),
    };
    docker.filter_map(doubt).collect()
}

/// Whether this is the provider that speaks to the engine.
pub fn of_docker(need: &ProviderNeed) -> bool {
    provider_source(&need.source).as_deref() == Some(DOCKER_SOURCE)
}

fn range(api: &str, api_min: &str) -> Option<ApiRange> {
    Some(ApiRange { min: api_min.parse().ok()?, max: api.parse().ok()? })
}

fn named(need: &ProviderNeed) -> String {
    match (&need.locked, &need.constraint) {
        (Some(locked), _) => format!("{} {locked} (locked)", need.source),
        (None, Some(constraint)) => format!("{} {constraint}", need.source),
        (None, None) => need.source.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::mission::{MissionName, When};
    use crate::situation::{Autonomy, DesiredState};

    fn mission(constraint: &str, locked: Option<&str>) -> MissionSpec {
        let need = ProviderNeed {
            source: "kreuzwerker/docker".into(),
            constraint: Some(constraint.into()),
            locked: locked.map(str::to_owned),
            file: "main.tf".into(),
            line: 5,
        };
        MissionSpec {
            name: MissionName::parse("web").expect("valid"),
            goal: String::new(),
            autonomy: Autonomy::Approve,
            desired: DesiredState::Present,
            when: When::Always,
            offers: Vec::new(),
            plan: Digest::of(b"files"),
            facts: Vec::new(),
            labels: Vec::new(),
            author: None,
            providers: vec![need],
            source: String::new(),
            object: None,
        }
    }

    #[test]
    fn an_old_provider_is_held_back_from_a_new_engine_until_the_pin_is_raised() {
        let hold = |constraint, locked| super::hold(&mission(constraint, locked), "1.52", "1.44");
        let held = hold("~> 3.0.2", None).expect("1.41 is below 1.44");
        assert_eq!((held.speaks.as_str(), held.minimum.as_str()), ("1.41", "1.44"));
        assert!(held.cure.contains("line 5 of main.tf") && held.cure.contains("\">= 3.3.0\""), "{held}");
        assert!(hold(">= 3.0", Some("3.0.2")).is_some());
        assert_eq!(hold(">= 3.3.0", None), None);
        assert_eq!(super::hold(&mission("~> 3.0.2", None), "1.45", "1.24"), None);
    }

    #[test]
    fn what_cannot_be_told_is_said_and_holds_nothing_back() {
        for (constraint, api, min) in [("~> 3.0.2", "", ""), ("= 4.6.0", "1.60", "1.55"), ("nonsense", "1.52", "1.44")]
        {
            let mission = mission(constraint, None);
            assert_eq!(hold(&mission, api, min), None, "{constraint}");
            assert_eq!(doubts(&mission, api, min).len(), 1, "{constraint}");
        }
        assert_eq!(doubts(&mission("~> 3.9", None), "1.52", "1.44"), Vec::<String>::new());
    }
}
