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
use std::time::Instant;

/// Bytes of the corpus; files are repeated until they make up so many.
const CORPUS: usize = 64 << 20;

/// Bytes of the sample for the alternatives.
const SAMPLE: usize = 1 << 20;

/// Each measurement is the best of so many: the machine has other things to do.
const ROUNDS: usize = 3;

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
    let rate = measure(&files, scanner);
    println!(
        "{} files, {} MB, file by file: {rate:.0} MB/s",
        files.len(),
        bytes >> 20
    );
    println!(
        "the same as one text: {:.0} MB/s",
        measure(&[whole.clone()], scanner)
    );

    let sample = [whole[..SAMPLE].to_vec()];
    let mine = measure(&sample, scanner);
    println!("sample of {} MB: {mine:.0} MB/s", SAMPLE >> 20);
    for (name, keywords) in [
        ("every expression over the text", false),
        ("the same behind keywords per text", true),
    ] {
        let (count, rules) = as_rule_file(keywords);
        let other = Scanner::from_gitleaks(&rules).expect("a readable rule file");
        let rate = measure(&sample, &other);
        println!(
            "{name} (the {count} token rules only): {rate:.2} MB/s, {:.0} times slower",
            mine / rate
        );
    }
}

/// Megabytes a second, best of several rounds.
fn measure(texts: &[Vec<u8>], scanner: &Scanner) -> f64 {
    let bytes: usize = texts.iter().map(Vec::len).sum();
    let salt = Salt::new([0; 32]);
    let round = |_| {
        let start = Instant::now();
        for text in texts {
            assert!(
                scanner.scan(text, &salt).skipped.is_empty(),
                "everything is scanned"
            );
        }
        bytes as f64 / 1e6 / start.elapsed().as_secs_f64()
    };
    (0..ROUNDS).map(round).fold(0.0, f64::max)
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
}

/// The pack's token rules as a rule file whose expressions run over the whole text.
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
            let Some(body) = rule.body else { continue };
            let prefixes: Vec<String> = rule.prefixes.iter().map(|p| regex_syntax::escape(p)).collect();
            let regex = format!(r"\b(?:{})(?:{body})", prefixes.join("|"));
            write!(text, "[[rules]]\nid = {:?}\nregex = {regex:?}\n", rule.id).expect("text can be written");
            if keywords {
                writeln!(text, "keywords = {:?}", rule.prefixes).expect("text can be written");
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
