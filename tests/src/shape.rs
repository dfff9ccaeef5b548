//! Situations of a realistic shape, as large as asked: core's own samples, which `policy bench` uses as well.

pub use quarterdeck_core::sample::situation;
