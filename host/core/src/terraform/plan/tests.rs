//! Plans as Terraform writes them, reduced to what each test is about.

use serde_json::{Value, json};

use super::super::grants::Grants;
use super::{Action, Danger, DangerKind, PlanError, PlanFacts, parse_plan};

/// A resource that is made, with what the files set taken from its values.
fn made(kind: &str, after: Value, unknown: Value) -> Value {
    json!({
        "address": format!("{kind}.x"), "mode": "managed", "type": kind, "name": "x",
        "provider_name": "registry.terraform.io/kreuzwerker/docker",
        "change": {"actions": ["create"], "before": null, "after": after, "after_unknown": unknown,
            "before_sensitive": false, "after_sensitive": {}}
    })
}

/// A plan of these resources; the files set every argument that stands in `configured`.
fn plan_of(resources: &[Value], configured: &[&str]) -> Value {
    let expressions: serde_json::Map<String, Value> =
        configured.iter().map(|key| ((*key).to_owned(), json!({}))).collect();
    let of = |resource: &Value| {
        json!({"address": resource["address"], "mode": resource["mode"], "type": resource["type"],
            "name": resource["name"], "expressions": expressions.clone()})
    };
    json!({
        "format_version": "1.2", "terraform_version": "1.11.4", "applyable": true, "complete": true, "errored": false,
        "resource_changes": resources,
        "configuration": {"root_module": {"resources": resources.iter().map(of).collect::<Vec<_>>()}}
    })
}

fn parsed(plan: &Value) -> PlanFacts {
    parse_plan(plan.to_string().as_bytes()).expect("a plan")
}

/// The dangers of one resource whose files set all that its values name.
fn dangers(kind: &str, after: Value, unknown: Value) -> Vec<Danger> {
    let keys = |value: &Value| value.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let configured: Vec<String> = keys(&after).into_iter().chain(keys(&unknown)).collect();
    let configured: Vec<&str> = configured.iter().map(String::as_str).collect();
    parsed(&plan_of(&[made(kind, after, unknown)], &configured)).dangers
}

fn container(field: &str, value: Value) -> Vec<Danger> {
    dangers("docker_container", json!({"name": "x", field: value}), json!({"id": true}))
}

/// The gate grants by kind and subject: the one that is not granted must not hide behind those that are.
#[test]
fn no_danger_that_makes_root_is_left_out_of_a_long_list() {
    let named = |name: &str, after: Value| {
        let mut resource = made("docker_container", after, json!({"id": true}));
        resource["address"] = format!("docker_container.{name}").into();
        resource["name"] = name.into();
        resource
    };
    let privileged = |index: usize| named(&format!("a{index:04}"), json!({"name": "x", "privileged": true}));
    let mut resources: Vec<Value> = (0..=super::DANGERS_MAX).map(privileged).collect();
    resources.push(named("z", json!({"name": "z", "volumes": [{"host_path": "/srv", "container_path": "/h"}]})));
    let dangers = parsed(&plan_of(&resources, &["name", "privileged", "volumes"])).dangers;
    assert_eq!(dangers.len(), super::DANGERS_MAX);
    assert!(dangers.iter().any(|danger| danger.kind == DangerKind::HostPath), "{:?}", dangers.last());
}

#[test]
fn a_label_that_takes_an_object_for_another_missions_is_refused() {
    let label = |key: &str, value: &str| json!({"label": key, "value": value});
    let (ours, team) = (label("dev.quarterdeck.mission", "web-1"), label("team", "a"));
    let kinds = |kind: &str, labels: Value, unknown: Value| -> Vec<DangerKind> {
        let found = dangers(kind, json!({"name": "x", "labels": labels}), unknown);
        found.into_iter().map(|danger| danger.kind).collect()
    };
    for kind in ["docker_container", "docker_network", "docker_volume"] {
        assert_eq!(kinds(kind, json!([ours, team]), json!({"labels": [{}, {"value": true}]})), [], "{kind}");
        let forged = json!([ours, label("dev.quarterdeck.mission", "shop-1")]);
        assert_eq!(kinds(kind, forged, json!({})), [DangerKind::MissionLabel], "{kind}");
        let computed = json!({"labels": [{}, {"label": true}]});
        assert_eq!(kinds(kind, json!([ours, {"value": "shop-1"}]), computed), [DangerKind::MissionLabel], "{kind}");
        assert_eq!(kinds(kind, json!(null), json!({"labels": true})), [DangerKind::MissionLabel], "{kind}");
    }
}

#[test]
fn what_makes_a_container_root_is_refused() {
    use DangerKind as K;
    let cases = [
        ("privileged", json!(true), K::Privileged),
        ("volumes", json!([{"host_path": "/", "container_path": "/h"}]), K::EngineSocket),
        ("volumes", json!([{"host_path": "/srv", "container_path": "/h"}]), K::HostPath),
        ("volumes", json!([{"host_path": "//var//run/../run", "container_path": "/h"}]), K::EngineSocket),
        (
            "volumes",
            json!([{"host_path": "/var/run/docker.sock", "container_path": "/s", "read_only": true}]),
            K::EngineSocket,
        ),
        ("volumes", json!([{"volume_name": "/", "container_path": "/h"}]), K::EngineSocket),
        ("volumes", json!([{"volume_name": "/etc", "container_path": "/h"}]), K::HostPath),
        ("volumes", json!([{"volume_name": "a:/b", "container_path": "/h"}]), K::HostPath),
        ("volumes", json!([{"from_container": "other"}]), K::VolumesFrom),
        ("volumes", json!([{"device_path": "/dev/sda", "container_path": "/h"}]), K::UnknownArgument),
        ("mounts", json!([{"type": "bind", "source": "/", "target": "/h"}]), K::EngineSocket),
        ("mounts", json!([{"type": "bind", "source": "/home", "target": "/h"}]), K::HostPath),
        ("mounts", json!([{"type": "npipe", "target": "/h"}]), K::HostPath),
        ("mounts", json!([{"type": "volume", "source": "/x/..", "target": "/h"}]), K::EngineSocket),
        (
            "mounts",
            json!([{"type": "volume", "source": "v", "target": "/h", "volume_options":
            [{"driver_options": {"type": "none", "o": "bind", "device": "/"}}]}]),
            K::EngineSocket,
        ),
        (
            "mounts",
            json!([{"type": "volume", "source": "v", "target": "/h", "volume_options":
            [{"driver_options": {"type": "overlay", "o": "lowerdir=/etc", "device": "overlay"}}]}]),
            K::HostPath,
        ),
        (
            "mounts",
            json!([{"type": "volume", "source": "v", "target": "/h", "volume_options": [{"driver_name": "rclone"}]}]),
            K::VolumeDriver,
        ),
        ("network_mode", json!("host"), K::HostNamespace),
        ("network_mode", json!("container:abc"), K::HostNamespace),
        ("pid_mode", json!("host"), K::HostNamespace),
        ("ipc_mode", json!("container:abc"), K::HostNamespace),
        ("userns_mode", json!("host"), K::HostNamespace),
        ("cgroupns_mode", json!("host"), K::HostNamespace),
        ("uts_mode", json!("host"), K::UnknownArgument),
        ("networks_advanced", json!([{"name": "host"}]), K::HostNamespace),
        ("devices", json!([{"host_path": "/dev/sda"}]), K::Device),
        ("gpus", json!("all"), K::Device),
        ("device_requests", json!([{"driver": "cdi", "device_ids": ["nvidia.com/gpu=all"]}]), K::Device),
        ("device_cgroup_rules", json!(["a *:* rwm"]), K::Device),
        ("networks_advanced", json!([{"name": "n", "driver_opts": ["x=y"]}]), K::NetworkOption),
        ("volumes", json!([{"volume_name": "v", "container_path": "/h", "selinux_relabel": "z"}]), K::UnknownArgument),
        ("capabilities", json!([{"add": ["SYS_ADMIN"], "drop": []}]), K::Capability),
        ("security_opts", json!(["seccomp=unconfined"]), K::SecurityOption),
        ("security_opts", json!(["no-new-privileges:false"]), K::SecurityOption),
        ("cgroup_parent", json!("/"), K::CgroupParent),
        ("runtime", json!("nvidia"), K::Runtime),
        ("log_driver", json!("syslog"), K::LogDriver),
        ("log_opts", json!({"syslog-address": "unix:///dev/log"}), K::LogDriver),
        ("storage_opts", json!({"x": "y"}), K::StorageOption),
        ("upload", json!([{"file": "/x", "source": "/root/.ssh/id"}]), K::UploadFile),
        ("upload", json!([{"file": "/x", "source": "a/../../b"}]), K::UploadFile),
        ("new_thing", json!("x"), K::UnknownArgument),
    ];
    for (field, value, kind) in cases {
        let found = container(field, value.clone());
        let [danger] = found.as_slice() else { panic!("{field} = {value}: {found:?}") };
        assert!(
            danger.kind == kind && danger.makes_root && danger.address == "docker_container.x",
            "{field} = {value}: {danger:?}"
        );
        assert!(!danger.granted(&Grants::default()));
    }
}

#[test]
fn other_resources_have_their_dangers() {
    use DangerKind as K;
    let cases = [
        ("docker_volume", json!({"driver_opts": {"type": "none", "o": "bind", "device": "/"}}), K::EngineSocket),
        ("docker_volume", json!({"driver_opts": {"type": "none", "o": "rbind", "device": "/srv"}}), K::HostPath),
        ("docker_volume", json!({"driver_opts": {"type": "nfs", "o": "addr=10.0.0.1", "device": ":/x"}}), K::HostPath),
        ("docker_volume", json!({"driver_opts": {"type": "tmpfs", "o": "bind", "device": "tmpfs"}}), K::HostPath),
        ("docker_volume", json!({"driver": "sshfs"}), K::VolumeDriver),
        ("docker_network", json!({"driver": "host"}), K::NetworkDriver),
        ("docker_network", json!({"driver": "macvlan"}), K::NetworkDriver),
        ("docker_network", json!({"driver": "ipvlan"}), K::NetworkDriver),
        ("docker_network", json!({"ingress": true}), K::NetworkDriver),
        ("docker_network", json!({"ipam_driver": "x"}), K::NetworkDriver),
        ("docker_network", json!({"options": {"com.docker.network.bridge.name": "docker0"}}), K::NetworkOption),
        ("docker_image", json!({"name": "x", "build": [{"context": "."}]}), K::ImageBuild),
    ];
    for (kind, after, danger) in cases {
        let found = dangers(kind, after.clone(), json!({}));
        assert!(matches!(found.as_slice(), [one] if one.kind == danger && one.makes_root), "{after}: {found:?}");
    }
}

#[test]
fn unknown_counts_as_dangerous() {
    let unknown = [
        json!({"privileged": true}),
        json!({"volumes": true}),
        json!({"volumes": [{"host_path": true}]}),
        json!({"volumes": [{"volume_name": true}]}),
        json!({"mounts": true}),
        json!({"mounts": [{"source": true}]}),
        json!({"mounts": [{"type": true}]}),
        json!({"devices": true}),
        json!({"capabilities": [{"add": true}]}),
        json!({"capabilities": true}),
        json!({"network_mode": true}),
        json!({"pid_mode": true}),
        json!({"security_opts": [true]}),
        json!({"runtime": true}),
        json!({"log_opts": {"x": true}}),
        json!({"upload": [{"source": true}]}),
        json!({"new_thing": true}),
    ];
    for mask in unknown {
        let list = mask.as_object().expect("a mask").keys().next().expect("one field").clone();
        let after = if mask[&list].is_array() { json!({list.clone(): [{"type": "volume"}]}) } else { json!({}) };
        let after = if list == "security_opts" { json!({}) } else { after };
        let found = dangers("docker_container", after, mask.clone());
        assert!(found.iter().any(|danger| danger.makes_root), "{mask}: {found:?}");
    }
    let volume = dangers("docker_volume", json!({}), json!({"driver_opts": true}));
    assert!(volume.iter().any(|danger| danger.makes_root));
}

#[test]
fn what_the_engine_fills_in_is_no_danger() {
    // What kreuzwerker/docker leaves unknown before every creation.
    let unknown = json!({"bridge": true, "command": true, "container_logs": true, "entrypoint": true, "env": true,
        "exit_code": true, "healthcheck": true, "hostname": true, "id": true, "image": true, "init": true, "ipc_mode": true,
        "labels": true, "log_driver": true, "network_data": true, "runtime": true, "security_opts": true, "shm_size": true,
        "stop_signal": true, "stop_timeout": true, "ports": [{}], "networks_advanced": [{"name": true}]});
    let after = json!({"name": "web", "must_run": true, "network_mode": "bridge", "privileged": null, "rm": false,
        "capabilities": [], "devices": [], "volumes": [{"volume_name": "data", "container_path": "/d", "host_path": "", "from_container": "", "read_only": false}],
        "mounts": [{"type": "tmpfs", "target": "/t"}, {"type": "volume", "source": "v", "target": "/v", "volume_options": []}],
        "ports": [{"internal": 80, "external": 8080, "ip": "127.0.0.1", "protocol": "tcp"}], "networks_advanced": [{"aliases": null}],
        "upload": [{"file": "/a", "content": "b", "source": "conf/a.txt"}], "log_opts": null, "max_retry_count": null});
    let resource = made("docker_container", after, unknown);
    let facts = parsed(&plan_of(
        std::slice::from_ref(&resource),
        &["name", "image", "ports", "networks_advanced", "volumes", "mounts"],
    ));
    assert_eq!(facts.dangers, []);
    // The same unknowns are dangerous as soon as the files set them, or do not tell.
    let facts = parsed(&plan_of(std::slice::from_ref(&resource), &["ipc_mode", "security_opts"]));
    assert_eq!(facts.dangers.len(), 2, "{:?}", facts.dangers);
    let mut untold = plan_of(&[resource], &[]);
    untold["configuration"] = json!({});
    assert!(parsed(&untold).dangers.iter().any(|danger| danger.kind == DangerKind::Runtime));
}

#[test]
fn ports_on_all_addresses_are_shown_and_not_refused() {
    for ip in [json!("0.0.0.0"), json!("::"), json!(""), json!(null), json!("not an address")] {
        let found = container("ports", json!([{"internal": 80, "external": 8080, "ip": ip}]));
        assert!(
            matches!(found.as_slice(), [one] if one.kind == DangerKind::PublicPort && !one.makes_root),
            "{ip}: {found:?}"
        );
        assert!(found[0].granted(&Grants::default()) && found[0].detail.contains("8080"));
    }
    assert_eq!(container("ports", json!([{"internal": 80, "external": 80, "ip": "127.0.0.1"}])), []);
    assert_eq!(container("publish_all_ports", json!(true))[0].kind, DangerKind::PublicPort);
}

#[test]
fn what_nobody_granted_is_refused_by_its_subject() {
    let mut foreign = made("random_pet", json!({}), json!({}));
    foreign["provider_name"] = json!("registry.terraform.io/hashicorp/random");
    let facts = parsed(&plan_of(&[foreign], &[]));
    let grants: Vec<String> = facts.plan_dangers().into_iter().map(|danger| danger.kind).collect();
    assert_eq!(grants, ["provider:hashicorp/random", "resource:random_pet"]);
    let granted = Grants::parse(grants.iter().map(String::as_str)).expect("grants");
    assert_eq!(facts.refused(&granted).count(), 0);
    assert_eq!(facts.refused(&Grants::default()).count(), 2);

    let mut data = made("docker_network", json!({}), json!({}));
    data["mode"] = json!("data");
    data["change"]["actions"] = json!(["read"]);
    assert_eq!(parsed(&plan_of(&[data], &[])).dangers[0].kind, DangerKind::ForeignData);

    let mut import = made("docker_network", json!({"name": "n"}), json!({}));
    import["change"]["actions"] = json!(["no-op"]);
    import["change"]["importing"] = json!({"id": "abc"});
    let facts = parsed(&plan_of(&[import], &[]));
    assert!(facts.dangers[0].kind == DangerKind::Import && facts.counts.imports == 1 && facts.changes.len() == 1);

    let mut host = plan_of(&[], &[]);
    host["configuration"]["provider_config"] = json!({"docker": {"name": "docker",
        "full_name": "registry.terraform.io/kreuzwerker/docker", "expressions": {"host": {"constant_value": "tcp://x"}}}});
    assert_eq!(parsed(&host).dangers[0].kind, DangerKind::ProviderArgument);

    let mut exec = plan_of(&[made("terraform_data", json!({}), json!({}))], &[]);
    exec["resource_changes"][0]["provider_name"] = json!("terraform.io/builtin/terraform");
    exec["configuration"]["root_module"]["resources"][0]["provisioners"] = json!([{"type": "local-exec"}]);
    let found = parsed(&exec).dangers;
    assert!(matches!(found.as_slice(), [one] if one.kind == DangerKind::Provisioner), "{found:?}");
}

#[test]
fn dangers_in_modules_are_found_by_their_configuration() {
    let mut resource = made("docker_container", json!({}), json!({"ipc_mode": true}));
    resource["address"] = json!("module.a[\"x.y\"].module.b[0].docker_container.x");
    resource["module_address"] = json!("module.a[\"x.y\"].module.b[0]");
    let with = |expressions: Value| {
        let mut plan = plan_of(&[resource.clone()], &[]);
        plan["configuration"]["root_module"] = json!({"module_calls": {"a": {"module": {"module_calls": {"b": {"module": {
            "resources": [{"mode": "managed", "type": "docker_container", "name": "x", "expressions": expressions}]}}}}}}});
        parsed(&plan).dangers.len()
    };
    assert_eq!((with(json!({})), with(json!({"ipc_mode": {}}))), (0, 1));
}

fn change(address: &str, actions: &[&str], before: Value, after: Value) -> Value {
    json!({"address": address, "mode": "managed", "type": "docker_network", "name": "n",
        "provider_name": "registry.terraform.io/kreuzwerker/docker",
        "change": {"actions": actions, "before": before, "after": after, "after_unknown": {},
            "before_sensitive": {}, "after_sensitive": {}}})
}

#[test]
fn actions_are_counted_once() {
    let net = json!({"name": "n"});
    let mut moved = change("docker_network.m", &["no-op"], net.clone(), net.clone());
    moved["previous_address"] = json!("docker_network.l");
    let resources = [
        change("docker_network.a", &["create"], json!(null), net.clone()),
        change("docker_network.b", &["update"], net.clone(), json!({"name": "o"})),
        change("docker_network.c", &["delete"], net.clone(), json!(null)),
        change("docker_network.d", &["delete", "create"], net.clone(), net.clone()),
        change("docker_network.e", &["create", "delete"], net.clone(), net.clone()),
        change("docker_network.f", &["no-op"], net.clone(), net.clone()),
        moved,
    ];
    let mut plan = plan_of(&resources, &[]);
    plan["resource_drift"] = json!([change("docker_network.c", &["delete"], net, json!(null))]);
    plan["output_changes"] = json!({"o": {"actions": ["update"], "after": "s3cret"}, "p": {"actions": ["no-op"]}});
    let facts = parsed(&plan);
    let counts = facts.counts;
    assert_eq!(
        (counts.adds, counts.changes, counts.destroys, counts.replaces, counts.moves, counts.no_ops),
        (1, 1, 1, 2, 1, 1)
    );
    assert_eq!(facts.by_type[0].counts.replaces, 2);
    let order: Vec<Action> = facts.changes.iter().map(|change| change.action).collect();
    assert_eq!(
        order,
        [Action::Destroy, Action::Replace, Action::Replace, Action::Update, Action::Create, Action::Move]
    );
    assert_eq!(facts.touches()[0], "destroy docker_network.c");
    assert_eq!((facts.drift.len(), facts.outputs_changed.as_slice()), (1, &["o".to_owned()][..]));
    let forget = plan_of(&[change("docker_network.a", &["forget"], json!({}), json!(null))], &[]);
    assert_eq!(parsed(&forget).dangers[0].kind, DangerKind::Forget);
}

#[test]
fn sensitive_values_never_leave() {
    let mut resource = made(
        "docker_container",
        json!({"name": "web", "env": ["PASSWORD=s3cret"], "command": ["a", "s3cret"], "runtime": "s3cret",
            "labels": [{"label": "s", "value": "s3cret"}], "volumes": [{"host_path": "/s3cret", "container_path": "/x"}]}),
        json!({"id": true}),
    );
    resource["change"]["after_sensitive"] = json!({"env": true, "command": [false, true], "runtime": true,
        "labels": [{"value": true}], "volumes": [{"host_path": true}]});
    let mut replaced = resource.clone();
    replaced["change"]["actions"] = json!(["delete", "create"]);
    replaced["change"]["before"] = json!({"name": "web", "env": ["PASSWORD=s3cret0"], "log_opts": {"tag": "s3cret"}});
    replaced["change"]["before_sensitive"] = json!({"env": true, "log_opts": {"tag": true}});
    for resource in [resource, replaced] {
        let mut plan = plan_of(&[resource], &["runtime"]);
        plan["variables"] = json!({"p": {"value": "s3cret"}});
        plan["planned_values"] = json!({"outputs": {"o": {"value": "s3cret"}}});
        let facts = parsed(&plan);
        let text = format!("{facts:?}\n{}", facts.lines().join("\n"));
        assert!(!text.contains("s3cret"), "{text}");
        assert!(text.contains("env = ") && text.contains("(sensitive)"), "{text}");
        assert_eq!(facts.dangers.len(), 2, "{:?}", facts.dangers);
    }
}

#[test]
fn the_rendering_shows_what_cannot_be_undone_first_and_is_bounded() {
    let net = json!({"name": "n\u{1b}[31m\u{202e}"});
    let mut resources: Vec<Value> =
        (0..60).map(|n| change(&format!("docker_network.a[{n}]"), &["create"], json!(null), net.clone())).collect();
    resources.push(change("docker_network.z[\"\u{1b}]0;x\u{7}\"]", &["delete"], net, json!(null)));
    let lines = parsed(&plan_of(&resources, &[])).lines();
    assert_eq!(lines[0], "Plan: 1 to destroy, 60 to add.");
    assert!(lines[1].starts_with("- docker_network.z"), "{}", lines[1]);
    assert_eq!(lines.last().map(String::as_str), Some("… and 21 more resources: 21 to add"));
    assert!(lines.iter().all(|line| !line.chars().any(|c| c.is_control() || c == '\u{202e}')));
    assert_eq!(parsed(&plan_of(&[], &[])).lines(), ["No resource changes."]);
}

#[test]
fn updates_show_before_and_after() {
    let mut resource = change(
        "docker_network.a",
        &["update"],
        json!({"name": "a", "internal": false, "ipv6": true}),
        json!({"name": "b", "internal": false, "ipv6": true}),
    );
    resource["change"]["after_unknown"] = json!({"scope": true});
    let lines = parsed(&plan_of(&[resource], &[])).lines();
    assert_eq!(
        lines[1..],
        ["~ docker_network.a \"b\" is changed", "    name = \"a\" -> \"b\"", "    scope = (known after apply)"]
    );
}

#[test]
fn the_digest_is_of_what_is_tried() {
    let digest = |resources: &[Value]| parsed(&plan_of(resources, &[])).known_after_digest;
    let create = |address: &str, name: &str| change(address, &["create"], json!(null), json!({"name": name}));
    let one = digest(&[create("a.a", "x"), create("b.b", "y")]);
    assert_eq!(one, digest(&[create("b.b", "y"), create("a.a", "x")]));
    assert_ne!(one, digest(&[create("a.a", "x"), create("b.b", "z")]));
    assert_ne!(one, digest(&[create("a.a", "x")]));
    let idle = change("c.c", &["no-op"], json!({}), json!({}));
    assert_eq!(one, digest(&[create("a.a", "x"), create("b.b", "y"), idle]));
}

/// A repair: the container that somebody removed is made again. What the engine chose last time is known this time, but
/// for its own id.
fn repair(of: &str, port: u16, network: &str, password: &str) -> Value {
    let after = json!({"name": of, "image": "sha256:aa", "env": [password], "ports": [{"internal": 80, "external": port}],
        "networks_advanced": [{"name": "private"}], "network_data": null});
    let mut resource = made("docker_container", after, json!({"id": true, "network_data": true, "exit_code": true}));
    resource["change"]["after_sensitive"] = json!({"env": [true]});
    // The network stays, under an id that another engine would give it anew.
    let stays = change("docker_network.n", &["no-op"], json!({"id": network}), json!({"id": network}));
    let mut reads = made("docker_image", json!({"name": "nginx", "id": network}), json!({}));
    reads["change"]["actions"] = json!(["read"]);
    plan_of(&[resource, stays, reads], &["name"])
}

#[test]
fn the_same_fix_has_the_same_digest_whatever_id_the_object_has() {
    let changes = |plan: &Value| parsed(plan).change_set();
    let once = changes(&repair("web", 8080, "n1", "PASSWORD=a"));
    assert_eq!(once, changes(&repair("web", 8080, "n2", "PASSWORD=a")), "an id is no part of it");
    assert_eq!(once, changes(&repair("web", 8080, "n1", "PASSWORD=b")), "a sensitive value is no part of it");
    assert_ne!(once, changes(&repair("web", 8081, "n1", "PASSWORD=a")), "another port is another fix");
    let mut unknown = repair("web", 8080, "n1", "PASSWORD=a");
    unknown["resource_changes"][0]["change"]["after_unknown"]["image"] = json!(true);
    assert_ne!(once, changes(&unknown), "what is not known yet is not what is known");
    let mut updated = repair("web", 8080, "n1", "PASSWORD=a");
    updated["resource_changes"][0]["change"]["actions"] = json!(["update"]);
    assert_ne!(once, changes(&updated), "another action is another fix");
}

#[test]
fn the_objects_that_a_plan_would_make_are_known_by_name() {
    let named = |kind: &str, name: Value| made(kind, json!({"name": name}), json!({}));
    let mut secret = named("docker_volume", json!("s3cret"));
    secret["change"]["after_sensitive"] = json!({"name": true});
    let mut replaced = named("docker_network", json!("private"));
    replaced["change"]["actions"] = json!(["delete", "create"]);
    let mut gone = named("docker_volume", json!("old"));
    gone["change"]["actions"] = json!(["delete"]);
    let resources =
        [named("docker_container", json!("web")), named("docker_image", json!("nginx")), secret, replaced, gone];
    let unnamed = made("docker_container", json!({}), json!({"name": true}));
    let plan = plan_of(&[&resources[..], &[unnamed, named("terraform_data", json!("t"))]].concat(), &["name"]);
    let makes: Vec<(&str, String)> =
        parsed(&plan).makes().into_iter().map(|made| (made.kind.name(), made.name)).collect();
    assert_eq!(makes, [("network", "private".to_owned()), ("container", "web".to_owned())]);
}

#[test]
fn what_is_no_plan_is_refused() {
    let fault = |text: &str| parse_plan(text.as_bytes()).expect_err(text);
    assert!(matches!(fault("{"), PlanError::Json { .. }));
    assert!(matches!(fault("{\"format_version\": \"1.2\", \"resource_changes\": \"s3cret\"}"), PlanError::Json { .. }));
    assert!(!fault("{\"format_version\": \"1.2\", \"resource_changes\": \"s3cret\"}").to_string().contains("s3cret"));
    assert!(matches!(fault("{\"format_version\": \"2.0\"}"), PlanError::Format { .. }));
    assert!(matches!(fault("{\"format_version\": \"0.2\"}"), PlanError::Format { .. }));
    let odd = plan_of(&[change("a.a", &["explode"], json!(null), json!(null))], &[]).to_string();
    assert!(matches!(fault(&odd), PlanError::Action { .. }));
    let many: Vec<Value> =
        (0..=super::RESOURCES_MAX).map(|n| change(&n.to_string(), &["no-op"], json!({}), json!({}))).collect();
    assert!(matches!(fault(&plan_of(&many, &[]).to_string()), PlanError::TooMany { .. }));
}
