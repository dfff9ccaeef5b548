//! Gemini: is there a key, and does the service know the model?

use std::time::Duration;

use super::Check;
use crate::orient::gemini::{self, GeminiConfig};

const NAME: &str = "Gemini";

pub(super) async fn check(config: Option<GeminiConfig>, online: bool, timeout: Duration) -> Check {
    let Some(mut config) = config else {
        let cure = "set GEMINI_API_KEY, or leave it so";
        return Check::warn(NAME, "no key: advice comes from a table of rules", "GEMINI_API_KEY is not set", cure);
    };
    let model = config.model.clone();
    if !online {
        return Check::well(
            NAME,
            format!("a key is set for {model}; it was not asked whether that works (--online does)"),
        );
    }
    config.total_timeout = timeout;
    match gemini::check(config).await {
        Ok(()) => Check::well(NAME, format!("the key is good and {model} answers questions")),
        Err(cause) => {
            // The loop turns without it, so this is no failure.
            let cure = "correct GEMINI_API_KEY, QUARTERDECK_GEMINI_MODEL or QUARTERDECK_GEMINI_URL, or try again later";
            Check::warn(NAME, &format!("{model} can't be asked; advice would come from a table of rules"), cause, cure)
        }
    }
}
