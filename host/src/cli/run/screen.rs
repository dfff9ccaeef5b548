//! Where `run` tells what happens: lines on stderr, a spinner below them on a terminal, JSON on stdout where asked for.

use std::io::BufRead;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use quarterdeck_core::text::escape;
use tokio::sync::mpsc;

use super::super::exit::Failure;
use super::super::print::{self, Output};
use super::teller::{Event, Tone};

/// Where things are told.
pub(super) struct Screen {
    output: Output,
    spinner: Option<ProgressBar>,
}

impl Screen {
    pub(super) fn new(output: Output) -> Screen {
        let spinner = (output != Output::Json && print::is_interactive()).then(|| {
            let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}").expect("a constant template");
            ProgressBar::no_length().with_style(style)
        });
        Screen { output, spinner }
    }

    /// Whether a person can be asked here.
    pub(super) fn is_interactive(&self) -> bool {
        self.spinner.is_some()
    }

    /// A line for people; it has been escaped.
    pub(super) fn note(&self, line: &str) {
        match &self.spinner {
            Some(spinner) => spinner.suspend(|| print::note(line)),
            None => print::note(line),
        }
    }

    /// Tells what happened.
    pub(super) fn tell(&self, event: &Event, ask_here: bool) -> Result<(), Failure> {
        if self.output == Output::Json {
            let object = serde_json::to_value(event).expect("an event is JSON");
            return Ok(print::out(&print::line(&object))?);
        }
        let color = match event.tone {
            Tone::Plain => anstyle::Style::new(),
            Tone::Good => anstyle::AnsiColor::Green.on_default(),
            Tone::Bad => anstyle::AnsiColor::Red.on_default(),
        };
        let mark = if event.rehearsal { "[rehearsal] " } else { "" };
        self.note(&format!("{mark}{color}{}{color:#}", escape(&event.text)));
        if let Some(next) = event.next.as_ref().filter(|_| !ask_here) {
            self.note(&format!("{mark}next: {}", escape(next)));
        }
        Ok(())
    }

    /// What is being waited for; nothing while a person is asked.
    pub(super) fn busy(&self, what: Option<String>) {
        let Some(spinner) = &self.spinner else { return };
        match what {
            Some(what) => {
                if spinner.is_finished() {
                    spinner.reset();
                }
                if spinner.message() != what {
                    spinner.reset_elapsed();
                    spinner.set_message(escape(&what));
                }
                spinner.enable_steady_tick(Duration::from_millis(120));
            }
            None => {
                spinner.disable_steady_tick();
                spinner.set_message("");
                spinner.finish_and_clear();
            }
        }
    }
}

/// The lines that a person types, from a thread of its own: reading a terminal can't be given up, and the program's end
/// does not wait for this one.
pub(super) fn typed() -> mpsc::Receiver<String> {
    let (line, lines) = mpsc::channel(4);
    std::thread::spawn(move || {
        for typed in std::io::stdin().lock().lines().map_while(Result::ok) {
            if line.blocking_send(typed).is_err() {
                return;
            }
        }
    });
    lines
}
