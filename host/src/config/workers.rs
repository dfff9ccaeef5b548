//! The file that says how workers of a cluster run: `run --kubernetes --workers FILE`.
//!
//! ```yaml
//! listen: 0.0.0.0:8443
//! service: { namespace: ai-agent, name: quarterdeck-workers }
//! builder:
//!   namespace: quarterdeck-builder
//!   serviceAccount: builder
//!   image: registry.example/quarterdeck-builder@sha256:…
//!   engineSocket: /var/run/docker.sock
//! ```

use std::path::Path;

use super::{ConfigError, SETTINGS_BYTES_MAX, read_bounded};
use crate::apiserver::{BuilderWanted, WorkersWanted};
use crate::observe::files::yaml_problem;

/// Reads the file.
///
/// # Errors
/// Where it can't be read, or says what is not understood or can't be meant.
pub fn workers(path: &Path) -> Result<WorkersWanted, ConfigError> {
    let text =
        read_bounded(path, SETTINGS_BYTES_MAX).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let invalid = |problem: String| ConfigError::Invalid { path: path.to_owned(), problem };
    let wanted: WorkersWanted = serde_saphyr::from_str(&text).map_err(|error| invalid(yaml_problem(&error)))?;
    check(&wanted).map_err(invalid)?;
    Ok(wanted)
}

fn check(wanted: &WorkersWanted) -> Result<(), String> {
    let BuilderWanted { image, engine_socket, .. } = &wanted.builder;
    let digest = image.split_once("@sha256:").map(|(_, digest)| digest);
    if !digest.is_some_and(|digest| digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Err(format!(
            "builder.image: {image:?} names no digest; write NAME@sha256:DIGEST, so that what runs is what was looked at"
        ));
    }
    let canonical = engine_socket.is_absolute()
        && !engine_socket.to_string_lossy().contains("//")
        && engine_socket.components().skip(1).all(|part| matches!(part, std::path::Component::Normal(_)));
    if !canonical {
        return Err(format!("builder.engineSocket: {} is no plain absolute path", engine_socket.display()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<WorkersWanted, String> {
        let wanted: WorkersWanted = serde_saphyr::from_str(text).map_err(|error| yaml_problem(&error))?;
        check(&wanted).map(|()| wanted)
    }

    #[test]
    fn an_image_is_named_by_its_digest_and_the_rest_may_be_left_out() {
        let image = format!("example/builder@sha256:{}", "a".repeat(64));
        let wanted = parse(&format!("builder: {{ image: \"{image}\" }}")).unwrap();
        assert_eq!((wanted.listen.port(), wanted.builder.namespace.as_str()), (8443, "quarterdeck-builder"));
        for image in ["example/builder:1", "example/builder@sha256:abc", "example/builder"] {
            assert!(parse(&format!("builder: {{ image: \"{image}\" }}")).unwrap_err().contains("names no digest"));
        }
        for path in ["//var/run/docker.sock", "/var/run/../docker.sock", "docker.sock", "/var//docker.sock"] {
            let text = format!("builder: {{ image: \"{image}\", engineSocket: \"{path}\" }}");
            assert!(parse(&text).unwrap_err().contains("no plain absolute path"), "{path}");
        }
        assert!(parse("builder: { image: x, sudo: true }").is_err());
    }
}
