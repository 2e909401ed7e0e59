//! What `deploy/` says of the program, held against the program: the image, the compose file and the systemd unit.
//!
//! No image is built here. docs/operations.md says how that was done.

use crate::others::{check_jsonschema, left_out};
use crate::support::{World, collect, ran};
use regex::Regex;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(repository().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// The one place in a file where a pattern's group is found.
#[track_caller]
fn the<'f>(pattern: &str, file: &'f str) -> &'f str {
    let found: Vec<_> = Regex::new(pattern).unwrap().captures_iter(file).collect();
    assert_eq!(found.len(), 1, "{pattern} in {file}");
    found[0].get(1).unwrap().as_str()
}

/// Settings by their names in the environment: those of the image, with those of the compose file upon them.
fn environment() -> Vec<(String, String)> {
    let image = read("deploy/Dockerfile");
    let compose = read("deploy/compose.yaml");
    let in_image = Regex::new(r"(?m)[ ](COUNTERSIGN_[A-Z_]+)=(\S+)").unwrap();
    let in_compose = Regex::new(r#"(?m)^ +(COUNTERSIGN_[A-Z_]+): "?([^"\n]+)"?$"#).unwrap();
    let mut found = Vec::new();
    for (pattern, text) in [(in_image, &image), (in_compose, &compose)] {
        let before = found.len();
        for pair in pattern.captures_iter(text) {
            let value = match &pair[2] {
                // Whoever starts it has to name it.
                asked if asked.starts_with("${COUNTERSIGN_ORIGIN:?") => "https://review.example.org",
                value => value,
            };
            found.push((pair[1].to_owned(), value.to_owned()));
        }
        assert!(found.len() > before, "{pattern} finds nothing");
    }
    found
}

/// What the builder is not given: the patterns of `.dockerignore`, each of which names one thing, at the top or, after `**/`,
/// anywhere.
struct ShutOut(Vec<(usize, Regex)>);

impl ShutOut {
    fn read() -> Self {
        let patterns = read(".dockerignore");
        let lines = patterns.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
        let pattern = |line: &str| {
            let (depth, name) = match line.strip_prefix("**/") {
                Some(name) => (usize::MAX, name),
                None => (1, line),
            };
            assert!(
                !name.contains(['/', '!', '?', '[']),
                "{line} is not understood here"
            );
            let name = regex::escape(name).replace(r"\*", "[^/]*");
            (depth, Regex::new(&format!("^{name}$")).unwrap())
        };
        Self(lines.map(pattern).collect())
    }

    fn has(&self, path: &str) -> bool {
        let named =
            |(depth, name): &(usize, Regex)| path.split('/').take(*depth).any(|part| name.is_match(part));
        self.0.iter().any(named)
    }
}

#[test]
fn the_image_is_given_everything_that_the_program_is_built_from() {
    let shut_out = ShutOut::read();
    for needed in [
        "Cargo.toml",
        "Cargo.lock",
        "xtask/Cargo.toml",
        "xtask/src/main.rs",
    ] {
        assert!(
            repository().join(needed).exists() && !shut_out.has(needed),
            "{needed}"
        );
    }
    for shut in [
        ".git",
        "target/debug/x",
        "web/node_modules/x",
        ".env",
        "deploy/.env",
        "crates/x/.env",
        "README.md",
    ] {
        assert!(shut_out.has(shut), "{shut}");
    }
    let crates = repository().join("crates").canonicalize().unwrap();
    let top = crates.parent().unwrap();
    let include = Regex::new(r#"include_(?:str|bytes)!\(\s*"([^"]+)""#).unwrap();
    let mut found = Vec::new();
    for each in std::fs::read_dir(&crates).unwrap() {
        let folder = each.unwrap().path();
        assert!(folder.join("Cargo.toml").exists());
        collect(&folder.join("src"), &mut found);
    }
    assert!(found.len() > 100);
    let mut looked_at = 0;
    for (path, content) in &found {
        let inside = path.strip_prefix(top).unwrap().to_str().unwrap();
        assert!(!shut_out.has(inside), "{inside} is shut out of the image");
        let Ok(text) = std::str::from_utf8(content) else {
            continue;
        };
        for one in include.captures_iter(text) {
            let target = path.parent().unwrap().join(&one[1]).canonicalize();
            let target = target.unwrap_or_else(|e| panic!("{inside} includes {}: {e}", &one[1]));
            let target = target.strip_prefix(top).unwrap().to_str().unwrap();
            let for_tests = text[..one.get(0).unwrap().start()].contains("#[cfg(test)]");
            assert!(
                for_tests || !shut_out.has(target),
                "{inside} is built from {target}"
            );
            looked_at += 1;
        }
    }
    assert!(looked_at > 20, "{looked_at}");
}

#[test]
fn the_image_is_built_by_the_compiler_that_the_repository_names_and_keeps_its_data_in_the_volume() {
    let image = read("deploy/Dockerfile");
    let compose = read("deploy/compose.yaml");
    let unit = read("deploy/countersign.service");
    let channel = read("rust-toolchain.toml");
    let channel = the(r#"channel = "([^"]+)""#, &channel);
    assert_eq!(the(r"ARG RUST=\S+/rust:([0-9.]+)-slim-\w+", &image), channel);
    assert_eq!(the(r"RUSTUP_TOOLCHAIN=(\S+)", &image), channel);
    // Both stages are of one release of Debian, so that the C library fits.
    assert_eq!(
        the(r"ARG RUST=\S+-slim-(\w+)", &image),
        the(r"ARG DEBIAN=\S+/debian:(\w+)-slim", &image)
    );

    let program = the(r#"ENTRYPOINT \["(\S+)"\]"#, &image);
    assert_eq!(
        the(r"COPY --from=build /src/target/release/countersign (\S+)", &image),
        program
    );
    assert_eq!(the(r"(?m)^ExecStart=(\S+) ", &unit), program);
    let data = the(r"COUNTERSIGN_DATA=(\S+)", &image);
    assert_eq!(the(r"(?m)^VOLUME (\S+)$", &image), data);
    assert_eq!(the(r"(?m)^      - data:(\S+)$", &compose), data);
    assert_eq!(the(r"Environment=COUNTERSIGN_DATA=(\S+)", &unit), data);
    let port = the(r"(?m)^EXPOSE (\d+)$", &image);
    assert_eq!(the(r"COUNTERSIGN_LISTEN=0\.0\.0\.0:(\d+)", &image), port);
    assert_eq!(the(r#""127\.0\.0\.1:(\d+):7171""#, &compose), port);
    assert_eq!(the(r"--uid (\d+)", &image), the(r"(?m)^USER (\d+):\d+$", &image));
    assert_eq!(
        the(r"belong to uid (\d+)", &compose),
        the(r"(?m)^USER (\d+):", &image)
    );
}

#[test]
fn settings_of_the_container_are_settings_of_the_program_and_it_starts_and_stops_with_them() {
    let world = World::new();
    let settings: Vec<_> = environment()
        .into_iter()
        .map(|(name, value)| match name.as_str() {
            "COUNTERSIGN_DATA" => (name, world.path("data").to_str().unwrap().to_owned()),
            // Any free port.
            "COUNTERSIGN_LISTEN" => (name, value.replace(":7171", ":0")),
            _ => (name, value),
        })
        .collect();
    let mut show = world.command(&["config", "show", "--json"]);
    let shown = ran(&show.envs(settings.clone()).output().unwrap())
        .exits(0)
        .json();
    assert_eq!(shown["warnings"], serde_json::json!([]));
    for (name, _) in &settings {
        let all = shown["settings"].as_array().unwrap();
        assert!(
            all.iter().any(|s| s["origin"]["name"] == name.as_str()),
            "{name} in {shown}"
        );
    }

    let image = read("deploy/Dockerfile");
    let arguments: Vec<String> = serde_json::from_str(the(r"(?m)^CMD (\[.+\])$", &image)).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_countersign"));
    world.surroundings(&mut program);
    let mut process = program
        .args(arguments)
        .envs(settings.clone())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let said: Vec<_> = lines.take(3).map(Result::unwrap).collect();
    let health = the(
        r#"(?m)^    CMD \["/usr/local/bin/countersign", "(\w+)"\]$"#,
        &image,
    );
    let healthy = ran(&world.command(&[health]).envs(settings).output().unwrap());
    let signal = the(r"(?m)^STOPSIGNAL SIG(\w+)$", &image);
    let pid = process.id().to_string();
    let sent = Command::new("kill").args([&format!("-{signal}"), &pid]).status();
    assert!(sent.unwrap().success());
    assert_eq!(process.wait().unwrap().code(), Some(0));
    healthy.exits(0);
    assert_eq!(said[0], "✓ listening on https://review.example.org");
    assert!(said[1].contains("sign in with"), "{said:?}");
    // Behind a proxy the server answers to no other name.
    assert!(
        said[2].ends_with("  https://review.example.org/api/docs"),
        "{said:?}"
    );
}

#[test]
fn the_compose_file_is_what_its_published_schema_allows() {
    if left_out() {
        return;
    }
    let file = repository().join("deploy/compose.yaml");
    let check = |file: &Path| {
        Command::new(check_jsonschema())
            .args(["--builtin-schema", "vendor.compose-spec"])
            .arg(file)
            .output()
            .unwrap()
    };
    let said = check(&file);
    assert!(
        said.status.success(),
        "{}{}",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    );
    let world = World::new();
    world.file(
        "wrong.yaml",
        std::fs::read_to_string(&file)
            .unwrap()
            .replace("cap_drop", "cap_drp"),
    );
    assert!(!check(&world.path("wrong.yaml")).status.success());
}
