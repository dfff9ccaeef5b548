//! Effects, counted where they happen: processes started, and requests on the engine's socket. None without a permit, and
//! none where anything differs from what people have read.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod bound;
mod permits;
pub(crate) mod yard;

/// Rules by the mission's label `rule`; what has another one meets none.
const RULES: &str = r#"
@id("permits")
permit (principal, action, resource is Mission)
when { resource.hasTag("rule") && resource.getTag("rule") == "permits" };
@id("asks")
@approval("human")
permit (principal, action, resource is Mission)
when { resource.hasTag("rule") && resource.getTag("rule") == "asks" };
@id("asks-two")
@approval("human")
@approvers("2")
permit (principal, action, resource is Mission)
when { resource.hasTag("rule") && resource.getTag("rule") == "asks-two" };
@id("permits-what-it-forbids")
permit (principal, action, resource is Mission)
when { resource.hasTag("rule") && resource.getTag("rule") == "forbids" };
@id("forbids")
forbid (principal, action, resource is Mission)
when { resource.hasTag("rule") && resource.getTag("rule") == "forbids" };
"#;
