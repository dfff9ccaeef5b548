//! The program inside a worker: it runs Terraform for one order, keeps its state safe, and ends with a typed result.
//!
//! It is a library so that the host's own binary can be the worker too (`quarterdeck worker …`); on a cluster the small
//! binary of this crate stands alone in the worker's image. It knows no Kubernetes and no policy.

pub mod protocol;
