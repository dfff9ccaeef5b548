//! A policy that decides by the journal's word though it was never uploaded: for tests of what happens when one misbehaves
//! that behaved while it was checked.

use std::path::Path;

use quarterdeck::app::{JOURNAL_KEY, STEWARD};
use quarterdeck::decide::catalog::{Catalog, Stored};
use quarterdeck::decide::{self, Isolation, Sandbox};
use quarterdeck::driver::clock;
use quarterdeck::remember::journal::SEGMENT_BYTES_MAX;
use quarterdeck::remember::{Book, Durable};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::entry::{Activated, Begun, Entry, How, Uploaded};
use quarterdeck_core::observation::Person;
use quarterdeck_core::upload::{Profile, Report};

use crate::program::program;

/// Puts a component into a data folder (`real` or `rehearsal`) in which no host has begun yet, and lets it decide there.
///
/// # Panics
/// Where it can't be loaded at all.
pub fn plant(folder: &Path, component: &[u8]) {
    let sandbox = Sandbox::new().expect("a sandbox");
    let policy = sandbox.load(component).expect("it describes itself");
    let artifact = sandbox.compiled(component).expect("it is compiled");
    let policies = folder.join("policies");
    let catalog =
        Catalog::open(&policies, sandbox, Isolation::Thread, program().to_owned(), STEWARD).expect("a catalog");
    let (at, who, description) = (clock(), Person::Uid(0), policy.description().clone());
    let report = Report {
        policy: policy.digest(),
        bytes: component.len() as u64,
        sandbox: decide::identity(),
        profile: Some(Profile::Pure),
        imports: vec![],
        exports: vec![],
        producers: vec![],
        description: Some(description.clone()),
        signers: vec![],
        checks: vec![],
        samples: vec![],
        replay: None,
    };
    catalog
        .keep(&Stored { component, report: &report, signatures: None, artifact: Some(&artifact) })
        .expect("it is kept");
    let begun = Begun {
        at,
        version: "test".to_owned(),
        rehearsal: folder.ends_with("rehearsal"),
        nonce: Digest::of(component),
        sandbox: decide::identity(),
        ceiling: None,
        fallback: Digest::of(STEWARD),
    };
    let uploaded = Uploaded::of(&report, &who, "planted", at).expect("nothing refused it");
    let (policy, settings) = (policy.digest(), description.defaults());
    let activated = Activated { at, policy, description, settings, by: None, how: How::Started };
    let entries = [Entry::Begun(begun), Entry::Uploaded(Box::new(uploaded)), Entry::Activated(activated)];
    let (book, _) =
        Book::signed(&folder.join("journal"), &folder.join(JOURNAL_KEY), SEGMENT_BYTES_MAX).expect("a journal");
    book.append(&entries, Durable::Now).expect("it is written");
    book.close().expect("it is attested");
}
