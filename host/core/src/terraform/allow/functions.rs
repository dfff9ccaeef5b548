//! Which functions expressions may call.
//!
//! Functions that compute are allowed. Those that read files are allowed where their path is written out and leads to a
//! file of the mission; a path that is known only when Terraform runs could lead anywhere. Templates are files that can
//! call functions themselves, so each is read too. Everything else is refused: functions of providers run their code.

use super::super::syntax::{Argument, Call};

/// Terraform 1.11's functions (`terraform metadata functions`) that only compute. Left out: those that read files, and
/// `templatestring`, which runs whatever text it is given.
const PURE: &[&str] = &[
    "abs",
    "abspath",
    "alltrue",
    "anytrue",
    "base64decode",
    "base64encode",
    "base64gzip",
    "base64sha256",
    "base64sha512",
    "basename",
    "bcrypt",
    "can",
    "ceil",
    "chomp",
    "chunklist",
    "cidrhost",
    "cidrnetmask",
    "cidrsubnet",
    "cidrsubnets",
    "coalesce",
    "coalescelist",
    "compact",
    "concat",
    "contains",
    "csvdecode",
    "dirname",
    "distinct",
    "element",
    "endswith",
    "ephemeralasnull",
    "flatten",
    "floor",
    "format",
    "formatdate",
    "formatlist",
    "indent",
    "index",
    "issensitive",
    "join",
    "jsondecode",
    "jsonencode",
    "keys",
    "length",
    "list",
    "log",
    "lookup",
    "lower",
    "map",
    "matchkeys",
    "max",
    "md5",
    "merge",
    "min",
    "nonsensitive",
    "one",
    "parseint",
    "plantimestamp",
    "pow",
    "range",
    "regex",
    "regexall",
    "replace",
    "reverse",
    "rsadecrypt",
    "sensitive",
    "setintersection",
    "setproduct",
    "setsubtract",
    "setunion",
    "sha1",
    "sha256",
    "sha512",
    "signum",
    "slice",
    "sort",
    "split",
    "startswith",
    "strcontains",
    "strrev",
    "substr",
    "sum",
    "textdecodebase64",
    "textencodebase64",
    "timeadd",
    "timecmp",
    "timestamp",
    "title",
    "tobool",
    "tolist",
    "tomap",
    "tonumber",
    "toset",
    "tostring",
    "transpose",
    "trim",
    "trimprefix",
    "trimspace",
    "trimsuffix",
    "try",
    "type",
    "upper",
    "urlencode",
    "uuid",
    "uuidv5",
    "values",
    "yamldecode",
    "yamlencode",
    "zipmap",
];

/// Functions that read one file.
const READS_FILE: &[&str] = &[
    "file",
    "filebase64",
    "filebase64sha256",
    "filebase64sha512",
    "fileexists",
    "filemd5",
    "filesha1",
    "filesha256",
    "filesha512",
];

/// What `type = …` of a variable may be made of.
const TYPES: &[&str] = &["list", "set", "map", "object", "tuple", "optional"];

/// What a call needs to be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Allowed,
    /// That this file of the mission exists.
    ReadsFile(String),
    /// That this file of the mission exists, and that the calls in it are allowed.
    ReadsTemplate(String),
    /// It is refused.
    Refused(String),
}

/// Judges a call in the module in `folder`.
pub(super) fn judge(call: &Call, folder: &str) -> Verdict {
    let name = call.name.as_str();
    if PURE.contains(&name) {
        return Verdict::Allowed;
    }
    let path = || match call.arguments.first().map(|argument| resolve(argument, folder)) {
        Some(Some(path)) => Ok(path),
        Some(None) | None => Err(Verdict::Refused(format!(
            "{name}() needs a path that is written out and stays in the mission's folder, like \"${{path.module}}/x\""
        ))),
    };
    match name {
        name if READS_FILE.contains(&name) => path().map_or_else(|refused| refused, Verdict::ReadsFile),
        "templatefile" => path().map_or_else(|refused| refused, Verdict::ReadsTemplate),
        "fileset" => match (path(), call.arguments.get(1)) {
            (Err(refused), _) => refused,
            (Ok(_), Some(Argument::Text(pattern))) if pattern_stays(pattern) => Verdict::Allowed,
            (Ok(_), _) => {
                Verdict::Refused("fileset() needs a pattern that is written out, without .. or braces".into())
            }
        },
        name if name.contains("::") => {
            Verdict::Refused(format!("{name}() is refused: functions with a namespace may run a provider's code"))
        }
        name => Verdict::Refused(format!("the function {name}() is not allowed")),
    }
}

/// Whether a call in a variable's `type` is one of the type constructors.
pub(super) fn is_type_constructor(call: &Call) -> bool {
    TYPES.contains(&call.name.as_str())
}

fn pattern_stays(pattern: &str) -> bool {
    !pattern.starts_with('/')
        && !pattern.contains("..")
        && !pattern.contains(['{', '\\', '['])
        && !pattern.contains(".terraform")
}

fn resolve(argument: &Argument, folder: &str) -> Option<String> {
    match argument {
        // Terraform runs in the root module's folder, so a plain path starts there.
        Argument::Text(path) => join("", path),
        Argument::Root(rest) if rest.is_empty() || rest.starts_with('/') => join("", rest.trim_start_matches('/')),
        Argument::Module(rest) if rest.is_empty() || rest.starts_with('/') => {
            join(folder, rest.trim_start_matches('/'))
        }
        Argument::Root(_) | Argument::Module(_) | Argument::Other => None,
    }
}

/// A path relative to the mission's folder; `None` where it leads out of it.
pub(super) fn join(folder: &str, path: &str) -> Option<String> {
    if path.starts_with(['/', '~']) || path.contains(['\\', '\0']) {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(name: &str, argument: Argument) -> Verdict {
        let at = super::super::super::syntax::At::START;
        judge(&Call { name: name.into(), at, arguments: vec![argument] }, "m/n")
    }

    #[test]
    fn paths_are_resolved_inside_the_folder() {
        let read = |path: &str| Verdict::ReadsFile(path.into());
        assert_eq!(judged("file", Argument::Text("a/../b.txt".into())), read("b.txt"));
        assert_eq!(judged("file", Argument::Module("/x".into())), read("m/n/x"));
        assert_eq!(judged("file", Argument::Module("/../x".into())), read("m/x"));
        assert_eq!(judged("file", Argument::Root("/x".into())), read("x"));
        let out = ["/etc/passwd", "../x", "a/../../x", "~/.ssh/id", "a\\b"];
        for path in out {
            assert!(matches!(judged("file", Argument::Text(path.into())), Verdict::Refused(_)), "{path}");
        }
        for rest in ["/../../../x", "x", "../x"] {
            assert!(matches!(judged("file", Argument::Module(rest.into())), Verdict::Refused(_)), "{rest}");
        }
        assert!(matches!(judged("file", Argument::Other), Verdict::Refused(_)));
    }

    #[test]
    fn functions_that_run_foreign_code_are_refused() {
        for name in ["provider::docker::x", "core::file", "templatestring", "pathexpand", "nope", "filenope"] {
            assert!(matches!(judged(name, Argument::Text("x".into())), Verdict::Refused(_)), "{name}");
        }
        assert_eq!(judged("upper", Argument::Other), Verdict::Allowed);
    }

    #[test]
    fn filesets_keep_their_pattern_inside() {
        let at = super::super::super::syntax::At::START;
        let fileset = |pattern: &str| {
            let arguments = vec![Argument::Module(String::new()), Argument::Text(pattern.into())];
            judge(&Call { name: "fileset".into(), at, arguments }, "m")
        };
        assert_eq!(fileset("conf/**"), Verdict::Allowed);
        for pattern in ["../*", "/etc/*", "a/../../*", "{..,.}/*", "[.][.]/*"] {
            assert!(matches!(fileset(pattern), Verdict::Refused(_)), "{pattern}");
        }
    }
}
