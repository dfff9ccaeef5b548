//! Claims, volumes and storage classes: does a claim get its volume, and what becomes of volumes that nobody has?

use super::{SETTLE_MS, Symptom, defaults};
use crate::kubernetes::cluster::{Cluster, Kind};
use crate::kubernetes::storage::{Claim, StorageClass, Volume};
use crate::situation::Severity;

/// What marks a class as the default.
const DEFAULT_MARK: &str = "storageclass.kubernetes.io/is-default-class";
/// A volume is made within this time; where it takes longer, somebody wants to know that something waits for it.
const PENDING_MS: u64 = 30_000;
/// The provisioner of a class whose volumes are made by people.
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

pub(super) fn claim(cluster: &Cluster, claim: &Claim) -> Vec<Symptom> {
    match &*claim.phase {
        _ if claim.meta.deleted.is_some() => Vec::new(),
        "Lost" => {
            let message = "its volume is gone, and what was on it: bring the volume back under its name, or make a new \
                           claim and restore a backup";
            let volume = claim.volume.as_deref().unwrap_or_default();
            vec![Symptom::new("claim-lost", Severity::Critical, message.to_owned()).seen_by("volume", volume)]
        }
        "Pending" => pending(cluster, claim).into_iter().collect(),
        _ => Vec::new(),
    }
}

pub(super) fn volume(_cluster: &Cluster, volume: &Volume) -> Vec<Symptom> {
    let symptom = match (&*volume.phase, &*volume.reclaim) {
        ("Failed", _) => {
            let message = match &*volume.message {
                "" => "it could not be cleared away after its claim was gone, and nobody says why".to_owned(),
                said => format!("it could not be cleared away after its claim was gone: {said}"),
            };
            Symptom::new("volume-failed", Severity::Warning, message).seen_by("reason", &volume.reason)
        }
        ("Released", "Retain") => {
            let message = "its claim is gone, and what is on it was kept: take what is wanted; then delete it, or remove \
                           its claimRef so that another claim may have it";
            Symptom::new("volume-released", Severity::Info, message.to_owned())
        }
        _ => return Vec::new(),
    };
    let claim = volume.claim.as_ref().map(|claim| claim.to_string()).unwrap_or_default();
    vec![symptom.seen_by("claim", &claim)]
}

pub(super) fn class(cluster: &Cluster, class: &StorageClass) -> Vec<Symptom> {
    let defaults = cluster.storage_classes.iter().filter(|class| class.default).map(|class| &class.meta);
    defaults::twice("storage-class-default-twice", DEFAULT_MARK, defaults, &class.meta).into_iter().collect()
}

fn pending(cluster: &Cluster, claim: &Claim) -> Option<Symptom> {
    if let Some(symptom) = no_class(cluster, claim) {
        return Some(symptom.from(claim.meta.created.plus_ms(SETTLE_MS)));
    }
    let warnings = cluster.warnings(Kind::PersistentVolumeClaim, &claim.meta.name);
    let warning = warnings.into_iter().find(|warning| warning.about_uid == claim.meta.uid);
    if let Some(warning) = warning.filter(|warning| &*warning.reason == "ProvisioningFailed") {
        let message = format!("no volume can be made for it: {}", warning.message);
        return Some(Symptom::new("claim-not-provisioned", Severity::Critical, message));
    }
    let class = claim.class.as_ref().and_then(|class| cluster.storage_classes.find("", class));
    if class.is_some_and(|class| class.waits) && !claim.wanted {
        return None;
    }
    let message = match (warning, &claim.volume, class) {
        (Some(warning), ..) => format!("it waits for a volume: {}", warning.message),
        (None, Some(volume), _) => {
            format!("it waits for the volume {volume}: is there one, free, large enough and of the same class?")
        }
        (None, None, Some(class)) if &*class.provisioner == NO_PROVISIONER => {
            let class = &class.meta.name;
            format!("no free volume of the class {class} fits it, and that class makes none by itself: make one")
        }
        (None, None, Some(class)) => {
            format!("it waits for a volume of {}, which does not say why: does it run?", class.provisioner)
        }
        (None, None, None) => "it waits for a volume".to_owned(),
    };
    Some(Symptom::new("claim-pending", Severity::Warning, message).from(claim.changed.plus_ms(PENDING_MS)))
}

/// Why no class gives this claim a volume. Where it names its volume, it does not matter.
fn no_class(cluster: &Cluster, claim: &Claim) -> Option<Symptom> {
    let classes = &cluster.storage_classes;
    let (rule, message) = match claim.class.as_deref() {
        _ if claim.volume.is_some() => return None,
        Some("") => (
            "claim-no-class",
            "it wants no storage class, and no free volume fits it: name a class, or make a volume for it".to_owned(),
        ),
        Some(class) if classes.find("", class).is_some() => return None,
        Some(class) => (
            "claim-class-missing",
            format!(
                "it names the storage class {class}, which does not exist, and no free volume of that class fits it: \
                 make the class, or a claim that names one that exists"
            ),
        ),
        None if classes.iter().any(|class| class.default) => return None,
        None => (
            "claim-no-class",
            format!(
                "it names no storage class, and none is the default: mark one by the annotation {DEFAULT_MARK}, or make \
                 a claim that names one"
            ),
        ),
    };
    let known: Vec<&str> = classes.iter().map(|class| &*class.meta.name.name).collect();
    Some(Symptom::new(rule, Severity::Critical, message).seen_by("classes", &known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::cluster::{Key, Object};
    use crate::kubernetes::object::{Meta, Name};
    use crate::kubernetes::rules::examine;
    use crate::kubernetes::rules::example::{MADE, cluster, meta, warning};

    fn data(class: Option<&str>) -> Claim {
        Claim {
            meta: meta("shop", "data"),
            phase: "Pending".into(),
            class: class.map(Into::into),
            volume: None,
            wanted: false,
            changed: MADE.plus_ms(3_000),
        }
    }

    fn class(name: &str, default: bool) -> StorageClass {
        StorageClass { meta: meta("", name), default, provisioner: "disks.test".into(), waits: false }
    }

    fn seen(claim: Claim, classes: Vec<StorageClass>, events: Vec<Object>) -> Vec<Symptom> {
        let key = Key::new(Kind::PersistentVolumeClaim, &claim.meta.name);
        let classes = classes.into_iter().map(Object::StorageClass);
        examine(&cluster(classes.chain(events).chain([Object::PersistentVolumeClaim(claim)])), &key)
    }

    #[test]
    fn a_claim_gets_a_volume() {
        let in_phase = |phase: &str| Claim { phase: phase.into(), ..data(Some("absent")) };
        let deleted = Claim { meta: Meta { deleted: Some(MADE), ..meta("shop", "data") }, ..data(Some("absent")) };
        let by_name = || Claim { volume: Some("disk-1".into()), ..data(Some("absent")) };
        let wanted = || Claim { wanted: true, ..data(Some("lazy")) };
        let lazy = || vec![StorageClass { waits: true, ..class("lazy", false) }];
        let by_hand = || vec![StorageClass { provisioner: NO_PROVISIONER.into(), ..class("fast", false) }];
        let (missing, no_class, pending) = ("claim-class-missing", "claim-no-class", "claim-pending");
        for (name, claim, classes, expected) in [
            ("bound", in_phase("Bound"), vec![], None),
            ("lost", in_phase("Lost"), vec![], Some(("claim-lost", "its volume is gone"))),
            ("going away", deleted, vec![], None),
            ("a class that is not there", data(Some("absent")), vec![class("fast", true)], Some((missing, "absent,"))),
            ("no class, no default", data(None), vec![class("fast", false)], Some((no_class, "none is the default"))),
            (
                "no class is wanted",
                data(Some("")),
                vec![class("fast", true)],
                Some((no_class, "wants no storage class")),
            ),
            ("the default comes", data(None), vec![class("fast", true)], Some((pending, "it waits for a volume"))),
            ("made by nobody", data(Some("fast")), by_hand(), Some((pending, "makes none by itself"))),
            (
                "made by somebody",
                data(Some("fast")),
                vec![class("fast", true)],
                Some((pending, "volume of disks.test")),
            ),
            ("named", by_name(), vec![], Some((pending, "the volume disk-1"))),
            ("nobody wants it yet", data(Some("lazy")), lazy(), None),
            ("a pod wants it", wanted(), lazy(), Some((pending, "volume of disks.test"))),
        ] {
            let symptoms = seen(claim, classes, vec![]);
            assert_eq!(symptoms.first().map(|symptom| symptom.rule), expected.map(|(rule, _)| rule), "{name}");
            assert!(symptoms.len() <= 1, "{name}");
            if let Some((_, said)) = expected {
                assert!(symptoms[0].message.contains(said), "{name}: {}", symptoms[0].message);
            }
        }
    }

    #[test]
    fn a_provisioner_that_fails_says_why() {
        let lazy = StorageClass { waits: true, ..class("lazy", false) };
        let said = |reason: &str, about: &Meta| warning("PersistentVolumeClaim", about, reason, "the pool is full");
        let failed =
            seen(data(Some("lazy")), vec![lazy.clone()], vec![said("ProvisioningFailed", &meta("shop", "data"))]);
        assert_eq!(failed[0].rule, "claim-not-provisioned");
        assert!(failed[0].message.ends_with("the pool is full") && failed[0].holds(MADE), "{failed:?}");

        let before = Meta { uid: "another".into(), ..meta("shop", "data") };
        assert!(seen(data(Some("lazy")), vec![lazy], vec![said("ProvisioningFailed", &before)]).is_empty());

        let mismatch = vec![said("VolumeMismatch", &meta("shop", "data"))];
        let waits = seen(data(Some("fast")), vec![class("fast", false)], mismatch);
        assert_eq!((waits[0].rule, waits[0].severity), ("claim-pending", Severity::Warning));
        assert!(waits[0].message.ends_with("the pool is full"));
    }

    #[test]
    fn a_claim_may_wait_for_a_moment() {
        let absent = seen(data(Some("absent")), vec![], vec![]);
        assert_eq!(absent[0].from, MADE.plus_ms(SETTLE_MS));
        let pending = seen(data(Some("fast")), vec![class("fast", false)], vec![]);
        assert_eq!(pending[0].from, MADE.plus_ms(3_000 + PENDING_MS));
    }

    #[test]
    fn a_volume_that_nobody_has_is_cleared_away_or_told() {
        let (failed, released) = (Some("volume-failed"), Some("volume-released"));
        for (phase, reclaim, rule) in [
            ("Available", "Retain", None),
            ("Bound", "Retain", None),
            ("Released", "Retain", released),
            ("Released", "Delete", None),
            ("Failed", "Delete", failed),
            ("Failed", "Retain", failed),
        ] {
            let volume = Volume {
                meta: meta("", "disk-1"),
                phase: phase.into(),
                reason: "".into(),
                message: "the disk is in use".to_owned(),
                claim: Some(Name::new("shop", "data")),
                reclaim: reclaim.into(),
            };
            let key = Key::new(Kind::PersistentVolume, &volume.meta.name);
            let symptoms = examine(&cluster([Object::PersistentVolume(volume)]), &key);
            assert_eq!(symptoms.first().map(|symptom| symptom.rule), rule, "{phase} {reclaim}");
            for symptom in symptoms {
                assert!(symptom.evidence.iter().any(|fact| fact.key == "claim" && fact.value == "shop/data"));
                assert_eq!(symptom.message.ends_with("the disk is in use"), symptom.rule == "volume-failed");
            }
        }
    }

    #[test]
    fn a_second_default_class_is_told() {
        let objects = [class("fast", true), class("slow", true), class("cold", false)].map(Object::StorageClass);
        let cluster = cluster(objects);
        let told = |name: &str| examine(&cluster, &Key::new(Kind::StorageClass, &Name::new("", name)));
        assert_eq!(told("fast")[0].rule, "storage-class-default-twice");
        assert_eq!(told("fast")[0].severity, Severity::Warning);
        assert!(
            told("fast")[0].message.contains("this one and slow") && told("fast")[0].message.contains(DEFAULT_MARK)
        );
        assert!(told("slow").is_empty() && told("cold").is_empty());
    }
}
