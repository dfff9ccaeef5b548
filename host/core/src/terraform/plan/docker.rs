//! What makes a docker resource dangerous.
//!
//! Each argument is harmless, judged below, or on no list of [`super::arguments`]; and what is on no list (a new release
//! may learn anything) is a danger of its own.

use serde_json::Value;

use super::super::labels::{LABELLED_TYPES, MISSION_LABEL};
use super::super::text::escape;
use super::arguments::{
    CONTAINER_HARMLESS, CONTAINER_JUDGED, IMAGE_KNOWN, LOG_OPTIONS_HARMLESS, NETWORK_KNOWN, NETWORK_OPTIONS_HARMLESS,
    VOLUME_KNOWN,
};
use super::danger::{Danger, DangerKind};
use super::fields::{Field, View, any_true, blocks, field, is_empty, mask};
use super::volumes;

/// Collects the dangers of one docker resource; of other types there are none here.
pub(super) fn inspect(address: &str, kind: &str, view: &View<'_>) -> Vec<Danger> {
    let mut dangers = Dangers { address, hide: false, found: Vec::new() };
    if LABELLED_TYPES.contains(&kind) {
        labels(&mut dangers, view);
    }
    match kind {
        "docker_container" => container(&mut dangers, view),
        "docker_network" => network(&mut dangers, view),
        "docker_volume" => {
            volumes::volume(&mut dangers, view);
            unknown_arguments(&mut dangers, view, &[VOLUME_KNOWN]);
        }
        "docker_image" => {
            present(&mut dangers, view, "build", DangerKind::ImageBuild);
            unknown_arguments(&mut dangers, view, &[IMAGE_KNOWN]);
        }
        _other_type => {}
    }
    dangers.found
}

/// The dangers found so far at one address.
pub(super) struct Dangers<'a> {
    address: &'a str,
    hide: bool,
    found: Vec<Danger>,
}

impl Dangers<'_> {
    pub(super) fn add(&mut self, kind: DangerKind, detail: impl Into<String>) {
        let mut detail: String = detail.into();
        if self.hide {
            let field = detail.find([' ', ':']).unwrap_or(detail.len());
            detail.truncate(field);
            detail.push_str(" = (sensitive)");
        }
        self.found.push(Danger::new(self.address, kind, detail));
    }

    /// From here on, details name only the field where the mask covers `key`.
    pub(super) fn hide_if_sensitive(&mut self, view: &View<'_>, key: &str) {
        self.hide = any_true(mask(view.sensitive, key));
    }

    pub(super) fn show_again(&mut self) {
        self.hide = false;
    }

    pub(super) fn unknown(&mut self, kind: DangerKind, what: &str) {
        self.add(
            kind,
            format!("{what} is known only when applied, so it counts as dangerous; use a value that is known"),
        );
    }
}

fn container(dangers: &mut Dangers<'_>, view: &View<'_>) {
    present(dangers, view, "privileged", DangerKind::Privileged);
    present(dangers, view, "devices", DangerKind::Device);
    present(dangers, view, "device_requests", DangerKind::Device);
    present(dangers, view, "device_cgroup_rules", DangerKind::Device);
    present(dangers, view, "gpus", DangerKind::Device);
    present(dangers, view, "cgroup_parent", DangerKind::CgroupParent);
    present(dangers, view, "sysctls", DangerKind::Sysctl);
    present(dangers, view, "group_add", DangerKind::GroupAdd);
    namespaces(dangers, view);
    capabilities(dangers, view);
    let allowed =
        |text: &str| matches!(text, "no-new-privileges" | "no-new-privileges:true" | "no-new-privileges=true");
    only(dangers, view, "security_opts", DangerKind::SecurityOption, &allowed);
    only(dangers, view, "runtime", DangerKind::Runtime, &|text| matches!(text, "runc" | "io.containerd.runc.v2"));
    let local = |text: &str| matches!(text, "none" | "json-file" | "local");
    only(dangers, view, "log_driver", DangerKind::LogDriver, &local);
    options(dangers, view, "log_opts", DangerKind::LogDriver, LOG_OPTIONS_HARMLESS);
    options(dangers, view, "storage_opts", DangerKind::StorageOption, &["size"]);
    volumes::container(dangers, view);
    uploads(dangers, view);
    ports(dangers, view);
    unknown_arguments(dangers, view, &[CONTAINER_HARMLESS, CONTAINER_JUDGED]);
}

/// A field that is dangerous as soon as it says anything.
fn present(dangers: &mut Dangers<'_>, view: &View<'_>, key: &str, kind: DangerKind) {
    // Blocks made by `dynamic` are in no configuration, so for these unknown counts whatever the files say.
    let block = matches!(key, "devices" | "device_requests" | "build");
    match if block { field(view.after, view.unknown, key) } else { view.argument(key) } {
        Field::Absent => {}
        Field::Known(value) => dangers.add(kind, format!("{key} = {}", view.shown(key, value))),
        Field::Unknown => dangers.unknown(kind, key),
    }
}

/// The worker's label is one; another of that key would take the object for another mission's. What the files write out is
/// refused before; here is what they compute.
fn labels(dangers: &mut Dangers<'_>, view: &View<'_>) {
    if !view.is_configured("labels") {
        return;
    }
    let Some(blocks) = view.blocks("labels") else {
        return dangers.unknown(DangerKind::MissionLabel, "labels");
    };
    let mut ours = 0;
    for (block, mask) in blocks {
        match field(block, mask, "label") {
            Field::Absent => {}
            Field::Unknown => dangers.unknown(DangerKind::MissionLabel, "labels.label"),
            Field::Known(key) => ours += usize::from(key.as_str() == Some(MISSION_LABEL)),
        }
    }
    if ours > 1 {
        dangers.add(DangerKind::MissionLabel, format!("labels has {MISSION_LABEL} beside the worker's own"));
    }
}

/// A text, or a list of them, of which only some are allowed. The engine's own default is not the author's choice.
fn only(dangers: &mut Dangers<'_>, view: &View<'_>, key: &str, kind: DangerKind, allowed: &dyn Fn(&str) -> bool) {
    if !view.is_configured(key) {
        return;
    }
    let fine = |value: &Value| value.as_str().is_some_and(|text| text.is_empty() || allowed(text));
    match view.argument(key) {
        Field::Absent => {}
        Field::Unknown => dangers.unknown(kind, key),
        Field::Known(Value::Array(list)) if list.iter().all(fine) => {}
        Field::Known(value) if fine(value) => {}
        Field::Known(value) => dangers.add(kind, format!("{key} = {}", view.shown(key, value))),
    }
}

/// A map of options of which only some keys are allowed.
fn options(dangers: &mut Dangers<'_>, view: &View<'_>, key: &str, kind: DangerKind, allowed: &[&str]) {
    if !view.is_configured(key) {
        return;
    }
    match view.argument(key) {
        Field::Absent => {}
        Field::Unknown => dangers.unknown(kind, key),
        Field::Known(Value::Object(map)) => {
            for option in map.keys().filter(|option| !allowed.contains(&option.as_str())) {
                dangers.add(kind, format!("{key} has {}", escape(option, 80)));
            }
        }
        Field::Known(_no_map) => dangers.add(kind, format!("{key} is no map")),
    }
}

fn namespaces(dangers: &mut Dangers<'_>, view: &View<'_>) {
    let foreign = |text: &str| text == "host" || text.starts_with("container:");
    for key in ["network_mode", "pid_mode", "ipc_mode", "userns_mode", "cgroupns_mode"] {
        match view.argument(key) {
            Field::Absent => {}
            Field::Unknown => dangers.unknown(DangerKind::HostNamespace, key),
            Field::Known(value) => {
                if value.as_str().is_none_or(|text| foreign(text.trim())) {
                    dangers.add(DangerKind::HostNamespace, format!("{key} = {}", view.shown(key, value)));
                }
            }
        }
    }
    // The name may be unknown: the engine refuses to add the host's network to a container that has another.
    for (network, mask) in view.blocks("networks_advanced").unwrap_or_default() {
        if network.get("name").and_then(Value::as_str) == Some("host") {
            dangers.add(DangerKind::HostNamespace, "networks_advanced.name = host");
        }
        if !matches!(field(network, mask, "driver_opts"), Field::Absent) {
            dangers.add(DangerKind::NetworkOption, "networks_advanced.driver_opts is set");
        }
    }
}

fn capabilities(dangers: &mut Dangers<'_>, view: &View<'_>) {
    let Some(blocks) = view.blocks("capabilities") else {
        return dangers.unknown(DangerKind::Capability, "capabilities");
    };
    for (block, mask) in blocks {
        match field(block, mask, "add") {
            Field::Absent => {}
            Field::Unknown => dangers.unknown(DangerKind::Capability, "capabilities.add"),
            Field::Known(value) => {
                dangers
                    .add(DangerKind::Capability, format!("capabilities.add = {}", view.shown("capabilities", value)));
            }
        }
    }
}

/// Files of the worker may be uploaded from the mission's own folder only.
fn uploads(dangers: &mut Dangers<'_>, view: &View<'_>) {
    let Some(blocks) = view.blocks("upload") else {
        return dangers.unknown(DangerKind::UploadFile, "upload");
    };
    for (block, mask) in blocks {
        match field(block, mask, "source") {
            Field::Absent => {}
            Field::Unknown => dangers.unknown(DangerKind::UploadFile, "upload.source"),
            Field::Known(value) => {
                let inside = |path: &str| !path.starts_with(['/', '~']) && !path.split('/').any(|part| part == "..");
                if !value.as_str().is_some_and(inside) {
                    dangers.add(DangerKind::UploadFile, format!("upload.source = {}", view.shown("upload", value)));
                }
            }
        }
    }
}

/// Ports on all addresses are shown; a mission that serves something needs them.
fn ports(dangers: &mut Dangers<'_>, view: &View<'_>) {
    present(dangers, view, "publish_all_ports", DangerKind::PublicPort);
    let Some(blocks) = view.blocks("ports") else {
        return dangers.add(DangerKind::PublicPort, "ports are known only when applied");
    };
    for (block, mask) in blocks {
        let everywhere = match field(block, mask, "ip") {
            Field::Absent | Field::Unknown => true,
            Field::Known(value) => !value.as_str().is_some_and(is_one_address),
        };
        if everywhere {
            let port = |key| match field(block, mask, key) {
                Field::Known(value) => value.to_string(),
                Field::Absent | Field::Unknown => "a free port".to_owned(),
            };
            let detail = format!("{} of the container on all addresses as {}", port("internal"), port("external"));
            dangers.add(DangerKind::PublicPort, detail);
        }
    }
}

fn is_one_address(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok_and(|address| !address.is_unspecified())
}

fn network(dangers: &mut Dangers<'_>, view: &View<'_>) {
    only(dangers, view, "driver", DangerKind::NetworkDriver, &|text| text == "bridge");
    only(dangers, view, "ipam_driver", DangerKind::NetworkDriver, &|text| text == "default");
    present(dangers, view, "ingress", DangerKind::NetworkDriver);
    options(dangers, view, "options", DangerKind::NetworkOption, NETWORK_OPTIONS_HARMLESS);
    options(dangers, view, "ipam_options", DangerKind::NetworkOption, &[]);
    unknown_arguments(dangers, view, &[NETWORK_KNOWN]);
}

/// Arguments that are on no list and say something.
fn unknown_arguments(dangers: &mut Dangers<'_>, view: &View<'_>, known: &[&[&str]]) {
    let is_known = |key: &str| known.iter().any(|list| list.contains(&key));
    // What the engine filled in is not the author's; blocks may come from `dynamic`, which no configuration shows.
    let blocks = |value: &Value| value.as_array().is_some_and(|list| list.iter().any(Value::is_object));
    let chosen = |key: &str, value: &Value| !is_empty(value) && (view.is_configured(key) || blocks(value));
    let after = view.after.as_object().into_iter().flatten();
    for (key, value) in after.filter(|(key, value)| !is_known(key) && chosen(key, value)) {
        let detail = format!("{} is no argument that we know", escape(key, 80));
        dangers.add(DangerKind::UnknownArgument, format!("{detail}: {}", view.shown(key, value)));
    }
    let configured = view.configured.iter().flat_map(|resource| resource.expressions.keys());
    for key in configured.filter(|key| !is_known(key) && matches!(field(view.after, view.unknown, key), Field::Unknown))
    {
        dangers.unknown(DangerKind::UnknownArgument, &escape(key, 80));
    }
}

/// Keys of a nested block that are on no list and say something.
pub(super) fn unknown_keys(dangers: &mut Dangers<'_>, what: &str, block: &Value, mask: &Value, known: &[&str]) {
    let keys = block
        .as_object()
        .into_iter()
        .flat_map(|map| map.keys())
        .chain(mask.as_object().into_iter().flat_map(|map| map.keys()));
    let mut seen: Vec<&str> = keys.map(String::as_str).filter(|key| !known.contains(key)).collect();
    seen.sort_unstable();
    seen.dedup();
    for key in seen {
        if !matches!(field(block, mask, key), Field::Absent) {
            dangers.add(DangerKind::UnknownArgument, format!("{what}.{} is no argument that we know", escape(key, 80)));
        }
    }
}

/// Nested blocks inside a block.
pub(super) fn inner<'a>(block: &'a Value, mask: &'a Value, key: &str) -> Option<Vec<(&'a Value, &'a Value)>> {
    blocks(block, mask, key)
}
