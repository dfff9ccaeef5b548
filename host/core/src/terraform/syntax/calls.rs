//! Finding every function call in an expression, and what its arguments say of paths.

use hcl_edit::expr::{Expression, FuncCall, Traversal, TraversalOperator};
use hcl_edit::template::{Element, ForTemplateExpr, Template};
use hcl_edit::visit::{Visit, visit_for_template_expr, visit_func_call};
use hcl_edit::{Ident, Span as _};

use super::At;

/// A function call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The name, with its namespace: `file`, `core::file`, `provider::docker::x`.
    pub name: String,
    /// Where.
    pub at: At,
    /// The arguments, as far as they say something of paths.
    pub arguments: Vec<Argument>,
}

/// An argument of a call, read as a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A literal.
    Text(String),
    /// `path.module`, or `"${path.module}…"` with the literal rest.
    Module(String),
    /// `path.root`, or `"${path.root}…"` with the literal rest.
    Root(String),
    /// Anything else: known only when Terraform runs.
    Other,
}

/// All calls below an expression; `place` tells where an offset of the text is.
pub(super) fn calls_in(expression: &Expression, place: &dyn Fn(usize) -> At) -> Vec<Call> {
    let mut finder = Finder { place, found: Vec::new() };
    finder.visit_expr(expression);
    finder.found
}

/// All calls below a template.
pub(super) fn calls_in_template(template: &Template, place: &dyn Fn(usize) -> At) -> Vec<Call> {
    let mut finder = Finder { place, found: Vec::new() };
    finder.visit_template(template);
    finder.found
}

struct Finder<'a> {
    place: &'a dyn Fn(usize) -> At,
    found: Vec<Call>,
}

impl Visit for Finder<'_> {
    fn visit_func_call(&mut self, call: &FuncCall) {
        let name = &call.name;
        let mut full: Vec<&str> = name.namespace.iter().map(|part| part.as_str()).collect();
        full.push(name.name.as_str());
        let mut arguments: Vec<Argument> = call.args.iter().map(path_argument).collect();
        if call.args.expand_final() {
            arguments.pop();
            arguments.push(Argument::Other);
        }
        let at = (self.place)(name.name.span().or(call.span()).map_or(0, |span| span.start));
        self.found.push(Call { name: full.join("::"), at, arguments });
        visit_func_call(self, call);
    }

    // hcl-edit 0.10 passes over what `%{ for x in … }` iterates over.
    fn visit_for_template_expr(&mut self, directive: &ForTemplateExpr) {
        self.visit_expr(&directive.collection_expr);
        visit_for_template_expr(self, directive);
    }
}

/// An expression, read as a path.
pub(super) fn path_argument(expression: &Expression) -> Argument {
    if let Some(inner) = expression.as_parenthesis() {
        return path_argument(inner.inner());
    }
    if let Some(text) = expression.as_str() {
        return Argument::Text(text.to_owned());
    }
    if let Some(traversal) = expression.as_traversal() {
        return rooted(traversal, String::new());
    }
    match expression.as_string_template() {
        Some(template) => argument_of_template(template),
        None => Argument::Other,
    }
}

/// `${path.module}` or `${path.root}`, followed by nothing or one literal.
fn argument_of_template(template: &Template) -> Argument {
    let elements: Vec<&Element> = template.iter().collect();
    let (first, rest) = match elements.as_slice() {
        [first] => (first, String::new()),
        [first, Element::Literal(rest)] => (first, rest.as_str().to_owned()),
        _other => return Argument::Other,
    };
    match first {
        Element::Interpolation(interpolation) => match interpolation.expr.as_traversal() {
            Some(traversal) => rooted(traversal, rest),
            None => Argument::Other,
        },
        Element::Literal(_) | Element::Directive(_) => Argument::Other,
    }
}

fn rooted(traversal: &Traversal, rest: String) -> Argument {
    match reference(traversal) {
        Some(("path", "module")) => Argument::Module(rest),
        Some(("path", "root")) => Argument::Root(rest),
        Some(_) | None => Argument::Other,
    }
}

/// A reference of exactly two words, like `path.module`.
fn reference(traversal: &Traversal) -> Option<(&str, &str)> {
    let first = traversal.expr.as_variable().map(Ident::as_str)?;
    match traversal.operators.as_slice() {
        [operator] => {
            let TraversalOperator::GetAttr(second) = operator.value() else { return None };
            Some((first, second.as_str()))
        }
        _more => None,
    }
}
