//! HCL's native syntax (`*.tf`, `*.tfvars`, templates), read with `hcl-edit`.

use std::ops::Range;
use std::str::FromStr as _;

use hcl_edit::expr::{Expression, ObjectKey};
use hcl_edit::structure::{Attribute, Block, Body, Structure};
use hcl_edit::template::{ForTemplateExpr, HeredocTemplate, Template};
use hcl_edit::visit::{Visit, visit_for_template_expr, visit_heredoc_template};
use hcl_edit::{Ident, Span as _, parser};

use super::calls::{Argument, Call, calls_in, calls_in_template, path_argument};
use super::{At, Form, Item, Lines, Literal, SyntaxFault, Value, saturate};

/// Parses a file in native syntax.
///
/// # Errors
/// Where it is no HCL, or Terraform's parser could read it differently.
pub fn parse_native(text: &str) -> Result<Vec<Item>, SyntaxFault> {
    refuse_control_characters(text)?;
    refuse_ambiguous_escapes(text)?;
    let body = Body::from_str(text).map_err(|error| fault(&error))?;
    let lines = Lines::new(text);
    refuse_ambiguous_heredocs(text, &lines, &body)?;
    Ok(items(&lines, &body))
}

/// Parses a template (a file for `templatefile`, or a string in JSON syntax) and returns the calls in it.
///
/// # Errors
/// Where it is no template, or Terraform's parser could read it differently.
pub fn parse_template(text: &str) -> Result<Vec<Call>, SyntaxFault> {
    refuse_ambiguous_escapes(text)?;
    let template = Template::from_str(text).map_err(|error| fault(&error))?;
    let lines = Lines::new(text);
    Ok(calls_in_template(&template, &|offset| lines.at(offset)))
}

fn fault(error: &parser::Error) -> SyntaxFault {
    let at = At { line: saturate(error.location().line()), column: saturate(error.location().column()) };
    SyntaxFault { at, message: format!("this is no valid HCL: {}", error.message()) }
}

/// Terraform knows no line end but `\n`; a lone carriage return ends a comment for some readers.
fn refuse_control_characters(text: &str) -> Result<(), SyntaxFault> {
    let plain = text.replace("\r\n", " \n");
    let found = plain.char_indices().find(|(_, c)| c.is_control() && !matches!(c, '\n' | '\t'));
    found.map_or(Ok(()), |(offset, _)| {
        let message = "there is a control character here; remove it".to_owned();
        Err(SyntaxFault { at: Lines::new(&plain).at(offset), message })
    })
}

/// `$${` is an escaped `${`; with three signs, parsers disagree on which of them the escape is.
fn refuse_ambiguous_escapes(text: &str) -> Result<(), SyntaxFault> {
    let found = ["$$$", "%%%"].iter().find_map(|signs| text.find(signs));
    found.map_or(Ok(()), |offset| {
        let message = "three $ or % in a row can be read in two ways; write them as separate strings".to_owned();
        Err(SyntaxFault { at: Lines::new(text).at(offset), message })
    })
}

/// Terraform ends a heredoc at the first line that is nothing but the marker, blanks aside; `hcl-edit` also where
/// something follows it. Where the two ends differ, text for one is configuration for the other.
fn refuse_ambiguous_heredocs(text: &str, lines: &Lines<'_>, body: &Body) -> Result<(), SyntaxFault> {
    struct Finder(Vec<(Range<usize>, String)>);
    impl Visit for Finder {
        fn visit_heredoc_template(&mut self, heredoc: &HeredocTemplate) {
            let span = heredoc.span().unwrap_or_default();
            self.0.push((span, heredoc.delimiter.as_str().to_owned()));
            visit_heredoc_template(self, heredoc);
        }

        // hcl-edit 0.10 passes over what `%{ for x in … }` iterates over.
        fn visit_for_template_expr(&mut self, directive: &ForTemplateExpr) {
            self.visit_expr(&directive.collection_expr);
            visit_for_template_expr(self, directive);
        }
    }
    let mut finder = Finder(Vec::new());
    finder.visit_body(body);
    for (span, marker) in finder.0 {
        let end = text[span.end..].find('\n').map_or(text.len(), |length| span.end + length);
        let ours = lines.at(span.end).line;
        let mut line = lines.at(span.start).line;
        let theirs = text[span.start..end].lines().skip(1).find_map(|content| {
            line += 1;
            (content.trim() == marker).then_some(line)
        });
        if span.is_empty() || theirs != Some(ours) {
            let message =
                format!("the end of this heredoc can be read in two ways; put {marker} alone on its last line");
            return Err(SyntaxFault { at: lines.at(span.start), message });
        }
    }
    Ok(())
}

fn items(lines: &Lines<'_>, body: &Body) -> Vec<Item> {
    let item = |structure: &Structure| match structure {
        Structure::Attribute(attribute) => argument(lines, attribute),
        Structure::Block(block) => self::block(lines, block),
    };
    body.iter().map(item).collect()
}

fn block(lines: &Lines<'_>, block: &Block) -> Item {
    Item {
        name: block.ident.as_str().to_owned(),
        labels: block.labels.iter().map(|label| label.as_str().to_owned()).collect(),
        at: place(lines, block.ident.span()),
        form: Form::Block,
        value: Value::default(),
        body: items(lines, &block.body),
    }
}

fn argument(lines: &Lines<'_>, attribute: &Attribute) -> Item {
    let mut value = value(&attribute.value);
    value.calls = calls_in(&attribute.value, &|offset| lines.at(offset));
    Item {
        name: attribute.key.as_str().to_owned(),
        labels: Vec::new(),
        at: place(lines, attribute.key.span()),
        form: Form::Argument,
        value,
        body: entries(lines, &attribute.value),
    }
}

/// Stands for a key that is an expression: no rule knows it, so every list of allowed names refuses it.
const COMPUTED_KEY: &str = "(computed)";

/// The entries of an object. Their calls are known to the argument already.
fn entries(lines: &Lines<'_>, expression: &Expression) -> Vec<Item> {
    let Some(object) = expression.as_object() else { return Vec::new() };
    let entry = |(key, value): (&ObjectKey, &hcl_edit::expr::ObjectValue)| {
        let (name, span) = match key {
            ObjectKey::Ident(ident) => (ident.as_str().to_owned(), ident.span()),
            ObjectKey::Expression(key) => (key.as_str().unwrap_or(COMPUTED_KEY).to_owned(), key.span()),
        };
        let at = place(lines, span);
        let body = entries(lines, value.expr());
        Item { name, labels: Vec::new(), at, form: Form::Argument, value: self::value(value.expr()), body }
    };
    object.iter().map(entry).collect()
}

fn value(expression: &Expression) -> Value {
    let literal = match expression.as_bool() {
        Some(true) => Literal::True,
        Some(false) => Literal::False,
        None => expression.as_str().map_or(Literal::Other, |text| Literal::Text(text.to_owned())),
    };
    let module_path = match path_argument(expression) {
        Argument::Module(rest) => Some(rest),
        Argument::Text(_) | Argument::Root(_) | Argument::Other => None,
    };
    let root = expression.as_traversal().map_or(expression, |traversal| &traversal.expr);
    let reference = root.as_variable().map(Ident::as_str).map(str::to_owned);
    Value { literal, reference, module_path, calls: Vec::new() }
}

fn place(lines: &Lines<'_>, span: Option<Range<usize>>) -> At {
    lines.at(span.map_or(0, |span| span.start))
}

#[cfg(test)]
mod tests {
    use super::super::Argument;
    use super::*;

    #[test]
    fn blocks_arguments_and_places() {
        let text = "resource \"a\" b {\n  x = \"y\"\n  in {\n    z = docker.eu\n  }\n}\n";
        let items = parse_native(text).expect("valid");
        assert_eq!(items[0].labels, ["a", "b"]);
        let inner = &items[0].body[1];
        assert_eq!((inner.name.as_str(), inner.at), ("in", At { line: 3, column: 3 }));
        assert_eq!(items[0].body[0].text(), Some("y"));
        assert_eq!(inner.body[0].value.reference.as_deref(), Some("docker"));
    }

    #[test]
    fn calls_are_found_wherever_they_hide() {
        let text = r#"
a = [for x in fileset(path.module, "*") : upper(x) if fileexists("${path.module}/b")]
b = "${file("c")} %{ if file("d") == "" }x%{ endif }"
c = { (file("e")) = core::file("f"), g = true ? file("g") : -length(file("h")) }
d = <<-EOT
  ${file((("i")))}
  EOT
e = x[file("j")].y[*].z
f = file(["k"]...)
"#;
        let items = parse_native(text).expect("valid");
        let mut calls = Vec::new();
        for item in &items {
            item.every_call(&mut calls);
        }
        let names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
        assert_eq!(names.iter().filter(|name| **name == "file").count(), 8, "{names:?}");
        assert!(names.contains(&"core::file") && names.contains(&"fileset") && names.contains(&"fileexists"));
        let first = |name: &str, line| calls.iter().find(|call| call.name == name && call.at.line == line);
        assert_eq!(first("fileset", 2).expect("there").arguments[0], Argument::Module(String::new()));
        assert_eq!(first("fileexists", 2).expect("there").arguments[0], Argument::Module("/b".into()));
        assert_eq!(first("file", 6).expect("there").arguments[0], Argument::Text("i".into()));
        assert_eq!(first("file", 9).expect("there").arguments[0], Argument::Other);
    }

    #[test]
    fn what_two_parsers_could_read_differently_is_refused() {
        let ambiguous = [
            "a = \"$$${file(\"x\")}\"\n",
            "a = \"%%%{ if true }\"\n",
            "a = <<EOT\nEOT # here\nb = 1\n",
            "a = <<EOT\nx\n\u{a0}EOT\nresource \"x\" \"y\" {}\nEOT\n",
        ];
        for text in ambiguous {
            assert!(parse_native(text).is_err(), "{text}");
        }
        for text in [
            "a = <<EOT\nx\nEOT\n",
            "a = <<-EOT\n  x ${y}\n  EOTS\n  EOT\nb = 1\n",
            "a = \"$${x}\"\n",
            "a = f(<<A\nA\n)\n",
        ] {
            assert!(parse_native(text).is_ok(), "{text} {:?}", parse_native(text));
        }
    }

    #[test]
    fn no_spelling_hides_a_call() {
        let spellings = [
            "a = \"\\\\${file(\"x\")}\"\n",
            "a = <<EOT\n\\${file(\"x\")}\nEOT\n",
            "a = \"${ /* } */ file(\"x\") }\"\n",
            "a = \"${~ file(\"x\") ~}\"\n",
            "a = \"${\"${file(\"x\")}\"}\"\n",
            "a = \"%{ for x in file(\"x\") }%{ endfor }\"\n",
            "a = \"%{ if true }%{ else }${file(\"x\")}%{ endif }\"\n",
            "a = (\n  # ) \n  file(\"x\")\n)\n",
            "a = b[\"${file(\"x\")}\"]\n",
            "a = [for k, v in { a = 1 } : k => v if file(\"x\")]\n",
            "/* a */ a = file(\"x\") // b\n",
            "a = \"$${b}${file(\"x\")}\"\n",
            "a = \"$$\"\nb = \"${file(\"x\")}\"\n",
        ];
        for text in spellings {
            let Ok(items) = parse_native(text) else { continue };
            let mut calls = Vec::new();
            items.iter().for_each(|item| item.every_call(&mut calls));
            assert_eq!(calls.len(), 1, "{text}");
        }
        let template = parse_template("\\${file(\"x\")} $${no} %{ if file(\"y\") == \"\" }%{ endif }").expect("valid");
        assert_eq!(template.len(), 2);
        for text in ["# a\rb = 1\n", "a = \"\u{0}\"\n", "a = 1 # \u{1b}\n"] {
            assert!(parse_native(text).is_err(), "{text:?}");
        }
        assert!(parse_native("a = 1 # b\r\nb = <<E\r\nx\r\nE\r\n").is_ok());
    }

    #[test]
    fn a_fault_has_its_place() {
        let fault = parse_native("a = 1\nb = = 2\n").expect_err("invalid");
        assert_eq!(fault.at.line, 2);
    }
}
