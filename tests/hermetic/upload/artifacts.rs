//! What a component was compiled to, as a file: read back it is what it was, and changed anywhere it is not used.

use quarterdeck::decide::{Artifact, ArtifactError, Isolation};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_tests::{guests, shape};

use super::{SANDBOX, artifact};

const THREAD: Isolation = Isolation::Thread;

/// The file with other bytes where they are found first, and the checksum of that.
fn forged(file: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let (body, _) = file.split_last_chunk::<32>().expect("a file has a checksum");
    let at = body.windows(from.len()).position(|window| window == from).expect("it stands in the file");
    let mut body = [&body[..at], to, &body[at + from.len()..]].concat();
    let checksum = Digest::of(&body);
    body.extend_from_slice(checksum.as_bytes());
    body
}

#[test]
fn an_artifact_is_read_back_and_decides_the_same() {
    let bytes = guests::named("counts").expect("a guest");
    let (artifact, report) = artifact(&bytes);
    assert_eq!(artifact.component(), Digest::of(&bytes));
    let again = Artifact::decode(&artifact.encode()).expect("it is as it was written");
    assert!(again == artifact && again.code_bytes() > bytes.len());
    let description = report.description.expect("a description");
    let policy = SANDBOX.load_compiled(&again, report.policy, description, &THREAD).expect("it is ours");
    let situation = encoding::encode(&shape::situation(16 << 10));
    let loaded = SANDBOX.load(&bytes).expect("a policy");
    assert_eq!(policy.decide(&situation), loaded.decide(&situation));
    assert_eq!(policy.profile(), loaded.profile());
}

#[test]
fn a_changed_byte_is_seen_wherever_it_is() {
    let (artifact, _) = artifact(&guests::named("floor").expect("the floor"));
    let file = artifact.encode();
    for at in (0..file.len()).step_by(file.len() / 200).chain([file.len() - 1]) {
        let mut changed = file.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(matches!(Artifact::decode(&changed), Err(ArtifactError::Damaged(_))), "byte {at}");
    }
    for length in [0, 7, 8, 12, 40, file.len() / 2, file.len() - 1] {
        assert!(matches!(Artifact::decode(&file[..length]), Err(ArtifactError::Damaged(_))), "{length} bytes");
    }
}

#[test]
fn an_artifact_of_another_component_engine_or_limits_is_not_used() {
    let (artifact, report) = artifact(&guests::named("floor").expect("the floor"));
    let description = report.description.expect("a description");
    let load = |artifact: &Artifact, component| {
        let loaded = SANDBOX.load_compiled(artifact, component, description.clone(), &THREAD);
        loaded.err().expect("it must not be used").to_string()
    };
    let other = Digest::of(b"another component");
    assert!(load(&artifact, other).contains(&format!("it is of the component {}", report.policy)));

    let (file, identity) = (artifact.encode(), quarterdeck::decide::identity());
    let newer = identity.engine.replace("wasmtime 48", "wasmtime 49");
    let engine = forged(&file, identity.engine.as_bytes(), newer.as_bytes());
    let engine = Artifact::decode(&engine).expect("its checksum is right");
    assert!(load(&engine, report.policy).contains("it was made by wasmtime 49"));
    // A digest is encoded as its 32 bytes or its text; whichever stands there is replaced.
    let ours = encoding::encode(&identity.limits);
    let limits = forged(&file, &ours[1..], &encoding::encode(&other)[1..]);
    let limits = Artifact::decode(&limits).expect("its checksum is right");
    assert!(load(&limits, report.policy).contains("under other limits"));
}
