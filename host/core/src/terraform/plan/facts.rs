//! From a plan's JSON to its facts.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::super::grants::{Grants, provider_source};
use super::super::text::escape;
use super::change::{canonical, change, masked, shown_address};
use super::danger::{Danger, DangerKind};
use super::fields::View;
use super::raw::{Configuration, RawPlan, RawResource};
use super::{
    Action, Counts, DANGERS_MAX, Drift, PLAN_BYTES_MAX, PlanError, PlanFacts, RESOURCES_MAX, TypeCounts, docker,
};

/// Terraform's own provider, which has `terraform_data` and no way to the world.
const BUILT_IN_PROVIDER: &str = "terraform.io/builtin/terraform";

/// Reads the output of `terraform show -json` for a saved plan.
///
/// # Errors
/// Where it is too large, not of that form, of another major version, or has an action that is not known.
pub fn parse_plan(bytes: &[u8]) -> Result<PlanFacts, PlanError> {
    if bytes.len() > PLAN_BYTES_MAX {
        return Err(PlanError::TooLarge { bytes: bytes.len() });
    }
    // Serde's own message would quote the value that it stumbled over, which may be a secret.
    let raw: RawPlan = serde_json::from_slice(bytes)
        .map_err(|error| PlanError::Json { line: error.line(), column: error.column() })?;
    if raw.format_version.split('.').next() != Some("1") {
        return Err(PlanError::Format { version: escape(&raw.format_version, 20) });
    }
    let count = raw.resource_changes.len().max(raw.resource_drift.len());
    if count > RESOURCES_MAX {
        return Err(PlanError::TooMany { count });
    }
    facts(&raw)
}

fn facts(raw: &RawPlan) -> Result<PlanFacts, PlanError> {
    let resources = raw.resource_changes.iter().map(|resource| Ok((resource, action(resource)?)));
    let resources: Vec<(&RawResource, Action)> = resources.collect::<Result<_, PlanError>>()?;
    let (counts, by_type) = count(&resources);
    let touched = resources.iter().filter(|(resource, action)| *action != Action::NoOp || imports(resource));
    let mut changes: Vec<_> = touched.map(|(resource, action)| change(resource, *action)).collect();
    changes.sort_by(|a, b| (a.action, &a.address).cmp(&(b.action, &b.address)));
    let drift = raw.resource_drift.iter().map(drift).collect::<Result<_, _>>()?;
    let changed = raw.output_changes.iter().filter(|(_, output)| output.actions.iter().any(|action| action != "no-op"));
    Ok(PlanFacts {
        terraform_version: escape(&raw.terraform_version, 40),
        applyable: raw.applyable,
        complete: raw.complete,
        errored: raw.errored,
        counts,
        by_type,
        changes,
        providers: providers(&resources),
        drift,
        dangers: dangers(&resources, &raw.configuration),
        outputs_changed: changed.take(RESOURCES_MAX).map(|(name, _)| escape(name, 80)).collect(),
        known_after_digest: known_after_digest(&resources),
    })
}

fn action(resource: &RawResource) -> Result<Action, PlanError> {
    let actions: Vec<&str> = resource.change.actions.iter().map(String::as_str).collect();
    match actions.as_slice() {
        ["no-op"] if resource.previous_address.as_ref().is_some_and(|previous| *previous != resource.address) => {
            Ok(Action::Move)
        }
        ["no-op"] => Ok(Action::NoOp),
        ["create"] => Ok(Action::Create),
        ["read"] => Ok(Action::Read),
        ["update"] => Ok(Action::Update),
        ["delete"] => Ok(Action::Destroy),
        ["delete", "create"] | ["create", "delete"] => Ok(Action::Replace),
        // The old object stays on the engine, which is what matters about it.
        ["forget"] | ["create", "forget"] => Ok(Action::Forget),
        other => {
            let address = shown_address(&resource.address);
            Err(PlanError::Action { address, actions: escape(&other.join(","), 80) })
        }
    }
}

fn imports(resource: &RawResource) -> bool {
    resource.change.importing.as_ref().is_some_and(|importing| !importing.is_null())
}

fn count(resources: &[(&RawResource, Action)]) -> (Counts, Vec<TypeCounts>) {
    let (mut all, mut types) = (Counts::default(), BTreeMap::<&str, Counts>::new());
    for (resource, action) in resources {
        add(&mut all, resource, *action);
        if *action != Action::NoOp || imports(resource) {
            add(types.entry(&resource.kind).or_default(), resource, *action);
        }
    }
    let by_type = types.into_iter().map(|(kind, counts)| TypeCounts { kind: escape(kind, 80), counts });
    (all, by_type.collect())
}

/// The providers of what is touched, in short form where they have one.
fn providers(resources: &[(&RawResource, Action)]) -> Vec<String> {
    let touched = resources.iter().filter(|(resource, action)| *action != Action::NoOp || imports(resource));
    let named = |name: &str| provider_source(name).unwrap_or_else(|| escape(name, 80));
    touched.map(|(resource, _)| named(&resource.provider_name)).collect::<BTreeSet<_>>().into_iter().collect()
}

fn add(counts: &mut Counts, resource: &RawResource, action: Action) {
    counts.imports += u32::from(imports(resource));
    let counter = match action {
        Action::Destroy => &mut counts.destroys,
        Action::Replace => &mut counts.replaces,
        Action::Forget => &mut counts.forgets,
        Action::Update => &mut counts.changes,
        Action::Create => &mut counts.adds,
        Action::Read => &mut counts.reads,
        Action::Move => &mut counts.moves,
        Action::NoOp => &mut counts.no_ops,
    };
    *counter += 1;
}

fn drift(resource: &RawResource) -> Result<Drift, PlanError> {
    let action = action(resource)?;
    Ok(Drift { address: shown_address(&resource.address), kind: escape(&resource.kind, 80), action })
}

fn dangers(resources: &[(&RawResource, Action)], configuration: &Configuration) -> Vec<Danger> {
    let mut found = provider_dangers(configuration);
    for (resource, action) in resources {
        let address = shown_address(&resource.address);
        let configured = configuration.resource(resource);
        if configured.is_some_and(|resource| !resource.provisioners.is_empty()) {
            found.push(Danger::new(&address, DangerKind::Provisioner, "a provisioner runs a command"));
        }
        found.extend(type_dangers(&address, resource, *action));
        let makes = matches!(action, Action::Create | Action::Update | Action::Replace | Action::Forget);
        if (makes || imports(resource)) && !resource.change.after.is_null() {
            found.extend(docker::inspect(&address, &resource.kind, &View::new(resource, configured)));
        }
    }
    found.sort_by(|a, b| (!a.makes_root, a).cmp(&(!b.makes_root, b)));
    found.dedup();
    // What makes a container root is never what is left out, however many harmless or granted ones stand before it: one
    // of each kind and subject is enough for the gate, which grants by these.
    let mut told = BTreeSet::new();
    let first = |danger: &Danger| danger.makes_root && told.insert(danger.grant());
    let (mut kept, rest): (Vec<Danger>, Vec<Danger>) = found.into_iter().partition(first);
    kept.extend(rest);
    kept.truncate(DANGERS_MAX);
    kept.sort_by(|a, b| (!a.makes_root, a).cmp(&(!b.makes_root, b)));
    kept
}

/// What cannot be judged, or takes over or leaves behind what the mission did not make.
fn type_dangers(address: &str, resource: &RawResource, action: Action) -> Vec<Danger> {
    let mut found = Vec::new();
    let nobody = Grants::default();
    let kind = escape(&resource.kind, 80);
    let not_granted = |what: &str| format!("{what} {kind} is not granted");
    match resource.mode.as_str() {
        "managed" if nobody.resource_allowed(&resource.kind) => {}
        "managed" => found.push(Danger::about(address, DangerKind::ForeignResource, &kind, not_granted("the type"))),
        _data_or_newer => {
            found.push(Danger::about(address, DangerKind::ForeignData, &kind, not_granted("the data source")))
        }
    }
    let source = provider_source(&resource.provider_name);
    let known = resource.provider_name == BUILT_IN_PROVIDER
        || source.as_deref().is_some_and(|source| nobody.provider_allowed(source));
    if !known {
        let source = source.unwrap_or_else(|| escape(&resource.provider_name, 80));
        let detail = format!("the provider {source} is not granted");
        found.push(Danger::about(address, DangerKind::ForeignProvider, &source, detail));
    }
    if imports(resource) {
        found.push(Danger::new(address, DangerKind::Import, "an existing object is taken over"));
    }
    if action == Action::Forget {
        found.push(Danger::new(address, DangerKind::Forget, "the object stays on the engine and is forgotten"));
    }
    found
}

/// The worker says which engine is spoken to; whatever the files say to a docker provider could say another.
fn provider_dangers(configuration: &Configuration) -> Vec<Danger> {
    let docker = |name: &str| name.ends_with("/docker");
    let configs = configuration.provider_config.iter().filter(|(_, config)| docker(&config.full_name));
    let arguments = configs.flat_map(|(name, config)| config.expressions.keys().map(move |key| (name, key)));
    let danger = |(name, key): (&String, &String)| {
        let address = shown_address(&format!("provider.{name}"));
        Danger::new(&address, DangerKind::ProviderArgument, format!("the provider's argument {}", escape(key, 80)))
    };
    arguments.map(danger).collect()
}

/// Digest of the set of (address, action, known after-values). A data source that is read while the plan is applied changes
/// nothing, so it is left out like what stays as it is.
fn known_after_digest(resources: &[(&RawResource, Action)]) -> [u8; 32] {
    let line = |(resource, action): &(&RawResource, Action)| {
        let change = &resource.change;
        let after = canonical(&masked(&change.after, &change.after_sensitive, &change.after_unknown));
        let quoted = serde_json::Value::String(resource.address.clone());
        format!("{quoted} {action:?} {after}\n")
    };
    let touched = resources.iter().filter(|(_, action)| !matches!(action, Action::NoOp | Action::Read));
    let mut lines: Vec<String> = touched.map(line).collect();
    lines.sort_unstable();
    let mut hasher = Sha256::new();
    for line in lines {
        hasher.update(line);
    }
    hasher.finalize().into()
}
