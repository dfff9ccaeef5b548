//! From an object to the text of its template: what stands in a place is taken out and a mark put in, the rest is written as
//! YAML and read back, and then each mark, which must be there once, becomes the words of a template.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::overlay::Object;
use super::places::{self, Fill, NO_IMAGE, PLACES};

/// What stands for a mark's number in the YAML. No object has such a word.
const MARK: &str = "QuarterdeckPlace";

/// What becomes of a mark.
enum Words {
    /// These take its place.
    Inline(String),
    /// Its line is there only under a condition: that, and the words.
    Line(String, String),
    /// Its line begins a block of these lines.
    Block(String),
}

/// The text of an object in this mode; counts which places were filled.
pub(super) fn object(object: &Object, mode: &str, values: &Value, filled: &mut [usize]) -> anyhow::Result<String> {
    let (mut value, id) = (object.value.clone(), object.id());
    let mut marks = Vec::new();
    for (place, filled) in PLACES.iter().zip(filled) {
        if place.object == id && place.modes.contains(&mode) {
            fill(&mut value, place.path, &place.fill, values, &mut marks)?;
            *filled += 1;
        }
    }
    text(&value, &marks)
}

/// Puts a mark in a place.
fn fill(whole: &mut Value, path: &str, fill: &Fill, values: &Value, marks: &mut Vec<Words>) -> anyhow::Result<()> {
    let place = places::at(whole, path)?;
    let mark = json!(format!("{MARK}{}z", marks.len()));
    let expression = |value: &str| format!("{{{{ toJson .Values.{value} }}}}");
    match fill {
        Fill::Value(value) => {
            let default = default(values, value)?;
            ensure!(place == default, "{path} is {place}, and values.yaml has {value} as {default}");
            *place = mark;
            marks.push(Words::Inline(expression(value)));
        }
        Fill::Behind(words, value) => {
            let default = default(values, value)?.as_str().with_context(|| format!("{value} is no text"))?;
            let stands = format!("{words}{default}");
            ensure!(place == &stands, "{path} is {place}, and {value} in values.yaml makes {stands:?} of it");
            *place = mark;
            marks.push(Words::Inline(format!("{{{{ print {words:?} .Values.{value} | toJson }}}}")));
        }
        Fill::Required(value) => {
            ensure!(
                default(values, value)? == "",
                "{value} has a default in values.yaml, and is to be given by the user"
            );
            ensure!(
                place == NO_IMAGE,
                "{path} is {place}, and should be what {value} takes the place of: {NO_IMAGE:?}"
            );
            *place = mark;
            marks.push(Words::Inline(expression(value)));
        }
        Fill::Optional(key, value) => {
            let default = default(values, value)?;
            let empty = [json!(""), json!({}), json!([])].contains(default);
            let condition = match empty {
                true => format!(".Values.{value}"),
                false => format!("ne .Values.{value} {default}"),
            };
            added(place, path, key, mark)?;
            marks.push(Words::Line(condition, expression(value)));
        }
        Fill::Computed(key, template) => {
            added(place, path, key, json!({ "quarterdeck.dev/workers": mark }))?;
            marks.push(Words::Inline(format!("{{{{ {template} }}}}")));
        }
        Fill::Made(text, template) => {
            ensure!(place == text, "{path} is {place}, and should be {text:?}");
            *place = mark;
            marks.push(Words::Inline(format!("{{{{ {template} }}}}")));
        }
        Fill::Yaml(inner) => {
            let stands = place.as_str().with_context(|| format!("{path} is no text"))?;
            let mut yaml: Value = serde_saphyr::from_str(stands).with_context(|| format!("read {path} as YAML"))?;
            let mut own = Vec::new();
            for (path, what) in *inner {
                self::fill(&mut yaml, path, what, values, &mut own)?;
            }
            *place = mark;
            marks.push(Words::Block(text(&yaml, &own)?));
        }
    }
    Ok(())
}

/// Adds a key that is not there.
fn added(place: &mut Value, path: &str, key: &str, value: Value) -> anyhow::Result<()> {
    let object = place.as_object_mut().with_context(|| format!("{path} is no object"))?;
    ensure!(!object.contains_key(key), "{path}: {key} stands there already");
    object.insert(key.to_owned(), value);
    Ok(())
}

/// What values.yaml has under a name with dots.
fn default<'a>(values: &'a Value, name: &str) -> anyhow::Result<&'a Value> {
    let pointer = format!("/{}", name.replace('.', "/"));
    values.pointer(&pointer).with_context(|| format!("values.yaml has no {name}"))
}

/// The YAML of a value, with words in place of its marks.
fn text(value: &Value, marks: &[Words]) -> anyhow::Result<String> {
    let mut value = value.clone();
    // The same order whatever other crates want of the library.
    value.sort_all_objects();
    let mut text = serde_saphyr::to_string(&value).context("write it as YAML")?;
    ensure!(!text.contains("{{"), "a text in it has two braces, which would be read as a template");
    let back: Value = serde_saphyr::from_str(&text).context("read what was written")?;
    ensure!(back == value, "what was written reads back as something else");
    for (number, words) in marks.iter().enumerate() {
        let mark = format!("{MARK}{number}z");
        ensure!(text.matches(&mark).count() == 1, "the mark {number} does not stand there once");
        let line = text.lines().find(|line| line.contains(&mark)).context("a mark stands in a line")?.to_owned();
        let indent = line.len() - line.trim_start().len();
        let alone = line.ends_with(&format!(": {mark}")) && !line.trim_start().starts_with("- ");
        let new = match words {
            Words::Inline(words) => line.replace(&mark, words),
            Words::Line(condition, words) => {
                ensure!(alone, "the line {line:?} can't stand under a condition");
                format!(
                    "{:indent$}{{{{- if {condition} }}}}\n{}\n{:indent$}{{{{- end }}}}",
                    "",
                    line.replace(&mark, words),
                    ""
                )
            }
            Words::Block(lines) => {
                ensure!(alone, "the line {line:?} can't begin a block");
                let lines: String = lines.lines().map(|line| format!("\n{:indent$}  {line}", "")).collect();
                line.replace(&mark, "|") + &lines
            }
        };
        text = text.replacen(&line, &new, 1);
    }
    Ok(text)
}
