//! `policy push`: a component goes up to the running host, from a file or from a registry.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use quarterdeck_core::upload::Report;

use super::super::args::PushArgs;
use super::super::exit::{Exit, Failure};
use super::super::place::Place;
use super::super::print::{self, Output, note};
use super::super::say::mark;
use super::check;
use super::files::{beside, read_signatures};
use crate::api::local::Pushed;
use crate::config;
use crate::registry::{self, Patience, PolicyReference};

/// A person who waits hears every so often that something goes on.
const STILL: Duration = Duration::from_secs(3);

/// What is uploaded.
struct Source {
    name: String,
    component: Vec<u8>,
    signatures: Option<Vec<u8>>,
}

pub(super) async fn push(place: &Place, args: &PushArgs) -> Result<(Exit, String), Failure> {
    let PushArgs { source, signature, output } = args;
    let host = place.host()?;
    let source = match source.strip_prefix("oci://") {
        Some(_) => from_registry(source).await?,
        None => from_file(Path::new(source), signature.as_deref())?,
    };
    let lead = mark(place.rehearsal);
    note(&format!(
        "{lead}checking {} ({} bytes): a large component takes a minute",
        source.name,
        source.component.len()
    ));
    let upload = host.push(&source.name, source.component, source.signatures.as_deref());
    tokio::pin!(upload);
    let pushed = loop {
        tokio::select! {
            pushed = &mut upload => break pushed?,
            () = tokio::time::sleep(STILL) => note(&format!("{lead}still checking")),
        }
    };
    told(place, &source.name, &pushed, *output)
}

fn told(place: &Place, source: &str, pushed: &Pushed, output: Output) -> Result<(Exit, String), Failure> {
    let Pushed { shelved, known, report } = pushed;
    let text = match output {
        Output::Json => print::pretty(&print::object("PolicyUpload", place.rehearsal, pushed)),
        Output::Table | Output::Wide => check::told(Path::new(source), report),
    };
    if !shelved {
        return Err(Failure { out: text, ..check::refusal(report, &format!("push {source}")) });
    }
    let lead = mark(place.rehearsal);
    let name = named(report);
    note(&match known {
        true => format!("{lead}{name} was on the shelf already; its report and signatures are these now"),
        false => format!("{lead}{name} is on the shelf; nothing else has changed"),
    });
    let digest = report.policy.short(12);
    note(&format!(
        "next: quarterdeck policy shadow {digest}, quarterdeck policy activate {digest}, or quarterdeck policy diff active \
         {digest}"
    ));
    Ok((Exit::Done, text))
}

/// A report's policy by name, version and digest.
pub(super) fn named(report: &Report) -> String {
    let digest = report.policy.short(12);
    report.description.as_ref().map_or(digest.clone(), |said| format!("{} {} ({digest})", said.name, said.version))
}

fn from_file(file: &Path, signature: Option<&Path>) -> Result<Source, Failure> {
    let component = super::bytes(file)?;
    let beside: PathBuf = beside(file);
    let signatures = match signature {
        Some(path) => Some(read_signatures(path).with_context(|| format!("read the signatures {}", path.display()))),
        None if beside.exists() => {
            Some(read_signatures(&beside).with_context(|| format!("read the signatures {}", beside.display())))
        }
        None => None,
    };
    let signatures = signatures.transpose().map_err(|error| {
        Failure::of(Exit::Usage, error, Some("name a file that quarterdeck policy sign has made".to_owned()))
    })?;
    Ok(Source { name: file.display().to_string(), component, signatures })
}

async fn from_registry(source: &str) -> Result<Source, Failure> {
    let reference: PolicyReference = source.parse().map_err(|error: registry::ReferenceError| {
        Failure::of(Exit::Usage, anyhow::Error::new(error), Some("oci://HOST/REPOSITORY@sha256:…".to_owned()))
    })?;
    let pulled = registry::pull(&reference, config::docker_config().as_deref(), &Patience::default()).await?;
    Ok(Source { name: pulled.reference.to_string(), component: pulled.bytes, signatures: pulled.signature })
}
