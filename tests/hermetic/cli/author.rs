//! `policy new` and `policy build`, as far as no compiler is needed.

use std::fs;
use std::path::Path;

use quarterdeck::cli::Exit;
use quarterdeck_tests::program::command;

use super::commands::said;

const LANGUAGES: [&str; 5] = ["rust", "python", "javascript", "go", "c"];

/// What the program says to it without any tool in reach: exit code, and stderr.
fn build(folder: &Path) -> (i32, String) {
    let output = command(folder, &["policy", "build", folder.to_str().unwrap()]).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn a_project_is_begun_in_each_language_and_a_missing_compiler_is_named_with_how_to_get_it() {
    let data = tempfile::tempdir().unwrap();
    let get = ["rustup target add", "pip install", "Node.js 18", "install Go 1.24", "apt-get install clang lld"];
    for (language, get) in LANGUAGES.into_iter().zip(get) {
        let folder = data.path().join(language);
        let new = format!("policy new --lang {language} web-{language} --path {}", folder.display());
        let (exit, text) = said(data.path(), &format!("{new} -o json")).await.unwrap();
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (exit, object["kind"].as_str(), object["language"].as_str()),
            (Exit::Done, Some("PolicyProject"), Some(language))
        );
        for file in object["files"].as_array().unwrap() {
            let text = fs::read_to_string(file.as_str().unwrap()).unwrap();
            assert!(!text.is_empty(), "{file}");
        }
        let readme = fs::read_to_string(folder.join("README.md")).unwrap();
        assert!(readme.contains(&format!("policy push web-{language}.wasm")) && readme.contains("**You need**"));

        let (exit, told) = build(&folder);
        assert_eq!(exit, 3, "{told}");
        assert!(told.contains("error: there is no ") && told.contains(get), "{told}");

        let again = said(data.path(), &new).await.unwrap_err();
        assert_eq!(again.exit, Exit::Usage);
        assert!(again.text().contains("nothing is overwritten"), "{}", again.text());
    }
}

#[tokio::test]
async fn a_name_that_is_none_is_refused_and_nothing_is_written() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("new");
    for name in ["Web", "web_keeper", "../web", "web-", "wit-bindgen"] {
        let new = format!("policy new --lang c {name} --path {}", folder.display());
        let refused = said(data.path(), &new).await.unwrap_err();
        assert_eq!(refused.exit, Exit::Usage, "{name}");
        assert!(refused.text().contains("is no name for a policy"), "{}", refused.text());
        assert!(!folder.exists(), "{name}");
    }
}

#[test]
fn a_folder_that_is_no_project_is_refused_with_where_and_why() {
    let data = tempfile::tempdir().unwrap();
    let (exit, told) = build(data.path());
    assert_eq!(exit, 2, "{told}");
    assert!(told.contains("read policy.yaml in") && told.contains("policy new"), "{told}");
    for manifest in
        ["name: web", "name: Web\nlanguage: c", "name: web\nlanguage: cobol", "name: web\nlanguage: c\nx: 1"]
    {
        fs::write(data.path().join("policy.yaml"), manifest).unwrap();
        let (exit, told) = build(data.path());
        assert_eq!(exit, 2, "{told}");
        assert!(told.contains("policy.yaml: "), "{told}");
    }
}
