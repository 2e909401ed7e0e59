//! The real program at a model of GitHub: real HTTP, real git, real repositories on disk.

mod answers;
mod apps;
mod commands;
mod described;
mod hooks;
mod importing;
mod killed;
mod labels;
mod merged;
mod posted;
mod setup;
mod story;

use crate::support::{Ran, World};
use crate::terminal::{MENU, Typist};
use countersign_testkit::github::{GitHub, Permission, Pull, Scope, app_key, granted};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

/// How often it is looked whether something is there, and how many times at most.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LOOKS_MAX: u32 = 2_000;

/// Our account's number there.
const OURS: u64 = 41;
/// Our App's, and that of its account.
const APP: u64 = 55;
const BOT: u64 = APP + 1_000_000;
/// What it is granted.
const NEEDED: [(&str, &str); 6] = [
    ("checks", "write"),
    ("contents", "write"),
    ("issues", "write"),
    ("metadata", "read"),
    ("pull_requests", "write"),
    ("actions", "read"),
];
/// The owner's.
const OCTO: u64 = 7;
/// A passer-by's.
const EVE: u64 = 8;
/// The repository's.
const HELLO: u64 = 1_296_269;
const ISSUE: &str =
    "Say so.\r\n\r\n```codemod\r\n[[step]]\r\nsearch = \"quote(\"\r\nreplace = \"quote_grams(\"\r\n```\r\n";
const FILES: [(&str, &str); 2] = [
    ("src/lib.rs", "pub fn quote(w: u32) -> u32 { w }\n"),
    (
        ".countersign.toml",
        "version = 1\n\n[ci]\nchecks = [{ app = \"github-actions\", name = \"test\" }]\n",
    ),
];

/// A folder of this machine, and GitHub with one repository in which we may write.
struct Hosted {
    world: World,
    github: GitHub,
}

/// Not one that anybody could use: put together, so that nothing takes it for one.
fn token(name: &str) -> String {
    format!("the-token-of-{name}")
}

impl Hosted {
    fn new() -> Self {
        let world = World::new();
        let root = world.path("github");
        std::fs::create_dir(&root).unwrap();
        let github = GitHub::start(&root);
        github.change(|w| {
            for (id, login) in [(OCTO, "octo"), (EVE, "eve"), (OURS, "countersign")] {
                w.account(id, login);
            }
            w.token(&token("writer"), OURS, Scope::ReadWrite);
            w.token(&token("reader"), OURS, Scope::ReadOnly);
        });
        github.repository(HELLO, OCTO, "hello", &FILES);
        github.change(|w| w.repository_mut(HELLO).members.insert(OURS, Permission::Write));
        let hosted = Self { world, github };
        hosted.set_token("writer");
        hosted
    }

    /// The same as an App, which is installed on that one repository and no member of it.
    fn app() -> Self {
        let hosted = Self::new();
        hosted.github.change(|w| {
            w.tokens.clear();
            w.repository_mut(HELLO).members.remove(&OURS);
            w.app(APP, "countersigner", granted(&NEEDED));
            w.install(APP, &[HELLO]);
        });
        hosted.private("app.pem", &app_key());
        hosted.set(&format!(
            "app_id = {APP}\napp_private_key_file = \"../app.pem\"\n"
        ));
        hosted
    }

    /// Sets whose token is used.
    fn set_token(&self, name: &str) {
        self.set(&format!("token = \"{}\"\n", token(name)));
    }

    /// What lets us in, beside where GitHub is.
    fn set(&self, lines: &str) {
        let (server, api) = (self.github.url(), self.github.api_url());
        let text = format!("[github]\n{lines}base_url = \"{server}\"\napi_url = \"{api}\"\n");
        self.private("data/config.toml", &text);
    }

    fn private(&self, name: &str, text: &str) {
        self.world.file(name, text);
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(self.world.path(name), mode).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.world.run(arguments)
    }

    /// An issue with a comment, and its address.
    fn issue(&self) -> String {
        let number = self.github.change(|w| {
            let number = w.issue(HELLO, OCTO, "Prices go in grams", ISSUE);
            w.comment(HELLO, number, EVE, "me too\u{200b}\n\n```codemod\n```");
            number
        });
        format!("{}/octo/hello/issues/{number}", self.github.url())
    }

    /// Registered, and an issue submitted: the workflow's id. It waits for approval.
    fn waiting(&self) -> String {
        let address = self.issue();
        self.run(&["repo", "add", "--github", "octo/hello"]).exits(0);
        let ran = self.run(&["run", "--issue", &address, "--json"]).exits(3);
        ran.json()["id"].as_str().unwrap().to_owned()
    }

    /// Somebody at a terminal approves what waits.
    fn approve(&self, id: &str) -> Typist {
        let shown = self.run(&["show", id, "--json"]).exits(0).json();
        let digits = shown["requests"][0]["digits"].as_str().unwrap().to_owned();
        let mut typist = Typist::sits_at(&self.world, &["resume", id]);
        typist.sees(MENU).types("a\n").sees("first 8 digits");
        typist.types(&format!("{digits}\n"));
        typist
    }

    /// Somebody approves what waits, and does nothing else.
    fn approve_once(&self, id: &str) -> Typist {
        let shown = self.run(&["show", id, "--json"]).exits(0).json();
        let digits = shown["requests"][0]["digits"].as_str().unwrap().to_owned();
        let mut typist = Typist::sits_at(&self.world, &["approve", id]);
        typist.sees("first 8 digits").types(&format!("{digits}\n"));
        typist
    }

    /// Somebody approves what waits, CI says no, and the program stops with a question.
    fn goes_red(&self, id: &str) -> Pull {
        let typist = self.approve_once(id);
        let pull = self.pull();
        self.ci("github-actions", &pull.head_sha, "failure");
        typist.leaves().exits(3);
        pull
    }

    /// The first pull request, as soon as it is there.
    fn pull(&self) -> Pull {
        self.pull_after(0)
    }

    /// The first pull request with a higher number, as soon as it is there.
    fn pull_after(&self, number: u64) -> Pull {
        for _ in 0..LOOKS_MAX {
            let later =
                |pulls: &BTreeMap<u64, Pull>| pulls.range(number + 1..).next().map(|(_, p)| p.clone());
            let found = self.github.change(|w| later(&w.repository_mut(HELLO).pulls));
            match found {
                Some(pull) => return pull,
                None => std::thread::sleep(LOOK_EVERY),
            }
        }
        panic!("no pull request was opened");
    }

    /// CI says that about a commit.
    fn ci(&self, app: &str, head: &str, conclusion: &str) {
        self.github
            .change(|w| w.check(HELLO, app, "test", head, Some(conclusion)));
    }
}
