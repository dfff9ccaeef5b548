//! One small tree for Terraform's two languages.
//!
//! Terraform reads `*.tf` in HCL's native syntax and `*.tf.json` in its JSON syntax; both say the same. The rules of
//! [`super::allow`] are written once, over this tree, which keeps just what they ask for: names, labels, places, literal
//! values and the function calls that hide in expressions.
//!
//! Where our parser could understand a text otherwise than Terraform's (a heredoc's end, three dollar signs), the text is
//! refused as ambiguous: a difference between two parsers is where something hides.

mod calls;
mod json;
mod json_tree;
mod native;

pub use calls::{Argument, Call};
pub use json::parse_json;
pub use native::{parse_native, parse_template};

/// A place in a file: line and column from 1, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

impl At {
    /// The first character of a file.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// The lines of a text, to find places in it quickly: files come from outside and may have a hundred thousand items.
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

/// Beyond this many bytes into a line, columns count bytes: nobody reads them, and counting would be quadratic.
const COLUMN_EXACT_BYTES_MAX: usize = 4096;

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(end, _)| end + 1)).collect();
        Self { text, starts }
    }

    /// The place of a byte offset.
    pub(crate) fn at(&self, offset: usize) -> At {
        let offset = offset.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        let exact = self.text.get(start..offset).filter(|before| before.len() <= COLUMN_EXACT_BYTES_MAX);
        let before = exact.map_or(offset - start, |before| before.chars().count());
        At { line: saturate(line), column: saturate(before + 1) }
    }
}

pub(crate) fn saturate(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A text that is no Terraform configuration, or one that two parsers could read differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxFault {
    /// Where.
    pub at: At,
    /// What, as a sentence that says what to do.
    pub message: String,
}

/// Whether an item was written as a block or as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `name { … }`
    Block,
    /// `name = …`
    Argument,
    /// A JSON object, which only the provider's schema makes one of the two.
    Either,
}

/// A block or an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its keyword or name.
    pub name: String,
    /// A block's labels; in JSON they are the keys of nested objects.
    pub labels: Vec<String>,
    /// Where its name stands.
    pub at: At,
    /// How it was written.
    pub form: Form,
    /// The value of an argument.
    pub value: Value,
    /// What stands inside a block, or inside an object with plain keys.
    pub body: Vec<Item>,
}

/// What the rules want to know of an expression.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Value {
    /// The value, where it is a literal.
    pub literal: Literal,
    /// The first word of a reference like `docker.eu`.
    pub reference: Option<String>,
    /// The rest behind `${path.module}`, where the value is `"${path.module}…"`.
    pub module_path: Option<String>,
    /// All function calls inside, at any depth.
    pub calls: Vec<Call>,
}

/// A literal value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Literal {
    /// A string without interpolation.
    Text(String),
    /// `true`
    True,
    /// `false`
    False,
    /// Everything else.
    #[default]
    Other,
}

impl Item {
    /// The literal string of this argument.
    pub fn text(&self) -> Option<&str> {
        match &self.value.literal {
            Literal::Text(text) => Some(text),
            Literal::True | Literal::False | Literal::Other => None,
        }
    }

    /// Whether this argument is a literal `true`.
    pub fn is_true(&self) -> bool {
        self.value.literal == Literal::True
    }

    /// Whether this argument is a literal `false`.
    pub fn is_false(&self) -> bool {
        self.value.literal == Literal::False
    }

    /// The items of that name in the body.
    pub fn inside<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Item> {
        self.body.iter().filter(move |item| item.name == name)
    }

    /// All calls in this item and below it. An argument knows the calls of its whole expression already.
    pub fn every_call<'a>(&'a self, found: &mut Vec<&'a Call>) {
        found.extend(&self.value.calls);
        if self.form != Form::Argument {
            for item in &self.body {
                item.every_call(found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{At, Lines};

    #[test]
    fn places_count_characters() {
        assert_eq!(Lines::new("ab\nüx").at(5), At { line: 2, column: 2 });
        assert_eq!(Lines::new("").at(0), At::START);
        assert_eq!(Lines::new("a").at(9), At { line: 1, column: 2 });
    }
}
