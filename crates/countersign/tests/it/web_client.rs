//! The TypeScript client in `web/`: it is made from the server's description, it compiles, and it does on a real server what
//! its documentation says.

use crate::others::{left_out, web};
use crate::served::{Served, world};
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const SCHEMA: &str = include_str!("../../../../web/shared/api/schema.ts");
const LOCK: &str = include_str!("../../../../web/package-lock.json");
const README: &str = include_str!("../../../../web/README.md");
const EXAMPLE: &str = include_str!("../../../../web/tests/example.ts");

/// How often it is looked whether the tests in TypeScript have ended, and how many times at most: they are stuck then.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LOOKS_MAX: u32 = 6_000;

#[test]
fn the_types_are_those_of_the_description_and_everything_compiles() {
    if left_out() {
        return;
    }
    let web = web();
    if let Err(said) = web.run("check") {
        panic!("the client does not compile:\n{said}");
    }
    web.run("generate").unwrap();
    let made = std::fs::read_to_string(web.folder.join("shared/api/schema.ts")).unwrap();
    let first = made.lines().zip(SCHEMA.lines()).find(|(made, kept)| made != kept);
    assert!(
        made == SCHEMA,
        "web/shared/api/schema.ts is out of date, from {first:?} on; mend it with: npm --prefix web ci && npm --prefix web run generate"
    );
}

#[test]
fn the_example_of_the_documentation_is_the_one_that_is_run() {
    assert!(
        README.contains(EXAMPLE),
        "copy web/tests/example.ts into web/README.md"
    );
}

#[test]
fn the_lock_file_names_no_registry() {
    let lock: Value = serde_json::from_str(LOCK).unwrap();
    for (name, package) in lock["packages"].as_object().unwrap() {
        assert!(
            package["resolved"].is_null(),
            "{name} would be fetched from {package}"
        );
        assert!(name.is_empty() || package["integrity"].is_string(), "{name}");
    }
}

#[test]
fn the_client_submits_follows_and_goes_on_after_the_server_was_killed() {
    if left_out() {
        return;
    }
    let web = web();
    web.run("build").unwrap();
    let world = world();
    let mut served = Served::start(&world, &[]);
    let address = served.address.clone();
    let key = ["key", "add", "front", "--scope", "read", "--scope", "submit"];
    let key = world.run(&key).exits(0).out.trim().to_owned();
    let (restart, report) = (world.path("restart"), world.path("report.txt"));
    let mut node = Command::new("node");
    node.current_dir(&web.folder)
        .arg("--test")
        .args(tests_in(&web.folder.join("built/tests")))
        .env("ORIGIN", format!("http://{address}"))
        .env("CODE", &served.code)
        .env("KEY", key)
        .env("DIFF", crate::support::DIFF)
        .env("RESTART", &restart)
        .stdout(File::create(&report).unwrap())
        .stderr(Stdio::inherit());
    let mut running = node.spawn().unwrap();
    let (mut ended, mut was_down) = (None, false);
    for _ in 0..LOOKS_MAX {
        ended = running.try_wait().unwrap();
        if ended.is_some() {
            break;
        }
        if !was_down && restart.exists() {
            served.ends("-KILL");
            // While nobody serves, somebody is at the terminal.
            world.run(&["member", "add", "Ada", "--role", "viewer"]).exits(0);
            served = Served::at(&address, &world, &[]);
            was_down = true;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    let _ended_or_stuck = running.kill();
    let said = std::fs::read_to_string(&report).unwrap();
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}: {said}");
    assert!(was_down, "{said}");
}

/// Every version of Node takes files; folders and patterns only some.
fn tests_in(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let tests: Vec<PathBuf> = files
        .filter(|file| file.to_string_lossy().ends_with(".test.js"))
        .collect();
    assert!(!tests.is_empty(), "no test was built into {}", folder.display());
    tests
}
