//! Scans every file below a folder and prints where and by which rule something was found: to see what rules do on real
//! text. `cargo run --release -p countersign-scan --example tree -- FOLDER [--rules FILE] [--show]`; `--show` prints
//! the lines, secrets included, so keep it to public text.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "an example reads files and the clock"
)]

use countersign_scan::{Place, Salt, Scanner};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = PathBuf::from(arguments.first().expect("a folder"));
    let rules = arguments
        .iter()
        .position(|a| a == "--rules")
        .map(|at| &arguments[at + 1]);
    let own;
    let start = Instant::now();
    let scanner = match rules {
        Some(file) => {
            let text = std::fs::read_to_string(file).expect("a readable rule file");
            own = Scanner::from_gitleaks(&text).unwrap_or_else(|error| panic!("{error}"));
            &own
        }
        None => Scanner::built_in(),
    };
    println!(
        "{} rules, loaded in {:?}",
        scanner.rules().count(),
        start.elapsed()
    );
    let mut files = Vec::new();
    collect(&folder, &mut files);
    files.sort();
    let show = arguments.iter().any(|a| a == "--show");
    report(scanner, &folder, &files, show);
}

fn report(scanner: &Scanner, folder: &Path, files: &[PathBuf], show: bool) {
    let salt = Salt::new([0; 32]);
    let (mut bytes, mut rules, mut skipped) = (0, BTreeMap::<String, usize>::new(), 0);
    let mut spent = Duration::ZERO;
    for file in files {
        let Ok(content) = std::fs::read(file) else {
            continue;
        };
        bytes += content.len();
        let name = file.strip_prefix(folder).unwrap_or(file).to_string_lossy();
        let start = Instant::now();
        let scan = scanner.scan_named(name.as_bytes(), &content, &salt);
        spent += start.elapsed();
        skipped += scan.skipped.len();
        for hit in scan.hits {
            *rules.entry(hit.rule.clone()).or_default() += 1;
            println!("{name} {:?} {}", hit.place, hit.rule);
            if let (true, Place::Text { line, column, .. }) = (show, hit.place) {
                let text = content
                    .split(|b| *b == b'\n')
                    .nth(line as usize - 1)
                    .unwrap_or_default();
                let from = (column as usize).saturating_sub(60).min(text.len());
                println!(
                    "    {}",
                    String::from_utf8_lossy(&text[from..text.len().min(from + 160)])
                );
            }
        }
    }
    let hits: usize = rules.values().sum();
    let megabytes = bytes as f64 / 1e6;
    println!(
        "{} files, {megabytes:.1} MB, {hits} hits ({:.2} per MB), {skipped} left out, {:.0} MB/s",
        files.len(),
        hits as f64 / megabytes,
        megabytes / spent.as_secs_f64()
    );
    println!("{rules:?}");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && entry.file_name() != ".git" && entry.file_name() != "target" {
            collect(&entry.path(), files);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
}
