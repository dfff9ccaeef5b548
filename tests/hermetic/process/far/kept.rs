//! What the host keeps for workers elsewhere: the folders that they fill, and the authority by which they know it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use quarterdeck::remember::{Authority, LeftError, LeftFolders};
use quarterdeck_core::ids::{OrderName, Timestamp};
use quarterdeck_worker::protocol::{LeftFile, RunFolder, inputs_digest};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

#[test]
fn the_result_is_the_last_that_is_taken_in() {
    let root = tempfile::tempdir().unwrap();
    let folders = LeftFolders::at(root.path());
    let order = OrderName::parse("plan-web-0123456789ab").unwrap();
    let nowhere = folders.take(&order, LeftFile::Saved, b"plan").unwrap_err();
    assert!(matches!(nowhere, LeftError::NoFolder(_)));
    let run = RunFolder::at(&root.path().join(order.as_str()));
    fs::create_dir(run.root()).unwrap();
    folders.take(&order, LeftFile::Saved, b"half a plan").unwrap();
    folders.take(&order, LeftFile::Saved, b"plan").unwrap();
    folders.take(&order, LeftFile::ErroredState, b"{}").unwrap();
    let large = vec![b' '; LeftFile::Result.bytes_max() + 1];
    assert!(matches!(folders.take(&order, LeftFile::Result, &large), Err(LeftError::TooLarge { .. })));
    folders.take(&order, LeftFile::Result, b"result").unwrap();
    assert_eq!(fs::read(run.errored_state()).unwrap(), b"{}");
    assert_eq!(fs::metadata(run.saved_out()).unwrap().permissions().mode() & 0o777, 0o600);
    for (file, bytes) in [(LeftFile::Saved, &b"other"[..]), (LeftFile::Json, b"{}"), (LeftFile::Result, b"other")] {
        assert!(matches!(folders.take(&order, file, bytes), Err(LeftError::Late(_))), "{}", file.name());
    }
    // An answer that was lost on its way is asked for again.
    folders.take(&order, LeftFile::Saved, b"plan").unwrap();
    folders.take(&order, LeftFile::Result, b"result").unwrap();
    assert_eq!(fs::read(run.saved_out()).unwrap(), b"plan");
}

#[test]
fn what_was_given_is_known_by_its_bytes() {
    let root = tempfile::tempdir().unwrap();
    let folders = LeftFolders::at(root.path());
    let order = OrderName::parse("plan-web-0123456789ab").unwrap();
    let run = RunFolder::at(&root.path().join(order.as_str()));
    fs::create_dir(run.root()).unwrap();
    assert!(matches!(folders.given(&order), Err(LeftError::Io { .. })));
    fs::write(run.order(), b"{}").unwrap();
    fs::write(run.config(), b"[]").unwrap();
    assert_eq!(folders.given(&order).unwrap(), inputs_digest(b"{}", b"[]"));
    assert_ne!(folders.given(&order).unwrap(), inputs_digest(b"{}[", b"]"));
}

#[test]
fn it_is_made_once_and_vouches_for_every_start() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["quarterdeck-workers.ai-agent.svc".to_owned(), "10.98.0.1".to_owned()];
    let first = Authority::open(folder.path(), NOW).unwrap();
    first.server_config(&names, NOW).unwrap();
    let again = Authority::open(folder.path(), NOW.plus_ms(9_000)).unwrap();
    assert_eq!(first.certificate_pem(), again.certificate_pem());
    assert_eq!(again.server_config(&names, NOW).unwrap().alpn_protocols, [b"http/1.1"]);
    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("workers-ca.key"), 0o600);
    assert!(again.server_config(&["no name".to_owned()], NOW).is_err());
}

#[test]
fn what_does_not_fit_together_is_said_at_the_start() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let names = ["host".to_owned()];
    Authority::open(one.path(), NOW).unwrap().server_config(&names, NOW).unwrap();
    Authority::open(other.path(), NOW).unwrap();
    fs::copy(other.path().join("workers-ca.crt"), one.path().join("workers-ca.crt")).unwrap();
    let mixed = Authority::open(one.path(), NOW).unwrap().server_config(&names, NOW).unwrap_err();
    assert!(mixed.to_string().contains("workers-ca.crt does not vouch for host"), "{mixed}");
    fs::write(one.path().join("workers-ca.key"), "no key").unwrap();
    assert!(Authority::open(one.path(), NOW).err().unwrap().to_string().contains("workers-ca.key"));
}
