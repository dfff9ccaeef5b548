//! `policy keygen`: a key to sign policies with. Its public half is what the operator writes down.

use std::path::Path;

use serde_json::json;

use super::super::exit::{Exit, Failure};
use super::super::print::{self, Output, note};
use super::key::SigningKey;

/// Makes the key; gives back its public half, for stdout.
pub(super) fn keygen(file: &Path, output: Output) -> Result<String, Failure> {
    let next = "name a file that is not there yet, in a folder of yours";
    let (key, public_file) =
        SigningKey::make(file).map_err(|error| Failure::of(Exit::Usage, error, Some(next.to_owned())))?;
    let (fingerprint, pem) = (key.public().fingerprint(), key.public().pem());
    note(&format!("{} is the private key: keep it to yourself", file.display()));
    note(&format!(
        "{} is the public one, {fingerprint}; the operator writes it into the numbers of the charter",
        public_file.display()
    ));
    Ok(match output {
        Output::Table | Output::Wide => pem,
        Output::Json => {
            let object = json!({ "file": file, "publicFile": public_file, "fingerprint": fingerprint, "pem": pem });
            print::pretty(&print::object("SigningKey", false, &object))
        }
    })
}
