//! What an engine's answers look like, and how they become core's nouns.
//!
//! Read leniently: only what is used, since a field that one engine leaves out, or writes as `null`, is another's. Every
//! text is bounded, redacted and made safe to print here, once; names and ids, which are compared with those of states,
//! in the one way that states' are.

use quarterdeck_core::ids::MissionId;
use quarterdeck_core::observation::{Container, ContainerState, EngineObject};
use quarterdeck_core::order::ObjectKind;
use quarterdeck_core::redaction::Redactor;
use serde::Deserialize;

/// The label that says which mission an object is of.
pub const MISSION_LABEL: &str = "dev.quarterdeck.mission";
/// Of what a health check or the engine says this many bytes are kept: the lines that tell the cause.
const SAID_BYTES_MAX: usize = 512;
/// An image is known by at most this many names; one with more is a build cache's.
const NAMES_MAX: usize = 64;

#[derive(Deserialize, Default)]
pub(super) struct Labels {
    #[serde(rename = "dev.quarterdeck.mission")]
    mission: Option<String>,
}

impl Labels {
    /// The mission, where the label can be one's name.
    fn mission(labels: Option<Labels>) -> Option<String> {
        let named = labels?.mission?;
        MissionId::parse(&named).ok().map(|id| id.as_str().to_owned())
    }
}

/// An entry of `/containers/json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedContainer {
    pub(super) id: String,
    names: Option<Vec<String>>,
    image: Option<String>,
    pub(super) state: Option<String>,
    pub(super) status: Option<String>,
    labels: Option<Labels>,
}

impl ListedContainer {
    pub(super) fn labelled(&self) -> bool {
        self.labels.as_ref().is_some_and(|labels| labels.mission.is_some())
    }
}

/// What `/containers/{id}/json` adds.
#[derive(Deserialize, Clone)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Inspected {
    restart_count: Option<i64>,
    state: Option<InspectedState>,
    config: Option<InspectedConfig>,
}

#[derive(Deserialize, Clone)]
#[serde(rename_all = "PascalCase")]
struct InspectedState {
    #[serde(rename = "OOMKilled")]
    oom_killed: Option<bool>,
    status: Option<String>,
    exit_code: Option<i64>,
    error: Option<String>,
    health: Option<Health>,
}

#[derive(Deserialize, Clone)]
#[serde(rename_all = "PascalCase")]
struct Health {
    status: Option<String>,
    log: Option<Vec<HealthLog>>,
}

#[derive(Deserialize, Clone)]
#[serde(rename_all = "PascalCase")]
struct HealthLog {
    output: Option<String>,
}

#[derive(Deserialize, Clone)]
#[serde(rename_all = "PascalCase")]
struct InspectedConfig {
    image: Option<String>,
}

/// An entry of `/networks`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedNetwork {
    id: String,
    name: Option<String>,
    labels: Option<Labels>,
}

/// The answer to `/volumes`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedVolumes {
    pub(super) volumes: Option<Vec<ListedVolume>>,
}

/// An entry of it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedVolume {
    name: String,
    labels: Option<Labels>,
}

/// An entry of `/images/json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedImage {
    id: String,
    repo_tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
}

/// Makes core's nouns; holds what keeps secrets out of them.
pub(super) struct Parser<'a>(pub(super) &'a Redactor);

impl Parser<'_> {
    /// A text for people.
    fn said(&self, text: &str) -> String {
        self.0.safe(text.trim(), SAID_BYTES_MAX)
    }

    /// The name of an object, or its id: of a volume that is the same.
    fn name(&self, text: &str) -> String {
        self.0.name(text)
    }

    pub(super) fn container(&self, listed: ListedContainer, inspected: Option<&Inspected>) -> Container {
        let state = self.state(&listed, inspected);
        let names = listed.names.unwrap_or_default();
        // A legacy link gives a container a second name, `/other/alias`; its own has one slash only.
        let own = names.iter().find(|name| name.trim_start_matches('/').find('/').is_none()).or(names.first());
        let made_of = inspected.and_then(|inspected| inspected.config.as_ref()?.image.clone());
        let restarts = inspected.and_then(|inspected| inspected.restart_count).unwrap_or(0);
        Container {
            name: own.map_or_else(|| self.name(&listed.id), |name| self.name(name.trim_start_matches('/'))),
            id: self.name(&listed.id),
            image: self.name(&made_of.or(listed.image).unwrap_or_default()),
            state,
            restarts: u32::try_from(restarts.max(0)).unwrap_or(u32::MAX),
            oom_killed: inspected.and_then(|inspected| inspected.state.as_ref()?.oom_killed).unwrap_or(false),
            mission: Labels::mission(listed.labels),
        }
    }

    /// The state as the inspection has it, which is the later look; from the list alone where there is none.
    fn state(&self, listed: &ListedContainer, inspected: Option<&Inspected>) -> ContainerState {
        let inner = inspected.and_then(|inspected| inspected.state.as_ref());
        let word = inner.and_then(|inner| inner.status.as_deref()).or(listed.state.as_deref()).unwrap_or_default();
        let status = listed.status.as_deref().unwrap_or_default();
        let exit_code = || inner.and_then(|inner| inner.exit_code).or_else(|| exit_code(status)).unwrap_or(-1);
        match word {
            "created" => ContainerState::Created,
            "running" => self.health(status, inner),
            "restarting" => ContainerState::Restarting,
            "paused" => ContainerState::Paused,
            "exited" => ContainerState::Exited(exit_code()),
            other => {
                let error = inner.and_then(|inner| inner.error.as_deref()).filter(|error| !error.is_empty());
                ContainerState::Other(self.said(&error.map_or(other.to_owned(), |error| format!("{other}: {error}"))))
            }
        }
    }

    fn health(&self, status: &str, inner: Option<&InspectedState>) -> ContainerState {
        let health = inner.and_then(|inner| inner.health.as_ref());
        let sick = match inner {
            Some(_) => health.and_then(|health| health.status.as_deref()) == Some("unhealthy"),
            None => unhealthy(status),
        };
        if !sick {
            return ContainerState::Running;
        }
        let last = health.and_then(|health| health.log.as_ref()?.last()?.output.as_deref());
        let said = last.map(|output| self.said(output)).filter(|said| !said.is_empty());
        ContainerState::Unhealthy(said.unwrap_or_else(|| "its check said nothing".to_owned()))
    }

    pub(super) fn network(&self, listed: ListedNetwork) -> EngineObject {
        let names = listed.name.iter().map(|name| self.name(name)).collect();
        let mission = Labels::mission(listed.labels);
        EngineObject { kind: ObjectKind::Network, id: self.name(&listed.id), names, mission }
    }

    /// A volume's name is its id, for the engine and in Terraform's state.
    pub(super) fn volume(&self, listed: ListedVolume) -> EngineObject {
        let names = vec![self.name(&listed.name)];
        let mission = Labels::mission(listed.labels);
        EngineObject { kind: ObjectKind::Volume, id: self.name(&listed.name), names, mission }
    }

    /// An image has no mission: its labels are copied into every container made of it, and from a committed container
    /// into the image, so they tell where it comes from and not whose it is.
    ///
    /// Its names are its tags and digests, and for `:latest` also the name without it, which is what authors write.
    pub(super) fn image(&self, listed: ListedImage) -> EngineObject {
        let mut tags = listed.repo_tags.unwrap_or_default();
        let short: Vec<_> = tags.iter().filter_map(|tag| tag.strip_suffix(":latest")).map(str::to_owned).collect();
        tags.extend(short);
        let named = tags.into_iter().chain(listed.repo_digests.unwrap_or_default());
        let named = named.filter(|name| !name.contains("<none>")).take(NAMES_MAX);
        let names = named.map(|name| self.name(&name)).collect();
        EngineObject { kind: ObjectKind::Image, id: self.name(&listed.id), names, mission: None }
    }
}

/// Whether a `Status` of the list, such as `Up 3 minutes (unhealthy)`, says that the health check fails.
pub(super) fn unhealthy(status: &str) -> bool {
    status.contains("(unhealthy)")
}

/// The code in a `Status` such as `Exited (137) 2 minutes ago`.
pub(super) fn exit_code(status: &str) -> Option<i64> {
    let (_, rest) = status.split_once('(')?;
    rest.split_once(')')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use quarterdeck_core::order::NamedObject;

    use super::*;

    fn container(json: &str, inspected: Option<&str>) -> Container {
        let redactor = Redactor::new([7; 32]);
        let inspected: Option<Inspected> = inspected.map(|json| serde_json::from_str(json).unwrap());
        Parser(&redactor).container(serde_json::from_str(json).unwrap(), inspected.as_ref())
    }

    #[test]
    fn a_container_is_read_from_the_list_alone_where_it_must_be() {
        let seen = container(
            r#"{"Id":"c1","Names":["/other/alias","/web"],"State":"exited","Status":"Exited (137) 2 hours ago"}"#,
            None,
        );
        assert_eq!((seen.name.as_str(), seen.state), ("web", ContainerState::Exited(137)));
        let seen = container(r#"{"Id":"c1","Names":null,"State":"running","Status":"Up 3 hours (unhealthy)"}"#, None);
        assert_eq!(seen.state, ContainerState::Unhealthy("its check said nothing".into()));
        assert_eq!(seen.name, "c1");
        assert_eq!(container(r#"{"Id":"c1"}"#, None).state, ContainerState::Other(String::new()));
    }

    #[test]
    fn the_inspection_is_the_later_look() {
        let listed = r#"{"Id":"c1","Names":["/web"],"State":"running","Status":"Up 1 second"}"#;
        let inspected = r#"{"RestartCount":4,"State":{"Status":"exited","ExitCode":137,"OOMKilled":true},"Config":{"Image":"a:1"}}"#;
        let seen = container(listed, Some(inspected));
        assert_eq!((seen.state, seen.restarts, seen.oom_killed), (ContainerState::Exited(137), 4, true));
        assert_eq!(seen.image, "a:1");
        let dead = r#"{"State":{"Status":"dead","Error":"device busy"}}"#;
        assert_eq!(container(listed, Some(dead)).state, ContainerState::Other("dead: device busy".into()));
    }

    #[test]
    fn what_a_health_check_says_is_redacted_and_safe_to_print() {
        let listed = r#"{"Id":"c1","Names":["/web"],"State":"running"}"#;
        let inspected = r#"{"State":{"Status":"running","Health":{"Status":"unhealthy",
            "Log":[{"Output":"old"},{"Output":"\u001b[2Jpassword=hunter2hunter2 refused\n"}]}}}"#;
        let ContainerState::Unhealthy(said) = container(listed, Some(inspected)).state else { panic!("it is ill") };
        assert!(said.contains("[redacted:") && !said.contains("hunter2") && !said.contains('\u{1b}'), "{said}");
    }

    #[test]
    fn a_volume_that_is_named_like_a_secret_is_called_as_its_state_calls_it() {
        let redactor = Redactor::new([7; 32]);
        let secret = format!("ghp_{}", "Ab1".repeat(12));
        let listed = serde_json::json!({ "Name": secret, "Labels": null });
        let volume = Parser(&redactor).volume(serde_json::from_value(listed).unwrap());
        let named = NamedObject {
            kind: ObjectKind::Volume,
            name: secret.clone(),
            id: secret.clone(),
            address: "docker_volume.v".to_owned(),
        };
        let named = named.redacted(&redactor);
        assert_eq!((&volume.id, &volume.names[0]), (&named.id, &named.name));
        assert!(volume.id.starts_with("[redacted:") && !volume.id.contains("ghp_"), "{}", volume.id);
    }

    #[test]
    fn an_image_is_known_by_all_that_authors_call_it() {
        let listed = r#"{"Id":"sha256:aa","RepoTags":["nginx:latest","nginx:1","<none>:<none>"],"RepoDigests":["nginx@sha256:bb"],
            "Labels":{"dev.quarterdeck.mission":"web-1"}}"#;
        let image = Parser(&Redactor::new([7; 32])).image(serde_json::from_str(listed).unwrap());
        assert_eq!(image.names, ["nginx:latest", "nginx:1", "nginx", "nginx@sha256:bb"]);
        assert_eq!(image.mission, None);
    }

    #[test]
    fn a_label_that_names_no_mission_is_none() {
        let listed = r#"{"Id":"c1","Labels":{"dev.quarterdeck.mission":"no mission\n","other":"x"}}"#;
        assert_eq!(container(listed, None).mission, None);
        let listed = r#"{"Id":"c1","Labels":{"dev.quarterdeck.mission":"web-1a2b3c4d"}}"#;
        assert_eq!(container(listed, None).mission.as_deref(), Some("web-1a2b3c4d"));
        assert_eq!(MISSION_LABEL, "dev.quarterdeck.mission");
    }
}
