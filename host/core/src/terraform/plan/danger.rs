//! The kinds of danger that a plan can hold.
//!
//! Most make a container root on its node; some leave what we can judge (a type or provider that nobody granted). These
//! are refused unless the operator granted the kind by name. The others are shown with the plan and stop nothing.

use serde::{Deserialize, Serialize};

use super::super::grants::Grants;

/// Something in a plan that a person or the operator must know of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Danger {
    /// The resource's address, or the provider's.
    pub address: String,
    /// What it is.
    pub kind: DangerKind,
    /// Which field, and where it is no secret its value, escaped.
    pub detail: String,
    /// The type or provider source that a grant would have to name; empty for kinds that are granted themselves.
    pub subject: String,
    /// Whether it is refused unless granted: it makes a container root on its node, or cannot be judged.
    pub makes_root: bool,
}

/// What kind of danger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DangerKind {
    /// `privileged = true`
    Privileged,
    /// A path of the node in the container, in any of the ways that there are.
    HostPath,
    /// The engine's socket, or a folder that holds it.
    EngineSocket,
    /// A volume driver other than `local`.
    VolumeDriver,
    /// The volumes of another container.
    VolumesFrom,
    /// The network, process, IPC, user or cgroup namespace of the node or of another container.
    HostNamespace,
    /// A device or GPU of the node.
    Device,
    /// An added capability.
    Capability,
    /// A security option other than `no-new-privileges`.
    SecurityOption,
    /// A parent cgroup.
    CgroupParent,
    /// A runtime other than runc.
    Runtime,
    /// A log driver or an option of one that writes elsewhere.
    LogDriver,
    /// A storage option other than the size.
    StorageOption,
    /// A file of the worker is copied into the container.
    UploadFile,
    /// A network driver other than bridge.
    NetworkDriver,
    /// An option of a network that reaches the node's own interfaces.
    NetworkOption,
    /// An image is built rather than pulled.
    ImageBuild,
    /// An argument that we do not know, so cannot judge.
    UnknownArgument,
    /// An argument of the provider: another engine, a command, credentials.
    ProviderArgument,
    /// A provisioner: a command at the worker or elsewhere.
    Provisioner,
    /// A provider that is not granted.
    ForeignProvider,
    /// A resource type that is not granted.
    ForeignResource,
    /// A data source that is not granted.
    ForeignData,
    /// An object that is taken over without having been made by the mission.
    Import,
    /// An object that is left on the engine and forgotten.
    Forget,
    /// A label that says of which mission an object is, beside the worker's own.
    MissionLabel,
    /// A port on all addresses of the node.
    PublicPort,
    /// Kernel parameters of the container's own namespaces.
    Sysctl,
    /// Further groups for the container's user.
    GroupAdd,
}

impl DangerKind {
    /// Every kind, in the order of their declaration.
    pub const ALL: [Self; 29] = [
        Self::Privileged,
        Self::HostPath,
        Self::EngineSocket,
        Self::VolumeDriver,
        Self::VolumesFrom,
        Self::HostNamespace,
        Self::Device,
        Self::Capability,
        Self::SecurityOption,
        Self::CgroupParent,
        Self::Runtime,
        Self::LogDriver,
        Self::StorageOption,
        Self::UploadFile,
        Self::NetworkDriver,
        Self::NetworkOption,
        Self::ImageBuild,
        Self::UnknownArgument,
        Self::ProviderArgument,
        Self::Provisioner,
        Self::ForeignProvider,
        Self::ForeignResource,
        Self::ForeignData,
        Self::Import,
        Self::Forget,
        Self::MissionLabel,
        Self::PublicPort,
        Self::Sysctl,
        Self::GroupAdd,
    ];

    /// The name by which it is granted and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::HostPath => "host-path",
            Self::EngineSocket => "engine-socket",
            Self::VolumeDriver => "volume-driver",
            Self::VolumesFrom => "volumes-from",
            Self::HostNamespace => "host-namespace",
            Self::Device => "device",
            Self::Capability => "capability",
            Self::SecurityOption => "security-option",
            Self::CgroupParent => "cgroup-parent",
            Self::Runtime => "runtime",
            Self::LogDriver => "log-driver",
            Self::StorageOption => "storage-option",
            Self::UploadFile => "upload-file",
            Self::NetworkDriver => "network-driver",
            Self::NetworkOption => "network-option",
            Self::ImageBuild => "image-build",
            Self::UnknownArgument => "unknown-argument",
            Self::ProviderArgument => "provider-argument",
            Self::Provisioner => "provisioner",
            Self::ForeignProvider => "foreign-provider",
            Self::ForeignResource => "foreign-resource",
            Self::ForeignData => "foreign-data",
            Self::Import => "import",
            Self::Forget => "forget",
            Self::MissionLabel => "mission-label",
            Self::PublicPort => "public-port",
            Self::Sysctl => "sysctl",
            Self::GroupAdd => "group-add",
        }
    }

    /// The names of all kinds.
    pub fn names() -> Vec<&'static str> {
        Self::ALL.iter().map(|kind| kind.name()).collect()
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it is refused unless granted; the others are only shown.
    pub const fn makes_root(self) -> bool {
        !matches!(self, Self::PublicPort | Self::Sysctl | Self::GroupAdd)
    }
}

impl Danger {
    /// A danger whose kind is what a grant would name.
    pub(super) fn new(address: &str, kind: DangerKind, detail: impl Into<String>) -> Self {
        Self::about(address, kind, "", detail)
    }

    /// A danger where a grant would name `subject`.
    pub(super) fn about(address: &str, kind: DangerKind, subject: &str, detail: impl Into<String>) -> Self {
        let (address, subject, detail) = (address.to_owned(), subject.to_owned(), detail.into());
        Self { address, kind, detail, subject, makes_root: kind.makes_root() }
    }

    /// The text by which the operator would grant exactly this.
    pub fn grant(&self) -> String {
        let by_subject = [
            (DangerKind::ForeignProvider, "provider"),
            (DangerKind::ForeignResource, "resource"),
            (DangerKind::ForeignData, "data"),
        ];
        match by_subject.iter().find(|(kind, _)| *kind == self.kind) {
            Some((_, word)) => format!("{word}:{}", self.subject),
            None => self.kind.name().to_owned(),
        }
    }

    /// Whether the operator's grants let it through.
    pub fn granted(&self, grants: &Grants) -> bool {
        let named = |kind, allowed: bool| self.kind == kind && allowed;
        !self.makes_root
            || grants.dangers.contains(&self.kind)
            || named(DangerKind::ForeignProvider, grants.provider_allowed(&self.subject))
            || named(DangerKind::ForeignResource, grants.resource_allowed(&self.subject))
            || named(DangerKind::ForeignData, grants.data_allowed(&self.subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_kinds_are_one_to_one() {
        for kind in DangerKind::ALL {
            assert_eq!(DangerKind::parse(kind.name()), Some(kind));
            let json = serde_json::to_string(&kind).expect("encodes");
            assert_eq!(json, format!("\"{}\"", kind.name()));
        }
        assert_eq!(DangerKind::parse("everything"), None);
    }

    #[test]
    fn a_grant_lets_through_just_what_it_names() {
        let grants = Grants::parse(["privileged", "resource:random_pet"]).expect("valid");
        assert!(Danger::new("a", DangerKind::Privileged, "").granted(&grants));
        assert!(!Danger::new("a", DangerKind::HostPath, "").granted(&grants));
        assert!(Danger::about("a", DangerKind::ForeignResource, "random_pet", "").granted(&grants));
        assert!(!Danger::about("a", DangerKind::ForeignData, "random_pet", "").granted(&grants));
        assert!(Danger::new("a", DangerKind::PublicPort, "").granted(&Grants::default()));
        for danger in [Danger::new("a", DangerKind::Device, ""), Danger::about("a", DangerKind::ForeignData, "x_y", "")]
        {
            assert!(danger.granted(&Grants::parse([danger.grant().as_str()]).expect("a grant")), "{danger:?}");
        }
    }
}
