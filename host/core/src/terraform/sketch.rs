//! What a mission's files would make, as far as a look at them tells: for rehearsals, where no Terraform runs.
//!
//! A sketch evaluates nothing. It knows the resources of the root module by type and label, and the arguments that are
//! plain texts. A resource without a plain `name` is called by its label.

use super::FileSet;
use super::syntax::{Item, parse_native};
use crate::order::ObjectKind;

/// A resource of the root module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch {
    /// Its address, such as `docker_network.private`.
    pub address: String,
    /// Its type.
    pub type_name: String,
    /// The label that the author gave it.
    pub label: String,
    /// What it is on the engine; none for a type that makes nothing there.
    pub kind: Option<ObjectKind>,
    /// Its name, or its label where the name is no plain text.
    pub name: String,
    /// The arguments that are plain texts, by name.
    pub texts: Vec<(String, String)>,
}

/// The resources of the root module, by address.
pub fn sketch(files: &FileSet) -> Vec<Sketch> {
    let mut sketches: Vec<Sketch> = files
        .in_folder("")
        .filter(|(name, _)| name.ends_with(".tf"))
        .filter_map(|(_, file)| parse_native(std::str::from_utf8(&file.bytes).ok()?).ok())
        .flatten()
        .filter(|item| item.name == "resource")
        .filter_map(|item| resource(&item))
        .collect();
    sketches.sort_by(|a, b| a.address.cmp(&b.address));
    sketches.dedup_by(|a, b| a.address == b.address);
    sketches
}

fn resource(item: &Item) -> Option<Sketch> {
    let [type_name, label] = item.labels.as_slice() else { return None };
    let mut texts: Vec<(String, String)> =
        item.body.iter().filter_map(|argument| Some((argument.name.clone(), argument.text()?.to_owned()))).collect();
    texts.sort();
    let name = texts.iter().find(|(key, _)| key == "name").map_or(label, |(_, name)| name).clone();
    let kind = match type_name.as_str() {
        "docker_network" => Some(ObjectKind::Network),
        "docker_container" => Some(ObjectKind::Container),
        "docker_image" => Some(ObjectKind::Image),
        "docker_volume" => Some(ObjectKind::Volume),
        _ => None,
    };
    let address = format!("{type_name}.{label}");
    Some(Sketch { address, type_name: type_name.clone(), label: label.clone(), kind, name, texts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terraform::files::File;

    #[test]
    fn a_sketch_knows_plain_names_and_falls_back_to_labels() {
        let text = r#"
            resource "docker_network" "private" { name = "web-private" }
            resource "docker_container" "web" { name = var.name }
            resource "terraform_data" "x" {}
        "#;
        let files = FileSet::new(vec![File { path: "main.tf".into(), bytes: text.into() }]).unwrap();
        let found: Vec<_> = sketch(&files).into_iter().map(|s| (s.address, s.kind, s.name)).collect();
        assert_eq!(
            found,
            [
                ("docker_container.web".into(), Some(ObjectKind::Container), "web".into()),
                ("docker_network.private".into(), Some(ObjectKind::Network), "web-private".into()),
                ("terraform_data.x".into(), None, "x".into()),
            ]
        );
    }
}
