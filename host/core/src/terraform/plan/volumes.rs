//! The ways in which a path of the node gets into a container.
//!
//! A bind can be written as a volume's host path, as a mount, as a "name" that is a path, and as options of a volume
//! driver (`type=none, o=bind, device=/`), in a volume of its own or right in the mount.

use serde_json::Value;

use super::super::text::escape;
use super::danger::DangerKind;
use super::docker::{Dangers, inner, unknown_keys};
use super::fields::{Field, View, any_true, field, mask};
use super::paths::{holds_socket, is_volume_name};

const VOLUMES_KNOWN: &[&str] = &["container_path", "from_container", "host_path", "read_only", "volume_name"];
const MOUNTS_KNOWN: &[&str] =
    &["bind_options", "read_only", "source", "target", "tmpfs_options", "type", "volume_options"];
const VOLUME_OPTIONS_KNOWN: &[&str] = &["driver_name", "driver_options", "labels", "no_copy", "subpath"];

/// The volumes and mounts of a container.
pub(super) fn container(dangers: &mut Dangers<'_>, view: &View<'_>) {
    dangers.hide_if_sensitive(view, "volumes");
    match view.blocks("volumes") {
        None => dangers.unknown(DangerKind::HostPath, "volumes"),
        Some(blocks) => blocks.into_iter().for_each(|(block, mask)| volumes_block(dangers, block, mask)),
    }
    dangers.hide_if_sensitive(view, "mounts");
    match view.blocks("mounts") {
        None => dangers.unknown(DangerKind::HostPath, "mounts"),
        Some(blocks) => blocks.into_iter().for_each(|(block, mask)| mount(dangers, block, mask)),
    }
    dangers.show_again();
}

/// A `docker_volume`.
pub(super) fn volume(dangers: &mut Dangers<'_>, view: &View<'_>) {
    if view.is_configured("driver") {
        driver(dangers, "driver", view.argument("driver"));
    }
    dangers.hide_if_sensitive(view, "driver_opts");
    match view.argument("driver_opts") {
        Field::Unknown => dangers.unknown(DangerKind::HostPath, "driver_opts"),
        Field::Known(options) => driver_options(dangers, "driver_opts", options, &Value::Null),
        Field::Absent => {}
    }
    dangers.show_again();
}

fn volumes_block(dangers: &mut Dangers<'_>, block: &Value, mask: &Value) {
    match field(block, mask, "host_path") {
        Field::Absent => {}
        Field::Unknown => dangers.unknown(DangerKind::HostPath, "volumes.host_path"),
        Field::Known(path) => host_path(dangers, "volumes.host_path", path),
    }
    volume_name(dangers, "volumes.volume_name", field(block, mask, "volume_name"));
    match field(block, mask, "from_container") {
        Field::Absent => {}
        Field::Unknown => dangers.unknown(DangerKind::VolumesFrom, "volumes.from_container"),
        Field::Known(name) => {
            let name = escape(name.as_str().unwrap_or("?"), 80);
            dangers.add(DangerKind::VolumesFrom, format!("volumes.from_container = {name}"));
        }
    }
    unknown_keys(dangers, "volumes", block, mask, VOLUMES_KNOWN);
}

fn mount(dangers: &mut Dangers<'_>, block: &Value, mask: &Value) {
    let source = field(block, mask, "source");
    match field(block, mask, "type") {
        Field::Known(Value::String(kind)) if kind == "volume" => volume_name(dangers, "mounts.source", source),
        Field::Known(Value::String(kind)) if kind == "tmpfs" => {}
        Field::Unknown => dangers.unknown(DangerKind::HostPath, "mounts.type"),
        Field::Absent | Field::Known(_) => match source {
            Field::Known(path) => host_path(dangers, "mounts.source", path),
            Field::Unknown => dangers.unknown(DangerKind::HostPath, "mounts.source"),
            Field::Absent => dangers.add(DangerKind::HostPath, "mounts.type is neither volume nor tmpfs"),
        },
    }
    match inner(block, mask, "volume_options") {
        None => dangers.unknown(DangerKind::HostPath, "mounts.volume_options"),
        Some(options) => options.into_iter().for_each(|(options, mask)| volume_options(dangers, options, mask)),
    }
    unknown_keys(dangers, "mounts", block, mask, MOUNTS_KNOWN);
}

fn volume_options(dangers: &mut Dangers<'_>, block: &Value, unknown: &Value) {
    driver(dangers, "mounts.volume_options.driver_name", field(block, unknown, "driver_name"));
    let what = "mounts.volume_options.driver_options";
    match block.get("driver_options") {
        _any if *mask(unknown, "driver_options") == Value::Bool(true) => dangers.unknown(DangerKind::HostPath, what),
        Some(options) => driver_options(dangers, what, options, mask(unknown, "driver_options")),
        None => {}
    }
    unknown_keys(dangers, "mounts.volume_options", block, unknown, VOLUME_OPTIONS_KNOWN);
}

/// A name of a volume; anything that is none may be a path.
fn volume_name(dangers: &mut Dangers<'_>, what: &str, name: Field<'_>) {
    match name {
        Field::Absent => {}
        Field::Unknown => dangers.unknown(DangerKind::HostPath, what),
        Field::Known(value) => {
            if !value.as_str().is_some_and(is_volume_name) {
                host_path(dangers, what, value);
            }
        }
    }
}

fn host_path(dangers: &mut Dangers<'_>, what: &str, path: &Value) {
    let path = path.as_str().unwrap_or("?");
    let kind = if holds_socket(path) { DangerKind::EngineSocket } else { DangerKind::HostPath };
    dangers.add(kind, format!("{what} = {}", escape(path, 80)));
}

fn driver(dangers: &mut Dangers<'_>, what: &str, name: Field<'_>) {
    match name {
        Field::Absent => {}
        Field::Known(Value::String(name)) if name == "local" => {}
        Field::Unknown => dangers.unknown(DangerKind::VolumeDriver, what),
        Field::Known(name) => {
            let name = escape(name.as_str().unwrap_or("?"), 80);
            dangers.add(DangerKind::VolumeDriver, format!("{what} = {name}"));
        }
    }
}

/// Options of the local driver are those of mount(8): nothing but a tmpfs stays away from the node's files.
fn driver_options(dangers: &mut Dangers<'_>, what: &str, options: &Value, unknown: &Value) {
    if any_true(unknown) {
        return dangers.unknown(DangerKind::HostPath, what);
    }
    let Some(map) = options.as_object().filter(|map| !map.is_empty()) else { return };
    let text = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default();
    let known = map.keys().all(|key| matches!(key.as_str(), "type" | "device" | "o"));
    if known && text("type") == "tmpfs" && text("device") == "tmpfs" && !text("o").contains("bind") {
        return;
    }
    // A path may stand in the device, or in the options of an overlay.
    let shown = escape(&format!("type={} o={} device={}", text("type"), text("o"), text("device")), 120);
    let socket = text("device").starts_with('/') && holds_socket(text("device"));
    let kind = if socket { DangerKind::EngineSocket } else { DangerKind::HostPath };
    dangers.add(kind, format!("{what}: {shown}"));
}
