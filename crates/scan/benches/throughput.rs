//! How fast text is scanned: `cargo bench -p countersign-scan`. The corpus is this repository's own text, repeated;
//! beside it stands the obvious alternative, every expression over the whole text, on a smaller sample.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a bench reads files and the clock"
)]

use countersign_scan::{Salt, Scanner};
use serde::Deserialize;
use std::fmt::Write as _;
use std::path::Path;
use std::slice;
use std::sync::LazyLock;
use std::time::Instant;

/// Bytes of the corpus; files are repeated until they make up so many.
const CORPUS: usize = 64_000_000;

/// Bytes of the sample for the alternatives.
const SAMPLE: usize = 1_000_000;

fn main() {
    let start = Instant::now();
    let scanner = Scanner::built_in();
    let loaded = start.elapsed();
    let _ = scanner.scan(b"password = \"\"", &Salt::new([0; 32]));
    println!(
        "{} rules; load {loaded:.1?}, first scan {:.1?}",
        scanner.rules().count(),
        start.elapsed()
    );

    let files = corpus();
    let bytes: usize = files.iter().map(Vec::len).sum();
    let whole: Vec<u8> = files.concat();
    let rate = measure(&files, scanner, 5);
    println!(
        "{} files, {} MB, file by file: {rate:.0} MB/s",
        files.len(),
        bytes / 1_000_000
    );
    println!(
        "the same as one text: {:.0} MB/s",
        measure(slice::from_ref(&whole), scanner, 5)
    );

    let sample = [whole[..SAMPLE].to_vec()];
    let mine = measure(&sample, scanner, 200);
    println!("sample of {} MB: {mine:.0} MB/s", SAMPLE / 1_000_000);
    for (name, keywords) in [
        ("every expression over the text", false),
        ("the same behind keywords per text", true),
    ] {
        let (count, rules) = as_rule_file(keywords);
        let other = Scanner::from_gitleaks(&rules).expect("a readable rule file");
        let rate = measure(&sample, &other, 10);
        println!(
            "{name} ({count} rules): {rate:.1} MB/s, {:.0} times slower",
            mine / rate
        );
    }
}

/// Megabytes a second of processor time, as the kernel counts it for this process (in hundredths of a second, hence the
/// rounds): what other work on the machine takes away doesn't count. Where there is no such count, of the clock.
fn measure(texts: &[Vec<u8>], scanner: &Scanner, rounds: usize) -> f64 {
    let salt = Salt::new([0; 32]);
    let start = processor_seconds();
    for text in (0..rounds).flat_map(|_| texts) {
        assert!(
            scanner.scan(text, &salt).skipped.is_empty(),
            "everything is scanned"
        );
    }
    let bytes = texts.iter().map(Vec::len).sum::<usize>() * rounds;
    bytes as f64 / 1e6 / (processor_seconds() - start)
}

/// User and system time of this process, fields 14 and 15 of Linux's `/proc/self/stat`.
fn processor_seconds() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: Vec<f64> = behind_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|t| t.parse().ok())
        .collect();
    match ticks[..] {
        [user, system] => (user + system) / 100.0,
        _ => START.elapsed().as_secs_f64(),
    }
}

#[derive(Deserialize)]
struct File {
    rule: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    id: String,
    #[serde(default)]
    prefixes: Vec<String>,
    body: Option<String>,
    #[serde(default)]
    near: Vec<String>,
    value: Option<String>,
}

/// The pack's rules for tokens and assigned values as a rule file whose expressions run over the whole text. How a value
/// is assigned is put more simply than the pack has it.
fn as_rule_file(keywords: bool) -> (usize, String) {
    let mut text = String::new();
    let mut count = 0;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    for file in std::fs::read_dir(folder).expect("the rules' folder").flatten() {
        if file.path().extension().is_none_or(|e| e != "toml") {
            continue;
        }
        let file: File =
            toml::from_str(&std::fs::read_to_string(file.path()).expect("a file")).expect("a rule file");
        for rule in file.rule {
            let any = |words: &[String]| {
                words
                    .iter()
                    .map(|w| regex_syntax::escape(w))
                    .collect::<Vec<_>>()
                    .join("|")
            };
            let (regex, words) = match (&rule.body, &rule.value) {
                (Some(body), _) => (
                    format!(r"\b(?:{})(?:{body})", any(&rule.prefixes)),
                    &rule.prefixes,
                ),
                (_, Some(value)) => {
                    let name = any(&rule.near);
                    let assigned = r#"[A-Za-z0-9_. -]{0,56}["'` ]{0,4}[=:>,]{1,3}[ \t"'`]{0,10}"#;
                    (format!("(?i:{name}){assigned}({value})"), &rule.near)
                }
                _ => continue,
            };
            write!(text, "[[rules]]\nid = {:?}\nregex = {regex:?}\n", rule.id).expect("text can be written");
            if keywords {
                writeln!(text, "keywords = {words:?}").expect("text can be written");
            }
            count += 1;
        }
    }
    (count, text)
}

fn corpus() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut once = Vec::new();
    for part in [
        "crates",
        "docs",
        "spec",
        "xtask",
        "Cargo.lock",
        "README.md",
        "ARCHITECTURE.md",
    ] {
        collect(&root.join(part), &mut once);
    }
    let bytes: usize = once.iter().map(Vec::len).sum();
    let times = CORPUS.div_ceil(bytes);
    (0..times).flat_map(|_| once.iter().cloned()).collect()
}

fn collect(path: &Path, texts: &mut Vec<Vec<u8>>) {
    if let Ok(text) = std::fs::read(path) {
        texts.push(text);
        return;
    }
    let mut entries: Vec<_> = std::fs::read_dir(path).into_iter().flatten().flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::path);
    for entry in entries {
        collect(&entry.path(), texts);
    }
}
