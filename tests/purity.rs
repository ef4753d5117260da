//! Only `src/shell` may name the runtime: everything else must run on any machine.

use std::fs;
use std::path::Path;

fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
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
        let code: String = fs::read_to_string(file)
            .unwrap()
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .map(|line| format!("{line}\n"))
            .collect();
        for name in
            ["worker::", "js_sys", "web_sys", "wasm_bindgen", "getrandom::", "SystemTime", "Instant::"]
        {
            assert!(!code.contains(name), "{} names {name}", file.display());
        }
    }
}
