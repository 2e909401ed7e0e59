//! A repository with every kind of change, made by `git fast-import` out of a seed.

use super::random::Random;
use super::source::{feed, git};
use countersign_core::path::quote;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where one lies below another, a newcomer takes the place of what is there.
const PATHS: [&[u8]; 20] = [
    b"README.md",
    b"src/main.rs",
    b"src/lib.rs",
    b"src/deep/er/x.py",
    b"docs/a.md",
    b"docs/b.txt",
    b"dos.txt",
    b"\xc3\xa4/\xc3\xb6.txt",
    b"latin-\xe9",
    b"with space.txt",
    b"quote\"d",
    b"-dash",
    b"tail ",
    b"\xe6\x97\xa5/\xe6\x9c\xac",
    b"big.csv",
    b"script.sh",
    b"place",
    b"place/x.py",
    b"place/deep/y",
    b"place.txt",
];

/// Few different lines, so that hunks have twins; and lines that look like parts of an answer.
const LINES: [&str; 28] = [
    "a",
    "b",
    "c",
    "",
    "",
    "}",
    "    return x",
    "\treturn x",
    "    x = 1",
    "  ",
    "end  ",
    "-- x",
    "++ y",
    "@@ -1 +1 @@",
    "--- a/x",
    "+++ b/x",
    "diff --git a/x b/x",
    "```",
    "```rust",
    "-- ",
    "\\ No newline at end of file",
    "<<<<<<< SEARCH",
    "=======",
    ">>>>>>> REPLACE",
    "// ... rest unchanged ...",
    "src/main.rs",
    "index 1234567..89abcde",
    "new file mode 100644",
];

#[derive(Clone)]
struct File {
    mode: &'static str,
    bytes: Vec<u8>,
}

/// Makes a bare repository whose `main` has this many commits.
pub(crate) fn repository(folder: &Path, seed: u64, commits: usize) -> PathBuf {
    let git_dir = folder.join("generated.git");
    let mut init = std::process::Command::new("git");
    init.env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    init.args([
        "init",
        "--quiet",
        "--bare",
        "--template=",
        "--initial-branch=main",
    ])
    .arg(&git_dir);
    feed(init, b"").expect("git makes a repository");
    let mut import = git(&git_dir);
    import.args(["fast-import", "--quiet"]);
    feed(import, &stream(seed, commits)).expect("git imports");
    git_dir
}

fn stream(seed: u64, commits: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut files: BTreeMap<&[u8], File> = BTreeMap::new();
    let mut out = Vec::new();
    for number in 0..=commits {
        let before = files.clone();
        out.extend_from_slice(
            b"commit refs/heads/main\ncommitter T <t@example.com> 1700000000 +0000\ndata 1\nx\n",
        );
        let steps = if number == 0 { 12 } else { 1 + random.below(4) };
        for _ in 0..steps {
            let known: Vec<&[u8]> = files.keys().copied().collect();
            step(&mut files, number == 0, &mut random);
            make_room(&mut files, &known);
        }
        for path in before.keys().filter(|p| !files.contains_key(*p)) {
            out.extend_from_slice(format!("D {}\n", quote(path)).as_bytes());
        }
        for (path, file) in files.iter().filter(|(p, f)| {
            before
                .get(*p)
                .is_none_or(|b| b.mode != f.mode || b.bytes != f.bytes)
        }) {
            if file.mode == "160000" {
                let id = String::from_utf8_lossy(&file.bytes).into_owned();
                out.extend_from_slice(format!("M 160000 {id} {}\n", quote(path)).as_bytes());
                continue;
            }
            out.extend_from_slice(
                format!(
                    "M {} inline {}\ndata {}\n",
                    file.mode,
                    quote(path),
                    file.bytes.len()
                )
                .as_bytes(),
            );
            out.extend_from_slice(&file.bytes);
            out.push(b'\n');
        }
        out.push(b'\n');
    }
    out
}

/// Takes away what can't stand beside what has come: a file below it, or one that it lies below.
fn make_room(files: &mut BTreeMap<&'static [u8], File>, known: &[&[u8]]) {
    let come: Vec<&[u8]> = files.keys().copied().filter(|p| !known.contains(p)).collect();
    let below = |inner: &[u8], outer: &[u8]| inner.strip_prefix(outer).is_some_and(|r| r.starts_with(b"/"));
    files.retain(|path, _| !come.iter().any(|new| below(path, new) || below(new, path)));
}

fn step(files: &mut BTreeMap<&'static [u8], File>, first: bool, random: &mut Random) {
    let path = *random.pick(&PATHS);
    let Some(old) = files.get(path).cloned() else {
        files.insert(path, fresh(path, random));
        return;
    };
    let other = *random.pick(&PATHS);
    let is_text = old.mode != "120000" && old.mode != "160000";
    match random.below(if first { 1 } else { 20 }) {
        0..=8 if is_text => edit(files, path, random),
        9 => {
            files.remove(path);
        }
        10 | 11 if !files.contains_key(other) => {
            files.remove(path);
            files.insert(other, old);
            if is_text && random.chance(50) {
                edit(files, other, random);
            }
        }
        12 if !files.contains_key(other) => {
            files.insert(other, old);
            edit(files, path, random);
        }
        13 if is_text => {
            let mode = if old.mode == "100644" { "100755" } else { "100644" };
            files.insert(path, File { mode, ..old });
        }
        14 => {
            let link = File {
                mode: "120000",
                bytes: format!("target-{}", random.below(5)).into_bytes(),
            };
            files.insert(path, if is_text { link } else { fresh(path, random) });
        }
        15 if is_text => {
            let ended = old.bytes.strip_suffix(b"\n").map(<[u8]>::to_vec);
            let bytes = ended.unwrap_or_else(|| [&old.bytes[..], b"\n"].concat());
            files.insert(path, File { bytes, ..old });
        }
        16 if is_text => {
            let text = String::from_utf8_lossy(&old.bytes).replace("\r\n", "\n");
            let bytes = if old.bytes.contains(&b'\r') {
                text
            } else {
                text.replace('\n', "\r\n")
            };
            files.insert(
                path,
                File {
                    bytes: bytes.into_bytes(),
                    ..old
                },
            );
        }
        17 if random.chance(30) => {
            files.insert(
                path,
                File {
                    mode: "100644",
                    bytes: format!("\0{}", random.next()).into_bytes(),
                },
            );
        }
        18 if random.chance(30) => {
            files.insert(
                path,
                File {
                    mode: "160000",
                    bytes: format!("{:040x}", random.next()).into_bytes(),
                },
            );
        }
        19 => {
            files.insert(
                path,
                File {
                    mode: "100644",
                    bytes: Vec::new(),
                },
            );
        }
        _ => {
            files.insert(path, fresh(path, random));
        }
    }
}

fn fresh(path: &[u8], random: &mut Random) -> File {
    let count = if path == b"big.csv" {
        20_000
    } else {
        random.below(60)
    };
    let end = if path == b"dos.txt" { "\r\n" } else { "\n" };
    let numbered = random.chance(50);
    let mut text: String = (0..count)
        .map(|i| match numbered || path == b"big.csv" {
            true => format!("line {i}{end}"),
            false => format!("{}{end}", random.pick(&LINES)),
        })
        .collect();
    if random.chance(15) {
        text = text.trim_end_matches(['\r', '\n']).to_owned();
    }
    File {
        mode: if path == b"script.sh" { "100755" } else { "100644" },
        bytes: text.into_bytes(),
    }
}

fn edit(files: &mut BTreeMap<&'static [u8], File>, path: &'static [u8], random: &mut Random) {
    let Some(file) = files.get_mut(path) else { return };
    let end: &[u8] = if file.bytes.windows(2).any(|w| w == b"\r\n") {
        b"\r\n"
    } else {
        b"\n"
    };
    let mut lines: Vec<Vec<u8>> = file
        .bytes
        .split_inclusive(|b| *b == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    for _ in 0..=random.below(4) {
        let at = random.below(lines.len().max(1));
        let new = [random.pick(&LINES).as_bytes(), end].concat();
        match random.below(3) {
            0 => lines.insert(at, new),
            1 if at < lines.len() => {
                lines.remove(at);
            }
            _ if at < lines.len() => lines[at] = new,
            _ => lines.push(new),
        }
    }
    let last = lines.len().saturating_sub(1);
    for (i, line) in lines.iter_mut().enumerate() {
        if i < last && !line.ends_with(b"\n") {
            line.extend_from_slice(end);
        }
    }
    file.bytes = lines.concat();
}
