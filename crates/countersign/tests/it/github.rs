//! Signing in with GitHub, by a browser, at a model of GitHub: real HTTP on this machine, with codes that work once, exact
//! addresses, and a challenge that is checked (<https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps>).

use crate::served::{Answer, Served, text, world};
use crate::support::World;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};

const CLIENT: &str = "Iv1.countersign";
const CANARY: &str = "what-only-the-application-knows";

/// What GitHub does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    /// What its documents say.
    Well,
    /// The person there says no.
    Denied,
    /// It hands out codes that have run out.
    Stale,
    /// It answers the trade of a code with this.
    Trade(u16, &'static str),
    /// It answers who somebody is with this.
    User(u16, &'static str),
    /// It sends more than anybody wants to read.
    Endless,
    /// It hangs up.
    Gone,
}

/// A code that was handed out.
struct Handed {
    challenge: String,
    redirect: String,
    account: (u64, String),
}

struct Known {
    mood: Mood,
    /// Who is signed in there, in the browser.
    account: (u64, String),
    secret: String,
    codes: BTreeMap<String, Handed>,
    tokens: BTreeMap<String, (u64, String)>,
    issued: Vec<String>,
    made: u32,
}

/// GitHub.
struct GitHub {
    port: u16,
    known: Arc<Mutex<Known>>,
}

impl GitHub {
    fn start(id: u64, login: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let known = Arc::new(Mutex::new(Known {
            mood: Mood::Well,
            account: (id, login.to_owned()),
            secret: CANARY.to_owned(),
            codes: BTreeMap::new(),
            tokens: BTreeMap::new(),
            issued: Vec::new(),
            made: 0,
        }));
        let shared = Arc::clone(&known);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // Whoever hangs up in the middle has had enough.
                let _cut = answer(&mut stream.unwrap(), &mut shared.lock().unwrap());
            }
        });
        Self { port, known }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap()
    }

    fn is(&self, mood: Mood) {
        self.known().mood = mood;
    }

    /// Who is signed in there.
    fn has(&self, id: u64, login: &str) {
        self.known().account = (id, login.to_owned());
    }

    fn settings(&self, allowed: &str) -> Vec<(&'static str, String)> {
        vec![
            ("COUNTERSIGN_GITHUB_BASE_URL", self.url()),
            ("GITHUB_CLIENT_ID", CLIENT.to_owned()),
            ("GITHUB_CLIENT_SECRET", CANARY.to_owned()),
            ("ALLOWED_GITHUB_USERS", allowed.to_owned()),
        ]
    }
}

fn answer(stream: &mut TcpStream, known: &mut Known) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    while reader.read_line(&mut head)? > 2 {}
    let header = |name: &str| {
        let line = |l: &&str| l.to_ascii_lowercase().starts_with(&format!("{name}:"));
        head.lines()
            .find(line)
            .map(|l| l[name.len() + 1..].trim().to_owned())
    };
    let length = header("content-length").map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let target = head.split(' ').nth(1).unwrap_or_default();
    let url = Url::parse(&format!("http://github{target}")).unwrap();
    let (status, more, body) = match url.path() {
        _ if known.mood == Mood::Gone => return Ok(()),
        "/login/oauth/authorize" => (
            302,
            format!("Location: {}\r\n", known.authorize(&url)),
            String::new(),
        ),
        "/login/oauth/access_token" => {
            assert_eq!(header("accept").as_deref(), Some("application/json"));
            let form = format!("http://form/?{}", String::from_utf8(body).unwrap());
            let (status, answer) = known.trade(&fields(&Url::parse(&form).unwrap()));
            (status, "Content-Type: application/json\r\n".to_owned(), answer)
        }
        "/api/v3/user" => {
            assert!(header("user-agent").is_some(), "GitHub refuses calls without one");
            let (status, answer) = known.user(&header("authorization").unwrap_or_default());
            (status, "Content-Type: application/json\r\n".to_owned(), answer)
        }
        other => panic!("GitHub has no {other}"),
    };
    let head = format!(
        "HTTP/1.1 {status} x\r\n{more}Connection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

fn fields(url: &Url) -> BTreeMap<String, String> {
    url.query_pairs().into_owned().collect()
}

impl Known {
    /// Where the browser goes after the person has allowed it, or not.
    fn authorize(&mut self, url: &Url) -> String {
        let asked = fields(url);
        assert_eq!(
            (asked["client_id"].as_str(), asked["response_type"].as_str()),
            (CLIENT, "code")
        );
        assert_eq!(asked["code_challenge_method"], "S256");
        assert_eq!(
            asked.get("scope"),
            None,
            "who somebody is can be read without one"
        );
        let (redirect, state) = (asked["redirect_uri"].clone(), &asked["state"]);
        if self.mood == Mood::Denied {
            return format!("{redirect}?error=access_denied&error_description=no&state={state}");
        }
        self.made += 1;
        let code = format!("code{:016}", self.made);
        self.issued.push(code.clone());
        if self.mood != Mood::Stale {
            let handed = Handed {
                challenge: asked["code_challenge"].clone(),
                redirect: redirect.clone(),
                account: self.account.clone(),
            };
            self.codes.insert(code.clone(), handed);
        }
        format!("{redirect}?code={code}&state={state}")
    }

    /// A code for a token; GitHub says no with status 200.
    fn trade(&mut self, given: &BTreeMap<String, String>) -> (u16, String) {
        match self.mood {
            Mood::Trade(status, answer) => return (status, answer.to_owned()),
            Mood::Endless => return (200, "x".repeat(1 << 20)),
            Mood::Well | Mood::Denied | Mood::Stale | Mood::User(..) | Mood::Gone => {}
        }
        if (given["client_id"].as_str(), given["client_secret"].as_str()) != (CLIENT, self.secret.as_str()) {
            return (
                200,
                r#"{"error": "incorrect_client_credentials", "error_description": "x"}"#.to_owned(),
            );
        }
        let refused = (
            200,
            r#"{"error": "bad_verification_code", "error_description": "x"}"#.to_owned(),
        );
        let Some(handed) = self.codes.remove(&given["code"]) else {
            return refused;
        };
        let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(given["code_verifier"].as_bytes()));
        if proof != handed.challenge || given["redirect_uri"] != handed.redirect {
            return refused;
        }
        let token = format!("gho_{:036}", self.made);
        self.issued.push(token.clone());
        self.tokens.insert(token.clone(), handed.account);
        (
            200,
            format!(r#"{{"access_token": "{token}", "scope": "", "token_type": "bearer"}}"#),
        )
    }

    fn user(&self, authorization: &str) -> (u16, String) {
        if let Mood::User(status, answer) = self.mood {
            return (status, answer.to_owned());
        }
        match authorization
            .strip_prefix("Bearer ")
            .and_then(|t| self.tokens.get(t))
        {
            Some((id, login)) => (
                200,
                format!(r#"{{"id": {id}, "login": "{login}", "type": "User"}}"#),
            ),
            None => (401, r#"{"message": "Bad credentials"}"#.to_owned()),
        }
    }
}

/// A browser: cookies with their `SameSite`, redirects, and what it says about where a request comes from.
struct Browser<'a> {
    served: &'a Served,
    cookies: BTreeMap<String, (String, String)>,
    /// Every address it was at, in order.
    been: Vec<String>,
}

impl<'a> Browser<'a> {
    fn new(served: &'a Served) -> Self {
        Self {
            served,
            cookies: BTreeMap::new(),
            been: Vec::new(),
        }
    }

    fn ours(&self, path: &str) -> String {
        format!("http://{}{path}", self.served.host)
    }

    /// One request, without following where it leads.
    fn one(&mut self, url: &str, site: &str) -> Answer {
        self.been.push(url.to_owned());
        let url = Url::parse(url).unwrap();
        let host = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
        let target = url.as_str()[url.origin().ascii_serialization().len()..].to_owned();
        if host != self.served.host {
            let mut stream = TcpStream::connect(&host).unwrap();
            let ask = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            stream.write_all(ask.as_bytes()).unwrap();
            return Answer::read(&mut stream);
        }
        let sent = self.cookies.iter().filter(|(_, (_, same_site))| {
            // A GET at the top of a window: `Lax` goes along, `Strict` does not.
            site != "cross-site" || same_site == "Lax"
        });
        let cookie: Vec<String> = sent.map(|(name, (value, _))| format!("{name}={value}")).collect();
        let cookie = cookie.join("; ");
        let headers = [
            ("Host", host.as_str()),
            ("Sec-Fetch-Site", site),
            ("Cookie", cookie.as_str()),
        ];
        let answer = self.served.send("GET", &target, &headers, "");
        self.keep(&answer);
        answer
    }

    fn keep(&mut self, answer: &Answer) {
        let set = answer
            .head
            .lines()
            .filter(|l| l.to_ascii_lowercase().starts_with("set-cookie:"));
        for line in set {
            let mut parts = line["set-cookie:".len()..].split(';').map(str::trim);
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            let rest: Vec<&str> = parts.collect();
            assert!(rest.contains(&"HttpOnly") && rest.contains(&"Path=/"), "{line}");
            if rest.contains(&"Max-Age=0") {
                self.cookies.remove(name);
                continue;
            }
            let same_site = rest.iter().find_map(|p| p.strip_prefix("SameSite=")).unwrap();
            self.cookies
                .insert(name.to_owned(), (value.to_owned(), same_site.to_owned()));
        }
    }

    /// Goes somewhere and on, as long as it is sent on. A chain that leaves a site stays `cross-site` (Fetch Metadata).
    fn go(&mut self, url: &str, site: &str) -> Answer {
        let (mut url, mut site) = (Url::parse(url).unwrap(), site.to_owned());
        for _ in 0..10 {
            let answer = self.one(url.as_str(), &site);
            let Some(next) = answer.header("location").map(|l| url.join(l).unwrap()) else {
                return answer;
            };
            if next.origin() != url.origin() {
                "cross-site".clone_into(&mut site);
            }
            url = next;
        }
        panic!("it goes round and round: {:?}", self.been);
    }

    /// Follows the link on the page to sign in.
    fn signs_in(&mut self) -> Answer {
        let page = self.go(&self.ours("/sign-in"), "none").is(200);
        assert!(
            page.body.contains(r#"href="/sign-in/github?to="#),
            "{}",
            page.body
        );
        self.go(&self.ours("/sign-in/github"), "same-origin")
    }

    /// As far as GitHub's answer: the address to come back to.
    fn comes_back_to(&mut self) -> String {
        let begun = self.one(&self.ours("/sign-in/github"), "same-origin").is(303);
        let away = begun.header("location").unwrap().to_owned();
        let back = self.one(&away, "cross-site").is(302);
        back.header("location").unwrap().to_owned()
    }

    #[track_caller]
    fn is_refused(&mut self, status: u16, code: &str) -> Answer {
        let refused = self.signs_in();
        self.says(&refused.is(status), code)
    }

    #[track_caller]
    fn says(&self, answer: &Answer, code: &str) -> Answer {
        assert!(
            answer.body.contains(&format!("/help/errors/{code}\"")),
            "{code}: {}",
            answer.body
        );
        assert!(!self.is_in(), "nobody is signed in by a refusal");
        Answer {
            status: answer.status,
            head: answer.head.clone(),
            body: answer.body.clone(),
        }
    }

    fn is_in(&self) -> bool {
        self.cookies.contains_key("countersign")
    }

    fn me(&mut self) -> serde_json::Value {
        self.one(&self.ours("/api/v1/session"), "same-origin")
            .is(200)
            .json()
    }
}

/// A browser that is signed in, at a server whose database can be changed.
fn signed_in(served: &Served) -> Browser<'_> {
    let mut browser = Browser::new(served);
    browser.signs_in().is(200);
    assert!(browser.is_in());
    browser
}

/// Lets time pass for sessions: everything of theirs was so much earlier.
fn wait(world: &World, ms: u64) {
    let script = format!(
        "UPDATE session_tokens SET made_at = made_at - {ms}, used_at = used_at - {ms}, replaced_at = replaced_at - {ms}
        \n;\nUPDATE sessions SET began_at = began_at - {ms}, authenticated_at = authenticated_at - {ms},
            seen_at = seen_at - {ms}, expires_at = expires_at - {ms}\n;\nSELECT 1"
    );
    crate::migrating::sql(world, "data/countersign.db", &script);
}

fn serve(world: &World, github: &GitHub, allowed: &str) -> Served {
    Served::start_in(world, &[], &github.settings(allowed))
}

#[test]
fn somebody_on_the_list_signs_in_with_github_and_gets_to_where_they_wanted() {
    let world = world();
    let github = GitHub::start(7, "Octo-Cat");
    let served = serve(&world, &github, "octo-cat, grace:maintainer");
    let owner = served.token();
    let request = served.waiting(&owner);
    let path = format!("/requests/{}", text(&request, "id"));

    let mut browser = Browser::new(&served);
    let page = browser.go(&browser.ours(&path), "none").is(200);
    let link = page
        .body
        .split("href=\"")
        .find(|l| l.starts_with("/sign-in/github"))
        .unwrap();
    let link = link.split('"').next().unwrap().replace("&amp;", "&");
    let shown = browser.go(&browser.ours(&link), "same-origin").is(200);
    assert!(
        shown.body.contains("Octo-Cat".to_lowercase().as_str()),
        "{}",
        shown.body
    );
    assert_eq!(browser.been.last().unwrap(), &browser.ours(&path));
    let me = browser.me();
    assert_eq!((text(&me, "name"), text(&me, "role")), ("octo-cat", "reviewer"));

    // It shows lately who they are: they decide, and from the second person on it counts.
    let form = format!("decision=approve&read=yes&digest={}", text(&request, "digest"));
    let cookie = format!("countersign={}", browser.cookies["countersign"].0);
    let headers = [
        ("Host", served.host.as_str()),
        ("Sec-Fetch-Site", "same-origin"),
        ("Cookie", cookie.as_str()),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ];
    served.send("POST", &path, &headers, &form).is(303);
    served.until(|| (served.state(&owner, text(&request, "workflow")) == "Done").then_some(()));

    let kinds = world.run(&["ledger", "show"]).exits(0);
    kinds.says("member.added").says("member.linked");
    // Again: the same member.
    let mut elsewhere = Browser::new(&served);
    elsewhere.signs_in().is(200);
    assert_eq!(elsewhere.me()["member"], me["member"]);
}

#[test]
fn nothing_that_github_gave_is_kept_or_logged() {
    let world = world();
    let github = GitHub::start(7, "octo");
    let mut command = Command::new("sh");
    let settings = github.settings("octo");
    let settings = settings
        .iter()
        .map(|(name, value)| format!("export {name}={value}; "));
    let script = format!(
        r#"{}exec "$0" -vv --log-format json "$@" 2>>said.log"#,
        settings.collect::<String>()
    );
    command.args(["-c", &script, env!("CARGO_BIN_EXE_countersign")]);
    let mut served = Served::by(command, "127.0.0.1:0", &world, &[]);
    let mut browser = Browser::new(&served);
    browser.signs_in().is(200);
    let state =
        fields(&Url::parse(browser.been.iter().find(|u| u.contains("state=")).unwrap()).unwrap())["state"]
            .clone();
    let session = browser.cookies["countersign"].0.clone();
    let mut elsewhere = Browser::new(&served);
    github.is(Mood::Trade(
        200,
        r#"{"access_token": 7, "gho_inside": "gho_inside"}"#,
    ));
    elsewhere.is_refused(502, "github-odd-answer");
    served.ends("-TERM");
    let mut never = github.known().issued.clone();
    assert!(never.len() >= 3, "{never:?}");
    never.extend([CANARY.to_owned(), state, session, "gho_inside".to_owned()]);
    let mut files = Vec::new();
    crate::support::collect(world.root.path(), &mut files);
    assert!(
        files
            .iter()
            .any(|(f, b)| f.ends_with("said.log") && b.len() > 100)
    );
    for (file, bytes) in &files {
        for secret in &never {
            let found = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
            assert!(!found, "{secret} is in {}", file.display());
        }
    }
}

#[test]
fn whoever_is_not_on_the_list_or_says_no_stays_outside() {
    let world = world();
    let github = GitHub::start(9, "mallory");
    let served = serve(&world, &github, "octo");
    let mut browser = Browser::new(&served);
    let refused = browser.is_refused(403, "github-not-listed");
    assert!(refused.body.contains("member link NAME 9"), "{}", refused.body);
    github.has(7, "octo");
    github.is(Mood::Denied);
    browser.is_refused(403, "github-denied");
    let members = served.get("/api/v1/members", &served.token()).is(200).json();
    assert_eq!(members.as_array().unwrap().len(), 1, "{members}");
}

#[test]
fn a_sign_in_ends_once_and_only_in_the_browser_that_began_it() {
    let world = world();
    let github = GitHub::start(7, "octo");
    let served = serve(&world, &github, "octo");
    let mut mine = Browser::new(&served);
    let back = mine.comes_back_to();
    let mut other = Browser::new(&served);
    let answer = other.one(&back, "cross-site").is(403);
    other.says(&answer, "sign-in-stale");
    // Another one's address in a browser that has begun one of its own.
    other.comes_back_to();
    let answer = other.one(&back, "cross-site").is(403);
    other.says(&answer, "sign-in-stale");

    let jar = mine.cookies.clone();
    mine.one(&back, "cross-site").is(303);
    assert!(mine.is_in());
    let mut again = Browser::new(&served);
    again.cookies = jar;
    let answer = again.one(&back, "cross-site").is(403);
    again.says(&answer, "sign-in-stale");

    let mut forged = Browser::new(&served);
    let back = forged.comes_back_to();
    let wrong = back.replace("state=", "state=x");
    let answer = forged.one(&wrong, "cross-site").is(403);
    forged.says(&answer, "sign-in-stale");
    for odd in [
        "",
        "?",
        "?code=x",
        "?state=&code=x",
        "?state=%00&code=%ff",
        "?error=access_denied",
    ] {
        let url = forged.ours(&format!("/sign-in/github/callback{odd}"));
        let answer = forged.one(&url, "cross-site").is(403);
        forged.says(&answer, "sign-in-stale");
    }
}

#[test]
fn another_site_begins_no_sign_in() {
    let world = world();
    let github = GitHub::start(7, "octo");
    let served = serve(&world, &github, "octo");
    let mut browser = Browser::new(&served);
    let page = browser.go(&browser.ours("/sign-in/github"), "cross-site").is(200);
    assert!(page.body.contains("Sign in with GitHub"), "{}", page.body);
    assert!(!browser.been.iter().any(|url| url.starts_with(&github.url())));
    // And nobody is sent on to another server afterwards.
    let mut away = Browser::new(&served);
    let link = away.ours("/sign-in/github?to=//evil.example/");
    away.go(&link, "same-origin").is(200);
    assert_eq!(away.been.last().unwrap(), &away.ours("/"));
}

#[test]
fn what_goes_wrong_at_github_is_said_with_what_to_do() {
    let world = world();
    let github = GitHub::start(7, "octo");
    let served = serve(&world, &github, "octo");
    let mut browser = Browser::new(&served);
    github.is(Mood::Stale);
    browser.is_refused(403, "github-code-refused");
    let odd = [
        Mood::Trade(200, "nonsense"),
        Mood::Trade(200, r#"{"error": "new_reason"}"#),
        Mood::Trade(302, "{}"),
        Mood::Endless,
        Mood::User(200, "[]"),
        Mood::User(200, r#"{"id": 7}"#),
        Mood::User(200, r#"{"id": 7, "login": "<b>octo</b>"}"#),
        Mood::User(403, r#"{"message": "suspended"}"#),
    ];
    for mood in odd {
        github.is(mood);
        browser.is_refused(502, "github-odd-answer");
    }
    for mood in [Mood::Trade(503, "x"), Mood::User(500, "x")] {
        github.is(mood);
        browser.is_refused(502, "github-unreachable");
    }
    github.is(Mood::Well);
    let back = browser.comes_back_to();
    github.is(Mood::Gone);
    let answer = browser.one(&back, "cross-site").is(502);
    browser.says(&answer, "github-unreachable");
    github.is(Mood::Well);
    "another".clone_into(&mut github.known().secret);
    let refused = browser.is_refused(502, "github-refuses-us");
    assert!(refused.body.contains("GITHUB_CLIENT_SECRET"), "{}", refused.body);
    CANARY.clone_into(&mut github.known().secret);
    browser.signs_in().is(200);
    assert!(browser.is_in());
}

#[test]
fn whoever_takes_over_a_name_does_not_become_the_member_who_had_it() {
    let world = world();
    let github = GitHub::start(7, "octo");
    let served = serve(&world, &github, "octo:maintainer");
    let mut browser = Browser::new(&served);
    browser.signs_in().is(200);
    let octo = browser.me();
    assert_eq!(text(&octo, "role"), "maintainer");
    // The account is called otherwise by now, and somebody else took its name.
    github.has(8, "octo");
    Browser::new(&served).is_refused(403, "github-other-account");
    github.has(7, "octo-the-first");
    let mut renamed = Browser::new(&served);
    renamed.signs_in().is(200);
    assert_eq!(renamed.me()["member"], octo["member"]);
    // Also where the member is none any more.
    world.run(&["member", "remove", "octo"]).exits(0);
    renamed
        .one(&renamed.ours("/api/v1/session"), "same-origin")
        .is(401);
    Browser::new(&served).is_refused(403, "not-a-member");
    github.has(8, "octo");
    Browser::new(&served).is_refused(403, "github-other-account");
}

#[test]
fn an_owner_says_whose_an_account_is_so_that_nobody_is_two_people() {
    let world = world();
    let me = crate::support::me();
    let github = GitHub::start(7, &me);
    let served = serve(&world, &github, &me);
    let owner = served.get("/api/v1/session", &served.token()).is(200).json();
    let mut browser = Browser::new(&served);
    let refused = browser.is_refused(409, "github-name-taken");
    assert!(
        refused.body.contains(&format!("member link {me} 7")),
        "{}",
        refused.body
    );
    world.run(&["member", "link", &me, "7"]).exits(0).says("7 is");
    browser.signs_in().is(200);
    assert_eq!(browser.me()["member"], owner["member"]);
    world.run(&["member", "link", "nobody", "7"]).exits(2);
    world.run(&["member", "link", &me, "0"]).exits(64);
    // Given to somebody else, it lets in them, and whoever had it is out.
    world.run(&["member", "add", "Ada"]).exits(0);
    world.run(&["member", "link", "Ada", "7"]).exits(0);
    browser
        .one(&browser.ours("/api/v1/session"), "same-origin")
        .is(401);
    let mut ada = Browser::new(&served);
    ada.signs_in().is(200);
    assert_eq!(text(&ada.me(), "name"), "Ada");
}

#[test]
fn without_settings_there_is_no_such_sign_in() {
    let world = world();
    let served = Served::start(&world, &[]);
    let mut browser = Browser::new(&served);
    let page = browser.go(&browser.ours("/sign-in"), "none").is(200);
    assert!(!page.body.contains("GitHub"), "{}", page.body);
    for path in ["/sign-in/github", "/sign-in/github/callback"] {
        let answer = browser.go(&browser.ours(path), "none");
        assert!(answer.body.contains("github-not-set-up"), "{}", answer.body);
    }
    world.file("data/config.toml", "[github]\nclient_id = \"x\"\n");
    world
        .run(&["config", "show"])
        .exits(2)
        .says("GITHUB_CLIENT_SECRET");
    world.file("data/config.toml", "[github]\nallowed_users = [\"ada:king\"]\n");
    world
        .run(&["config", "show"])
        .exits(2)
        .says("line 2: github.allowed_users");
}

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

#[test]
fn a_browsers_token_is_replaced_every_hour_and_a_stolen_one_ends_the_session_for_both() {
    let world = world();
    let github = GitHub::start(7, "octo");
    let served = serve(&world, &github, "octo");
    let mut browser = signed_in(&served);
    let mut thief = Browser::new(&served);
    thief.cookies = browser.cookies.clone();
    let first = browser.cookies["countersign"].clone();
    let home = browser.ours("/");
    browser.one(&home, "none").is(200);
    assert_eq!(browser.cookies["countersign"], first, "not yet");
    wait(&world, HOUR);
    browser.one(&home, "none").is(200);
    let second = browser.cookies["countersign"].clone();
    assert_ne!(second, first);
    // What was on its way with the old one still counts, and gets no third.
    let mut on_its_way = Browser::new(&served);
    on_its_way.cookies = thief.cookies.clone();
    on_its_way.one(&home, "none").is(200);
    assert_eq!(on_its_way.cookies["countersign"], first);
    browser.one(&home, "none").is(200);
    on_its_way.one(&home, "none").is(200);
    wait(&world, MINUTE);
    browser.one(&home, "none").is(200);
    thief.one(&thief.ours("/api/v1/session"), "same-origin").is(401);
    browser
        .one(&browser.ours("/api/v1/session"), "same-origin")
        .is(401);
}

#[test]
fn a_token_of_a_program_stays_and_ends_when_nobody_uses_it() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    wait(&world, 3 * HOUR);
    for _ in 0..2 {
        let answer = served.get("/api/v1/session", &token).is(200);
        assert_eq!(answer.header("set-cookie"), None);
    }
    wait(&world, 7 * 24 * HOUR);
    served.get("/api/v1/session", &token).is(401);
}

#[test]
fn whoever_shows_again_who_they_are_decides_again_and_under_another_token() {
    let world = world();
    let github = GitHub::start(7, "octo");
    let served = serve(&world, &github, "octo");
    let owner = served.token();
    let request = served.waiting(&owner);
    let path = format!("/requests/{}", text(&request, "id"));
    let mut browser = signed_in(&served);
    wait(&world, 13 * HOUR);
    let form = format!("decision=approve&read=yes&digest={}", text(&request, "digest"));
    let decide = |browser: &Browser<'_>| {
        let cookie = format!("countersign={}", browser.cookies["countersign"].0);
        let headers = [
            ("Host", served.host.as_str()),
            ("Sec-Fetch-Site", "same-origin"),
            ("Cookie", cookie.as_str()),
        ];
        served.send("POST", &path, &headers, &form)
    };
    let late = decide(&browser).is(403);
    assert!(late.body.contains("sign-in-again"), "{}", late.body);
    let before = browser.cookies.clone();
    browser
        .go(
            &browser.ours(&format!("/sign-in/github?to={path}")),
            "same-origin",
        )
        .is(200);
    assert_ne!(browser.cookies["countersign"], before["countersign"]);
    decide(&browser).is(303);
    let mut old = Browser::new(&served);
    old.cookies = before;
    old.one(&old.ours("/api/v1/session"), "same-origin").is(401);
}

#[test]
fn a_person_sees_their_sessions_and_ends_them() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let code = || world.run(&["code"]).exits(0).out.trim().to_owned();
    let more = || {
        let body = serde_json::json!({"code": code()});
        let answer = served.json("POST", "/api/v1/sessions", "", &body).is(201).json();
        text(&answer, "token").to_owned()
    };
    let (second, third) = (more(), more());
    let nothing = serde_json::Value::Null;
    let list = |token: &str| {
        let all = served.get("/api/v1/sessions", token).is(200).json();
        all.as_array().unwrap().clone()
    };
    let all = list(&token);
    assert_eq!(all.len(), 3, "{all:?}");
    assert!(
        all.iter()
            .all(|s| s["through"] == "terminal" && !s["id"].to_string().contains("css_"))
    );
    let this = |token: &str| {
        let all = list(token);
        let mine: Vec<String> = all
            .iter()
            .filter(|s| s["this"] == true)
            .map(|s| text(s, "id").to_owned())
            .collect();
        assert_eq!(mine.len(), 1);
        mine[0].clone()
    };
    let path = format!("/api/v1/sessions/{}", this(&second));
    served.json("DELETE", &path, &token, &nothing).is(204);
    served.get("/api/v1/session", &second).is(401);
    served.json("DELETE", &path, &token, &nothing).is(404);
    // Nobody ends a session of somebody else.
    let ada = served
        .json(
            "POST",
            "/api/v1/members",
            &token,
            &serde_json::json!({"name": "Ada", "role": "reviewer"}),
        )
        .is(201)
        .json();
    let body = serde_json::json!({"code": text(&ada, "code")});
    let adas = served.json("POST", "/api/v1/sessions", "", &body).is(201).json();
    let adas = text(&adas, "token");
    let path = format!("/api/v1/sessions/{}", this(&token));
    served.json("DELETE", &path, adas, &nothing).is(404);
    served
        .json("DELETE", "/api/v1/sessions", &token, &nothing)
        .is(204);
    served.get("/api/v1/session", &third).is(401);
    served.get("/api/v1/session", adas).is(200);
    // Another role ends what was begun under the one before.
    world
        .run(&["member", "change", "Ada", "--role", "reviewer"])
        .exits(0);
    served.get("/api/v1/session", adas).is(200);
    world
        .run(&["member", "change", "Ada", "--role", "viewer"])
        .exits(0);
    served.get("/api/v1/session", adas).is(401);
    // Signing in again with a token at hand takes its place.
    let body = serde_json::json!({"code": code()});
    let next = served
        .json("POST", "/api/v1/sessions", &token, &body)
        .is(201)
        .json();
    served.get("/api/v1/session", &token).is(401);
    served.get("/api/v1/session", text(&next, "token")).is(200);
}
