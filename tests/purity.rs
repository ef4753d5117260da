//! Only `src/shell` may name the runtime: everything else must run on any machine.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};

const RUNTIME: [&str; 7] =
    ["worker::", "js_sys", "web_sys", "wasm_bindgen", "getrandom::", "SystemTime", "Instant::"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_runtime_is_named_in_the_shell_alone() {
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    assert!(files.len() > 20, "the sources were not found");
    for file in files.iter().filter(|file| !file.starts_with("src/shell")) {
        let text = fs::read_to_string(file).unwrap();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let named = RUNTIME.iter().find(|name| line.contains(**name));
            assert!(named.is_none(), "{} names {named:?}", file.display());
        }
    }
}
