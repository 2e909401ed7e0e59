//! GitHub beside a page that has a `github` block: the model with the page's repositories, and a port of this machine where the
//! page's word `github` tells what happens there without us.
//!
//! `octo` owns every repository, the account `countersign` may push and has the token that the program is given, and `eve` is a
//! passer-by. A call is words that each end with a zero byte, the last of them empty; the answer is an exit code on a line of
//! its own and then what to print.

use countersign_testkit::github::{GitHub, Merge, Permission, Pull, Scope, World};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// The number of the first repository, as GitHub's own first examples have it.
const FIRST: u64 = 1_296_269;
const OCTO: u64 = 7;
const EVE: u64 = 8;
const OURS: u64 = 41;
/// How often, and with which pause, somebody looks whether a pull request is there.
const LOOKS_MAX: u32 = 600;
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// GitHub, and who tells it what happens.
pub(crate) struct Beside {
    github: Arc<GitHub>,
    port: u16,
}

impl Beside {
    /// Starts it with these repositories, `octo/NAME`, which are empty.
    pub(crate) fn start(root: &Path, repositories: &[String]) -> Self {
        let folder = root.join("github");
        std::fs::create_dir(&folder).expect("a folder for GitHub");
        let github = Arc::new(GitHub::start(&folder));
        github.change(|world| {
            for (id, login) in [(OCTO, "octo"), (EVE, "eve"), (OURS, "countersign")] {
                world.account(id, login);
                world.token(&token(login), id, Scope::ReadWrite);
            }
        });
        for (id, full_name) in (FIRST..).zip(repositories) {
            let name = full_name.strip_prefix("octo/");
            github.repository(id, OCTO, name.expect("every repository is octo's"), &[]);
            github.change(|world| {
                let members = &mut world.repository_mut(id).members;
                members.insert(OURS, Permission::Write)
            });
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it listens somewhere").port();
        let told = Arc::clone(&github);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A page that ended has nobody who reads the answer.
                let _unread = answer(&told, stream);
            }
        });
        Self { github, port }
    }

    /// What a page gets to reach it.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("GITHUB_SERVER_URL", self.github.url()),
            ("GITHUB_API_URL", self.github.api_url()),
            ("GITHUB_TOKEN", token("countersign")),
            ("SPEC_GITHUB_PORT", self.port.to_string()),
        ]
    }

    /// Its address, which is another one each time.
    pub(crate) fn url(&self) -> String {
        self.github.url()
    }
}

/// Not one that anybody could use: put together, so that nothing takes it for one.
fn token(login: &str) -> String {
    format!("the-token-of-{login}")
}

fn answer(github: &GitHub, stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut words = Vec::new();
    loop {
        let mut word = Vec::new();
        reader.read_until(0, &mut word)?;
        word.pop();
        match String::from_utf8_lossy(&word).into_owned() {
            end if end.is_empty() => break,
            word => words.push(word),
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (code, text) = match happens(github, &words) {
        Some(text) => (0, text),
        None => (64, format!("github knows no such words: {}\n", words.join(" "))),
    };
    let mut stream = stream;
    write!(stream, "{code}\n{text}")
}

/// One call: what to print, or `None` for words that nobody knows.
fn happens(github: &GitHub, words: &[&str]) -> Option<String> {
    let [what, repository, more @ ..] = words else {
        return None;
    };
    let id = number_of(github, repository)?;
    let mut printed = String::new();
    match (*what, more) {
        ("issue", [text]) => {
            let (title, body) = text.split_once('\n').unwrap_or((text, ""));
            let title = title.trim_start_matches("# ");
            let number = github.change(|w| w.issue(id, OCTO, title, body.trim()));
            printed = format!("{}/{repository}/issues/{number}\n", github.url());
        }
        ("comment", [number, login, text]) => {
            let number = number.parse().ok()?;
            let author = github.change(|w| account(w, login))?;
            github.change(|w| w.comment(id, number, author, text));
        }
        ("ci", [name, conclusion, said @ ..]) => {
            github.change(|w| w.job(id, name, conclusion, said.first().copied()));
        }
        ("protect", branches) => github.protect(id, branches),
        ("close", [number]) => {
            let number = number.parse().ok()?;
            let close = |pull: &mut Pull| pull.open = false;
            github.change(|w| w.repository_mut(id).pulls.get_mut(&number).map(close))?;
        }
        ("merge", [number, how, beside @ ..]) => {
            let how = match *how {
                "merge" => Merge::Commit,
                "squash" => Merge::Squash,
                "rebase" => Merge::Rebase,
                _ => return None,
            };
            let beside: Vec<(&str, &str)> = match beside {
                [] => Vec::new(),
                [path, text] => vec![(path, text)],
                _ => return None,
            };
            github.merge(id, number.parse().ok()?, how, &beside);
        }
        ("branches", []) => {
            for name in github.branches(id).keys() {
                printed.push_str(&format!("{name}\n"));
            }
        }
        ("pulls", []) => {
            for pull in pulls(github, id) {
                let state = match (pull.open, &pull.merged) {
                    (true, _) => "open",
                    (false, Some(_)) => "merged",
                    (false, None) => "closed",
                };
                printed.push_str(&format!("#{} {state} {}\n", pull.number, pull.title));
            }
        }
        ("opened", []) => printed = format!("{}\n", opened(github, id)?.head),
        _ => return None,
    }
    Some(printed)
}

fn number_of(github: &GitHub, full_name: &str) -> Option<u64> {
    let name = full_name.strip_prefix("octo/")?;
    github.change(|w| w.repositories.values().find(|r| r.name == name).map(|r| r.id))
}

fn account(world: &World, login: &str) -> Option<u64> {
    let is = |a: &&countersign_testkit::github::Account| a.login == login;
    world.accounts.values().find(is).map(|a| a.id)
}

fn pulls(github: &GitHub, id: u64) -> Vec<Pull> {
    github.change(|w| w.repository_mut(id).pulls.values().cloned().collect())
}

/// The pull request that is open, as soon as there is one.
fn opened(github: &GitHub, id: u64) -> Option<Pull> {
    (0..LOOKS_MAX).find_map(|_| {
        let open = pulls(github, id).into_iter().find(|p| p.open);
        if open.is_none() {
            thread::sleep(LOOK_EVERY);
        }
        open
    })
}
