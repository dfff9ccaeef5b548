//! The arguments of kreuzwerker/docker 2.x to 4.6, as `terraform providers schema -json` and `docs/resources` list them.
//!
//! A new release may learn an argument that reaches the node, so what stands on no list here is refused until somebody
//! has read what it does.

/// Arguments of a container that reach nothing outside of it.
pub(super) const CONTAINER_HARMLESS: &[&str] = &[
    "attach",
    "bridge",
    "command",
    "container_logs",
    "container_read_refresh_timeout_milliseconds",
    "cpu_period",
    "cpu_quota",
    "cpu_set",
    "cpu_shares",
    "cpus",
    "destroy_grace_seconds",
    "device_read_bps",
    "device_read_iops",
    "device_write_bps",
    "device_write_iops",
    "dns",
    "dns_opts",
    "dns_search",
    "domainname",
    "entrypoint",
    "env",
    "exit_code",
    "gateway",
    "healthcheck",
    "host",
    "hostname",
    "id",
    "image",
    "init",
    "ip_address",
    "ip_prefix_length",
    "labels",
    "links",
    "logs",
    "max_retry_count",
    "memory",
    "memory_reservation",
    "memory_swap",
    "must_run",
    "name",
    "network_data",
    "networks",
    "platform",
    "read_only",
    "remove_volumes",
    "restart",
    "rm",
    "shm_size",
    "start",
    "stdin_open",
    "stop_signal",
    "stop_timeout",
    "timeouts",
    "tmpfs",
    "tty",
    "ulimit",
    "user",
    "wait",
    "wait_timeout",
    "working_dir",
    "network_alias",
];

/// Arguments of a container that are judged by the functions below.
pub(super) const CONTAINER_JUDGED: &[&str] = &[
    "capabilities",
    "cgroup_parent",
    "cgroupns_mode",
    "device_cgroup_rules",
    "device_requests",
    "devices",
    "gpus",
    "group_add",
    "ipc_mode",
    "log_driver",
    "log_opts",
    "mounts",
    "network_mode",
    "networks_advanced",
    "pid_mode",
    "ports",
    "privileged",
    "publish_all_ports",
    "runtime",
    "security_opts",
    "storage_opts",
    "sysctls",
    "upload",
    "userns_mode",
    "volumes",
];

/// Arguments of a network.
pub(super) const NETWORK_KNOWN: &[&str] = &[
    "attachable",
    "check_duplicate",
    "driver",
    "id",
    "ingress",
    "internal",
    "ipam_config",
    "ipam_driver",
    "ipam_options",
    "ipv6",
    "labels",
    "name",
    "options",
    "scope",
    "timeouts",
];

/// Arguments of an image.
pub(super) const IMAGE_KNOWN: &[&str] = &[
    "build",
    "force_remove",
    "id",
    "image_id",
    "keep_locally",
    "latest",
    "name",
    "output",
    "platform",
    "pull_trigger",
    "pull_triggers",
    "repo_digest",
    "timeouts",
    "triggers",
];

/// Arguments of a volume.
pub(super) const VOLUME_KNOWN: &[&str] = &["driver", "driver_opts", "id", "labels", "mountpoint", "name", "timeouts"];

/// Options of a bridge network that stay inside of it.
pub(super) const NETWORK_OPTIONS_HARMLESS: &[&str] = &[
    "com.docker.network.bridge.enable_icc",
    "com.docker.network.bridge.enable_ip_masquerade",
    "com.docker.network.driver.mtu",
];

/// Options of a log driver that say how much is kept, not where.
pub(super) const LOG_OPTIONS_HARMLESS: &[&str] =
    &["compress", "env", "env-regex", "labels", "max-file", "max-size", "mode", "tag"];
