//! `doctor`: one page of checks, each with its cause and its cure.

use std::sync::Arc;
use std::time::Duration;

use quarterdeck_core::charter::Charter;
use quarterdeck_core::observation::SeenMission;
use quarterdeck_core::redaction::Redactor;
use serde_json::{Value, json};

use super::args::DoctorArgs;
use super::exit::{Exit, Failure};
use super::print::{self, Output, escape_lines};
use crate::config::{self, Given};
use crate::doctor::{self, Check, DoctorInput, KubernetesInput, Place, Verdict};
use crate::driver::{chain, clock};
use crate::observe::files::Reader;
use crate::orient::gemini::GeminiConfig;
use crate::remember::Blobs;

/// An engine or a program that does not answer in this time is said not to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn doctor(args: DoctorArgs, given: Given) -> Result<(Exit, String), Failure> {
    let given =
        Given { engine: args.engine.clone(), terraform: args.terraform.clone(), config: args.config.clone(), ..given };
    let (data, brain) = (config::data_folder(&given)?, config::brain(&given)?);
    let cli_config = config::tool_environment().into_iter().find(|(name, _)| name == "TF_CLI_CONFIG_FILE");
    let gemini = brain.key.map(|key| {
        let mut gemini = GeminiConfig::new(key);
        (gemini.base_url, gemini.model) = (brain.base_url, brain.model);
        gemini
    });
    let checks = doctor::check(DoctorInput {
        socket: config::engine_socket(&given)?,
        terraform: config::terraform(&given).into_iter().collect(),
        cli_config: cli_config.map(|(_, path)| path.into()),
        missions: missions(&args, &given, &data)?,
        data,
        gemini,
        online: args.online,
        kubernetes: kubernetes(&args),
        place: place(&args),
        timeout: TIMEOUT,
    });
    let checks = checks.await;
    let text = match args.output {
        Output::Json => print::pretty(&print::list("Check", false, &checks.iter().map(item).collect::<Vec<_>>())),
        Output::Table | Output::Wide => {
            checks.iter().map(|check| escape_lines(&check.to_string()) + "\n").collect::<String>()
        }
    };
    Ok((if doctor::exit_code(&checks) == 0 { Exit::Done } else { Exit::Damaged }, text))
}

/// The cluster that `run` would look at with the same flags.
fn kubernetes(args: &DoctorArgs) -> Option<KubernetesInput> {
    let asked = args.kubernetes || args.context.is_some() || args.workers.is_some();
    // A file that can't be used is one check among others.
    let workers = args.workers.as_deref().map(|path| config::workers(path).map_err(|error| chain(&error)));
    asked.then(|| KubernetesInput { context: args.context.clone(), workers, missions: args.missions, now: clock() })
}

fn place(args: &DoctorArgs) -> Place {
    if args.workers.is_some() {
        return Place::Jobs;
    }
    let only_looks = (args.kubernetes || args.context.is_some()) && args.paths.is_empty();
    if only_looks { Place::Nowhere } else { Place::Machine }
}

fn item(check: &Check) -> Value {
    let verdict = match check.verdict {
        Verdict::Ok => "ok",
        Verdict::Note => "note",
        Verdict::Warn => "warn",
        Verdict::Fail => "fail",
    };
    json!({
        "rehearsal": false, "name": check.name, "verdict": verdict, "what": check.what, "cause": check.cause,
        "cure": check.cure,
    })
}

/// The missions as their files say them. Reading them packs their files, for which a folder is made and removed again.
fn missions(args: &DoctorArgs, given: &Given, data: &std::path::Path) -> Result<Vec<SeenMission>, Failure> {
    if args.paths.is_empty() {
        return Ok(Vec::new());
    }
    let charter = config::amendment(given)?.of(&Charter::default());
    let grants =
        charter.settings.parsed_grants().map(Arc::new).map_err(|error| {
            Failure::of(Exit::Usage, error, Some("correct the file that --config names".to_owned()))
        })?;
    let was_there = data.exists();
    let packed = data.join(format!("doctor-{}", std::process::id()));
    let blobs = Blobs::open(&packed).map_err(|error| {
        let error = anyhow::Error::new(error).context(format!("make the folder {}", packed.display()));
        Failure::of(Exit::Damaged, error, Some("choose another folder with --data".to_owned()))
    })?;
    let reader = Reader {
        paths: args.paths.clone(),
        blobs: Arc::new(blobs),
        grants: Arc::new(move || grants.clone()),
        // A workers' file that can't be read is told of elsewhere.
        secrets: args
            .workers
            .as_deref()
            .map(|path| config::workers(path).map(|wanted| wanted.builder.secrets).unwrap_or_default().into()),
        // The placeholders of a page that is read once need not be the journal's.
        redactor: Arc::new(Redactor::new([0; 32])),
    };
    let seen = reader.read();
    // What stays behind is read by nobody.
    let _stays = std::fs::remove_dir_all(&packed);
    if !was_there {
        let _stays_too = std::fs::remove_dir(data);
    }
    Ok(seen)
}
