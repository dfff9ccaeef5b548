//! Whether a component has the shape of the contract, and where it first differs.
//!
//! The engine checks this too, when it links, but says it badly: an unknown import "has the wrong type", and a version
//! that is off by one is "not found". An author who built against another version of the contract deserves one
//! sentence that names the field. So names are compared first, then each function's type, part by part, against
//! `wit/policy.wit` itself, whose text is compiled into the host. More exports than the contract has are allowed (two
//! of the five languages tried add one); an import that no profile gives is not. Which profile a component asks for follows
//! from its imports alone, so nobody has to declare it and nobody can declare it wrongly.

use std::sync::LazyLock;

use quarterdeck_core::upload::Profile;
use wasmtime::component::types::{ComponentFunc, ComponentInstance, ComponentItem, Type as Has};
use wasmtime::{Engine, component::Component};
use wit_parser::{Function, Interface, Resolve, Type as Wants, TypeDefKind};

use super::guest::shorten;
use super::structure::Outside;
use super::wasi::{self, Given};

const CONTRACT: &str = include_str!("../../../wit/policy.wit");
const DECIDER: &str = "quarterdeck:policy/decider";
const PACKAGE: &str = "quarterdeck:policy/";
/// The interfaces that the host gives. `types` holds no function: a component names it to share its types.
const GIVEN: [&str; 2] = ["logging", "types"];
/// Names shown of a list that may be long.
const NAMES_SHOWN_MAX: usize = 5;

/// How a component differs from the contract.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Mismatch {
    /// Its decider is of another version.
    #[error("this component exports {has}; this host speaks {speaks}")]
    Version {
        /// The export's own name.
        has: String,
        /// The version of the contract.
        speaks: String,
    },
    /// It has no decider.
    #[error("this component exports no {DECIDER}; it exports {0}")]
    NoDecider(String),
    /// It wants what no profile gives.
    #[error("this component imports {0}, which no profile gives")]
    Foreign(String),
    /// It wants an interface that a profile gives, but of another version.
    #[error("this component imports {has}; this host gives {gives}")]
    ForeignVersion {
        /// The import's own name.
        has: String,
        /// The interface as the host has it.
        gives: String,
    },
    /// A function or type differs.
    #[error("`{at}` is {has} where the contract has {wants}")]
    Type {
        /// The path to the first difference.
        at: String,
        /// What the component has there.
        has: String,
        /// What the contract has there.
        wants: String,
    },
}

/// The contract, parsed from its text.
struct Contract {
    resolve: Resolve,
    version: String,
}

static OURS: LazyLock<Contract> = LazyLock::new(|| {
    let mut resolve = Resolve::default();
    let package = resolve.push_source("policy.wit", CONTRACT).expect("the bindings were generated from this text");
    let version = resolve.packages[package].name.version.as_ref().expect("the contract has a version").to_string();
    Contract { resolve, version }
});

/// Compares the names of what a component takes and gives, and tells which profile it asks for.
pub(super) fn compare_names(outside: &Outside) -> Result<Profile, Mismatch> {
    let version = &OURS.version;
    let decider = format!("{DECIDER}@{version}");
    if !outside.exports.contains(&decider) {
        let of_another_version = |name: &&String| name.split('@').next() == Some(DECIDER);
        return Err(match outside.exports.iter().find(of_another_version) {
            Some(has) => Mismatch::Version { has: shorten(has), speaks: version.clone() },
            None => Mismatch::NoDecider(names(&outside.exports)),
        });
    }
    let given = |name: &String| GIVEN.iter().any(|given| *name == format!("{PACKAGE}{given}@{version}"));
    let foreign: Vec<&String> = outside.imports.iter().filter(|name| !given(name)).collect();
    let of_another_version = |name: &&&String| {
        name.strip_prefix(PACKAGE).and_then(|rest| rest.split('@').next()).is_some_and(|name| GIVEN.contains(&name))
    };
    if let Some(has) = foreign.iter().find(of_another_version) {
        let gives = format!("{}@{version}", has.split('@').next().unwrap_or_default());
        return Err(Mismatch::ForeignVersion { has: shorten(has), gives });
    }
    if foreign.is_empty() {
        return Ok(Profile::Pure);
    }
    let unknown: Vec<String> =
        foreign.iter().filter(|name| wasi::given(name) == Given::No).map(|name| (*name).clone()).collect();
    if !unknown.is_empty() {
        return Err(Mismatch::Foreign(names(&unknown)));
    }
    match foreign.iter().find(|name| wasi::given(name) == Given::OtherVersion) {
        Some(has) => {
            let gives = format!("{}@0.2", has.split('@').next().unwrap_or_default());
            Err(Mismatch::ForeignVersion { has: shorten(has), gives })
        }
        None => Ok(Profile::Wasi),
    }
}

fn names(all: &[String]) -> String {
    let shown = all.iter().take(NAMES_SHOWN_MAX).map(|name| shorten(name)).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMES_SHOWN_MAX) {
        _ if all.is_empty() => "nothing".to_owned(),
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Compares the functions that a component takes and gives, whose names were compared before.
pub(super) fn compare_types(engine: &Engine, component: &Component) -> Result<(), Mismatch> {
    let version = &OURS.version;
    let ty = component.component_type();
    let decider = ty.get_export(engine, &format!("{DECIDER}@{version}")).map(|found| found.ty);
    let decider = instance("decider", decider.as_ref())?;
    for function in interface("decider").functions.values() {
        let has = decider.get_export(engine, &function.name).map(|found| found.ty);
        compare_function("", function, has.as_ref())?;
    }
    let name = format!("{PACKAGE}logging@{version}");
    let Some(logging) = ty.get_import(engine, &name).map(|found| found.ty) else { return Ok(()) };
    let given = interface("logging");
    for (name, item) in instance("logging", Some(&logging))?.exports(engine) {
        match (given.functions.get(name), &item.ty) {
            (Some(function), has) => compare_function("logging.", function, Some(has))?,
            (None, ComponentItem::Type(_)) => {}
            (None, has) => return Err(differs(&format!("logging.{}", shorten(name)), item_kind(has), "nothing")),
        }
    }
    Ok(())
}

fn interface(name: &str) -> &'static Interface {
    let found = OURS.resolve.interfaces.iter().find(|(_, interface)| interface.name.as_deref() == Some(name));
    found.expect("the contract has this interface").1
}

fn instance<'a>(at: &str, item: Option<&'a ComponentItem>) -> Result<&'a ComponentInstance, Mismatch> {
    match item {
        Some(ComponentItem::ComponentInstance(instance)) => Ok(instance),
        Some(other) => Err(differs(at, item_kind(other), "an interface")),
        None => Err(differs(at, "missing", "an interface")),
    }
}

fn compare_function(prefix: &str, wants: &Function, has: Option<&ComponentItem>) -> Result<(), Mismatch> {
    let at = format!("{prefix}{}", wants.name);
    let has: &ComponentFunc = match has {
        Some(ComponentItem::ComponentFunc(function)) => function,
        Some(other) => return Err(differs(&at, item_kind(other), "a function")),
        None => return Err(differs(&at, "missing", "a function")),
    };
    if has.params().len() != wants.params.len() {
        let count = |n: usize| format!("a function of {n} parameters");
        return Err(differs(&at, &count(has.params().len()), &count(wants.params.len())));
    }
    for ((name, has), wants) in has.params().zip(&wants.params) {
        // The name is not part of a match, so a difference in the type is told by the contract's name.
        let whole = if name == wants.name { &wants.name } else { name };
        compare(&format!("{at}({})", shorten(whole)), &has, &wants.ty)?;
    }
    let mut results = has.results();
    match (results.next(), &wants.result) {
        (Some(has), Some(wants)) => compare(&format!("{at}()"), &has, wants),
        (None, None) => Ok(()),
        (Some(has), None) => Err(differs(&format!("{at}()"), kind(&has), "nothing")),
        (None, Some(wants)) => Err(differs(&format!("{at}()"), "nothing", &wanted(wants))),
    }
}

/// Finds the first difference between a type and the contract's.
fn compare(at: &str, has: &Has, wants: &Wants) -> Result<(), Mismatch> {
    let Wants::Id(id) = wants else { return compare_plain(at, has, wants) };
    let definition = &OURS.resolve.types[*id];
    let other = || Err(differs(at, kind(has), &wanted(wants)));
    match (&definition.kind, has) {
        (TypeDefKind::Type(alias), has) => compare(at, has, alias),
        (TypeDefKind::List(element), Has::List(list)) => compare(&format!("{at}[]"), &list.ty(), element),
        (TypeDefKind::Option(inner), Has::Option(option)) => compare(at, &option.ty(), inner),
        (TypeDefKind::Result(wants), Has::Result(result)) => {
            compare_case(&format!("{at}.ok"), result.ok(), wants.ok)?;
            compare_case(&format!("{at}.error"), result.err(), wants.err)
        }
        (TypeDefKind::Record(wants), Has::Record(record)) => {
            let has: Vec<(&str, Option<Has>)> = record.fields().map(|field| (field.name, Some(field.ty))).collect();
            let wants = wants.fields.iter().map(|field| (field.name.as_str(), Some(field.ty)));
            compare_parts(at, "field", has, wants.collect())
        }
        (TypeDefKind::Variant(wants), Has::Variant(variant)) => {
            let has = variant.cases().map(|case| (case.name, case.ty)).collect();
            compare_parts(at, "case", has, wants.cases.iter().map(|case| (case.name.as_str(), case.ty)).collect())
        }
        (TypeDefKind::Enum(wants), Has::Enum(choice)) => {
            let has = choice.names().map(|name| (name, None)).collect();
            compare_parts(at, "case", has, wants.cases.iter().map(|case| (case.name.as_str(), None)).collect())
        }
        // Everything else is either another kind than the contract has, or a kind that the contract does not use.
        _ => other(),
    }
}

fn compare_plain(at: &str, has: &Has, wants: &Wants) -> Result<(), Mismatch> {
    let same = matches!(
        (has, wants),
        (Has::Bool, Wants::Bool)
            | (Has::U8, Wants::U8)
            | (Has::U16, Wants::U16)
            | (Has::U32, Wants::U32)
            | (Has::U64, Wants::U64)
            | (Has::String, Wants::String)
    );
    if same { Ok(()) } else { Err(differs(at, kind(has), &wanted(wants))) }
}

fn compare_case(at: &str, has: Option<Has>, wants: Option<Wants>) -> Result<(), Mismatch> {
    match (has, wants) {
        (Some(has), Some(wants)) => compare(at, &has, &wants),
        (None, None) => Ok(()),
        (Some(has), None) => Err(differs(at, kind(&has), "nothing")),
        (None, Some(wants)) => Err(differs(at, "nothing", &wanted(&wants))),
    }
}

/// Fields or cases, which are matched by order and name.
fn compare_parts(
    at: &str,
    part: &str,
    has: Vec<(&str, Option<Has>)>,
    wants: Vec<(&str, Option<Wants>)>,
) -> Result<(), Mismatch> {
    let mut has = has.into_iter();
    for (name, wants) in wants {
        match has.next() {
            Some((found, ty)) if found == name => compare_case(&format!("{at}.{name}"), ty, wants)?,
            Some((found, _)) => {
                return Err(differs(at, &format!("with the {part} `{}`", shorten(found)), &format!("`{name}`")));
            }
            None => return Err(differs(at, &format!("without the {part} `{name}`"), "it")),
        }
    }
    match has.next() {
        Some((found, _)) => Err(differs(at, &format!("with the {part} `{}`", shorten(found)), "no more")),
        None => Ok(()),
    }
}

fn differs(at: &str, has: &str, wants: &str) -> Mismatch {
    Mismatch::Type { at: at.to_owned(), has: has.to_owned(), wants: wants.to_owned() }
}

/// A type of the contract in a word: its kind, and its name where it has one.
fn wanted(wants: &Wants) -> String {
    let Wants::Id(id) = wants else { return format!("`{}`", format!("{wants:?}").to_lowercase()) };
    let definition = &OURS.resolve.types[*id];
    match (&definition.name, &definition.kind) {
        (_, TypeDefKind::Type(alias)) => wanted(alias),
        (Some(name), kind) => format!("{} `{name}`", kind.as_str()),
        (None, kind) => format!("a {}", kind.as_str()),
    }
}

/// A type of a component in a word.
fn kind(has: &Has) -> &'static str {
    match has {
        Has::Bool => "`bool`",
        Has::S8 => "`s8`",
        Has::U8 => "`u8`",
        Has::S16 => "`s16`",
        Has::U16 => "`u16`",
        Has::S32 => "`s32`",
        Has::U32 => "`u32`",
        Has::S64 => "`s64`",
        Has::U64 => "`u64`",
        Has::Float32 => "`f32`",
        Has::Float64 => "`f64`",
        Has::Char => "`char`",
        Has::String => "`string`",
        Has::List(_) => "a list",
        Has::Record(_) => "a record",
        Has::Tuple(_) => "a tuple",
        Has::Variant(_) => "a variant",
        Has::Enum(_) => "an enum",
        Has::Option(_) => "an option",
        Has::Result(_) => "a result",
        Has::Flags(_) => "flags",
        Has::Own(_) | Has::Borrow(_) => "a resource",
        Has::Map(_) | Has::Future(_) | Has::Stream(_) | Has::ErrorContext | Has::FixedLengthList(_) => {
            "a type that the contract does not use"
        }
    }
}

fn item_kind(item: &ComponentItem) -> &'static str {
    match item {
        ComponentItem::ComponentFunc(_) | ComponentItem::CoreFunc(_) => "a function",
        ComponentItem::Module(_) => "a core module",
        ComponentItem::Component(_) => "a component",
        ComponentItem::ComponentInstance(_) => "an interface",
        ComponentItem::Type(_) => "a type",
        ComponentItem::Resource(_) => "a resource",
    }
}
