//! Settings as people make them: in a file, in the environment, on the command line.

use crate::support::{Ran, World, ran};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};

/// Every name that a set-up may bring along.
const NAMES: [&str; 16] = [
    "DATABASE_URL",
    "REDIS_URL",
    "GITHUB_TOKEN",
    "GITHUB_CLIENT_ID",
    "GITHUB_CLIENT_SECRET",
    "GITHUB_REPO",
    "ALLOWED_GITHUB_USERS",
    "JWT_SECRET",
    "ANTHROPIC_API_KEY",
    "CLAUDE_API_KEY",
    "OPENAI_API_KEY",
    "CORS_ORIGINS",
    "FRONTEND_URL",
    "SMTP_USER",
    "SMTP_PASSWORD",
    "TARGET_EMAIL",
];
/// Stands in every secret, and may be printed nowhere.
const CANARY: &str = "kanarienvogel";

fn with(world: &World, environment: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = world.command(arguments);
    command.envs(environment.iter().copied());
    ran(&command.output().unwrap())
}

/// One row of `config show --json`.
#[track_caller]
fn setting(shown: &Value, key: &str) -> Value {
    let all = shown["settings"].as_array().unwrap();
    let found = all.iter().find(|s| s["key"] == key);
    found.unwrap_or_else(|| panic!("no {key} in {shown}")).clone()
}

#[test]
fn an_option_goes_before_the_environment_and_that_before_the_file() {
    let world = World::new();
    let show = |environment: &[(&str, &str)], more: &[&str]| {
        let arguments = [&["config", "show", "--json"], more].concat();
        setting(
            &with(&world, environment, &arguments).exits(0).json(),
            "log.format",
        )
    };
    let default = show(&[], &[]);
    assert_eq!(
        (&default["value"], &default["origin"]["kind"]),
        (&"text".into(), &"default".into())
    );
    world.file("data/config.toml", "# ours\n[log]\nformat = \"json\"\n");
    let file = show(&[], &[]);
    assert_eq!(
        (&file["value"], &file["origin"]["line"]),
        (&"json".into(), &3.into())
    );
    let named = [("COUNTERSIGN_LOG_FORMAT", "text")];
    let environment = show(&named, &[]);
    assert_eq!(environment["value"], "text");
    assert_eq!(environment["origin"]["name"], "COUNTERSIGN_LOG_FORMAT");
    let option = show(&named, &["--log-format", "json"]);
    assert_eq!(option["value"], "json");
    assert_eq!(option["origin"]["name"], "--log-format");
    let empty = show(&[("COUNTERSIGN_LOG_FORMAT", "")], &[]);
    assert_eq!(empty["value"], "json", "an empty text sets nothing");
}

#[test]
fn values_stand_apart_from_the_longest_name() {
    let world = World::new();
    let shown = with(&world, &[], &["config", "show"]).exits(0);
    let line = |name: &str| {
        let mut lines = shown.out.lines().map(str::trim_start);
        lines.find_map(|line| line.strip_prefix(name)).unwrap().to_owned()
    };
    assert!(line("app_private_key_file").starts_with("  –"), "{shown}");
    assert!(line("signing_key_file").starts_with("  "), "{shown}");
}

#[test]
fn what_the_file_can_not_mean_is_refused_with_its_line() {
    let world = World::new();
    let cases = [
        (
            "[serve]\n\nlisten = \"here\"\n",
            "line 3: serve.listen",
            "ADDR:PORT",
        ),
        (
            "[serve]\nbehind_proxy = \"yes\"\n",
            "line 2: serve.behind_proxy",
            "true or false",
        ),
        (
            "[serve]\ncors_origins = \"https://a\"\n",
            "line 2: serve.cors_origins",
            "https://NAME",
        ),
        (
            "[serve]\ncors_origins = [\"https://a\", \"*\"]\n",
            "line 2: serve.cors_origins",
            "wildcard",
        ),
        (
            "[serve]\ncors_origins = [\"http://192.168.0.7:5173\"]\n",
            "line 2: serve.cors_origins",
            "this machine only",
        ),
        (
            "[database]\nurl = \"bogus\"\n",
            "line 2: database.url",
            "postgres://",
        ),
        (
            "[serve]\nrole = \"boss\"\n",
            "line 2: serve.role",
            "all, api or worker",
        ),
        (
            "[serve]\nlisen = \"127.0.0.1:1\"\n",
            "line 2: [serve] has no setting `lisen`",
            "listen, role",
        ),
        ("\n[server]\n", "line 2: there is no table `server`", "serve, "),
        ("serve = 1\n", "line 1: `serve` is a table", "[serve]"),
        ("[serve\n", "line 1", "TOML"),
        (
            "[paths]\ndata = \"/elsewhere\"\n",
            "line 2: this file is in the data folder",
            "--data",
        ),
        (
            "[paths]\nconfig = \"x\"\n",
            "line 2: [paths] has no setting `config`",
            "data, keys",
        ),
        (
            "[mail]\npassword = 12345\n",
            "line 2: mail.password: it is a number",
            "a text",
        ),
        (
            "[mail]\nserver = \"smtp://m.example\"\nfrom = \"a@b.c\"\n",
            "mail.to is not",
            "TARGET_EMAIL",
        ),
        (
            "[github]\nstart_label = \" go\"\n",
            "line 2: github.start_label",
            "1 to 50 characters",
        ),
        ("[mail]\nuser = \"u\"\n", "mail.password is not", "SMTP_PASSWORD"),
        (
            "[[webhooks]]\nurl = \"http://far.example/\"\n",
            "line 2: webhooks.0.url",
            "this machine",
        ),
        (
            "[[webhooks]]\nurl = \"https://a\"\n[[webhooks]]\nform = \"xml\"\n",
            "line 4: webhooks.1",
            "webhooks",
        ),
        (
            "[[webhooks]]\nurl = \"https://a\"\n",
            "webhooks.secret is not",
            "WEBHOOK_SECRET",
        ),
        (
            "[webhooks]\nurl = \"https://a\"\n",
            "line 1: `webhooks` is a table",
            "[[webhooks]]",
        ),
        (
            "[github]\nrepo = \"nobody\"\n",
            "line 2: github.repo",
            "OWNER/NAME",
        ),
        (
            "[serve]\nbehind_proxy = true\n",
            "serve.origin is not",
            "COUNTERSIGN_ORIGIN",
        ),
    ];
    for (text, words, next) in cases {
        world.file("data/config.toml", text);
        let refused = world.run(&["config", "show"]).exits(2).says(words).says(next);
        assert!(refused.err.contains("config-"), "{text}: {refused}");
    }
}

#[test]
fn a_file_that_is_wrong_stops_commands_and_doctor_says_why() {
    let world = World::new();
    world.done();
    world.file("data/config.toml", "[serv]\n");
    world.run(&["list"]).exits(2).says("there is no table `serv`");
    let found = world.run(&["doctor"]).exits(2).says("there is no table `serv`");
    assert!(found.out.contains("ledger"), "it goes on with the rest: {found}");
    world.file("data/config.toml", "[serve]\nlisten = \"x\"\n");
    world.run(&["list"]).exits(0);
    world.run(&["serve"]).exits(2).says("line 2: serve.listen");
}

#[test]
fn a_set_up_for_something_else_does_not_stop_what_does_not_use_it() {
    let world = World::new();
    let foreign = [("GITHUB_REPO", "not a repository"), ("TARGET_EMAIL", "nobody")];
    with(&world, &foreign, &["list"]).exits(0);
    with(&world, &foreign, &["config", "show"])
        .exits(2)
        .says("GITHUB_REPO: github.repo");
}

/// INV-11.
#[test]
fn secrets_are_shown_nowhere() {
    let world = World::new();
    world.run(&["repo", "add", "tollgate"]).exits(0);
    world.file(
        "data/config.toml",
        format!("[github]\nclient_id = \"x\"\nclient_secret = \"{CANARY}\"\n[[webhooks]]\nurl = \"https://hooks.example/{CANARY}\"\nsecret = \"whsec_{CANARY}AAAAAAAAAAAAAAAAAAA\"\n"),
    );
    let secrets = [
        ("GITHUB_TOKEN", CANARY),
        // Where nobody answers: `doctor` asks.
        ("COUNTERSIGN_GITHUB_API_URL", "http://127.0.0.1:1"),
        ("JWT_SECRET", CANARY),
        ("DATABASE_URL", "postgres://me:kanarienvogel@db.example.org/cs"),
        ("REDIS_URL", "redis://:kanarienvogel@localhost"),
        ("CLAUDE_API_KEY", CANARY),
        ("OPENAI_API_KEY", CANARY),
        ("SMTP_USER", "ada"),
        ("SMTP_PASSWORD", CANARY),
    ];
    let quiet = |ran: &Ran| assert!(!format!("{ran}").contains(CANARY), "{ran}");
    for arguments in [
        &["config", "show"][..],
        &["config", "show", "--json"],
        &["doctor", "-vv"],
        &["list", "-vv"],
    ] {
        quiet(&with(&world, &secrets, arguments).exits(0));
    }
    let (mut served, _, said) = serve(&world, &secrets, &["-vv", "--listen", "127.0.0.1:0"]);
    stop(&mut served);
    let err = said.join().unwrap();
    assert!(
        err.contains("nothing uses it yet") && !err.contains(CANARY),
        "{err}"
    );

    // Nor where they are refused.
    let wrong = [
        format!("[mail]\nserver = \"smtp://me:{CANARY}@mail.example\"\n"),
        format!("[mail]\npassword = [\"{CANARY}\"]\n"),
        format!("[github]\nrepo = \"{CANARY}\"\n"),
        format!("[database]\nurl = \"{CANARY}\"\n"),
        format!("[mail]\npassword = \"{CANARY}\n"),
        format!("[[webhooks]]\nurl = \"http://{CANARY}.example/\"\n"),
        format!("[[webhooks]]\nurl = \"https://a\"\nform = \"{CANARY}\"\n"),
        format!("[serve]\nlisten = \"{CANARY}\"\nrole = \"{CANARY}\"\n"),
    ];
    for text in wrong {
        world.file("data/config.toml", text);
        quiet(&with(&world, &[], &["config", "show"]).exits(2));
        quiet(&with(&world, &[], &["doctor", "--json"]).exits(2));
    }
}

#[test]
fn what_nothing_uses_yet_is_said() {
    let world = World::new();
    let set = [
        ("OPENAI_API_KEY", "x"),
        ("CLAUDE_API_KEY", "x"),
        ("COUNTERSIGN_LISTN", "127.0.0.1:1"),
    ];
    let shown = with(&world, &set, &["config", "show", "--json"]).exits(0).json();
    assert_eq!(
        shown["warnings"],
        serde_json::json!([
            "set, but nothing uses it yet: CLAUDE_API_KEY, OPENAI_API_KEY",
            "in the environment, but no setting: COUNTERSIGN_LISTN"
        ])
    );
    let key = setting(&shown, "anthropic.api_key");
    assert_eq!(key["origin"]["name"], "CLAUDE_API_KEY");
    assert_eq!((&key["value"], &key["set"]), (&Value::Null, &true.into()));
    with(&world, &set, &["doctor"])
        .exits(0)
        .says("nothing uses it yet: CLAUDE_API_KEY");
    let both = [("ANTHROPIC_API_KEY", "x"), ("CLAUDE_API_KEY", "y")];
    let shown = with(&world, &both, &["config", "show", "--json"]).exits(0).json();
    assert_eq!(
        setting(&shown, "anthropic.api_key")["origin"]["name"],
        "ANTHROPIC_API_KEY"
    );
    let ours = world.run(&["config", "show", "--json"]).exits(0).json();
    assert_eq!(ours["warnings"], serde_json::json!([]));
}

#[test]
fn the_page_of_settings_fits_eighty_columns() {
    let world = World::new();
    world.file(
        "etc/c.toml",
        "[serve]\nlisten = \"127.0.0.1:7272\"\n[[webhooks]]\nurl = \"https://hooks.slack.example/x\"\nform = \"slack\"\n",
    );
    std::fs::set_permissions(world.path("etc/c.toml"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let set = [
        ("COUNTERSIGN_CONFIG", "etc/c.toml"),
        ("COUNTERSIGN_DATA", "data"),
        ("COUNTERSIGN_KEYS", "/media/a-stick-with-a-rather-long-name/keys"),
        ("COUNTERSIGN_GITHUB_BASE_URL", "https://github.example.org"),
        ("CORS_ORIGINS", "https://front.example, http://localhost:5173"),
        ("ALLOWED_GITHUB_USERS", "ada,grace"),
        ("GITHUB_REPO", "octo/hello"),
        ("REDIS_URL", "redis://localhost"),
        ("SMTP_USER", "ada"),
        ("SMTP_PASSWORD", "x"),
    ];
    let shown = with(&world, &set, &["config", "show"]).exits(0);
    assert!(shown.out.lines().all(|l| l.chars().count() <= 80), "{shown}");
    insta::assert_snapshot!(shown.out);
}

#[test]
fn a_file_can_be_named_and_then_says_where_the_data_is() {
    let world = World::new();
    world.file("etc/c.toml", "[paths]\ndata = \"../there\"\nkeys = \"secrets\"\n");
    let mut command = world.command(&["--config", "etc/c.toml", "repo", "add", "tollgate"]);
    command.env_remove("COUNTERSIGN_DATA");
    ran(&command.output().unwrap()).exits(0);
    assert!(
        world.path("there/countersign.db").exists(),
        "a path starts at its file's folder"
    );
    assert!(world.path("etc/secrets/ledger.seed").exists());
    assert!(!world.path("there/keys").exists());
    world
        .run(&["--config", "nowhere.toml", "list"])
        .exits(2)
        .says("file-missing");
    world.run(&["--config", "etc", "list"]).says("it is no file");
}

#[test]
fn a_stranger_who_can_read_a_secret_is_warned_of() {
    let world = World::new();
    world.file("etc/c.toml", "[openai]\napi_key = \"x\"\n");
    let mode = |bits| {
        std::fs::set_permissions(world.path("etc/c.toml"), std::fs::Permissions::from_mode(bits)).unwrap();
    };
    std::fs::set_permissions(world.path("etc"), std::fs::Permissions::from_mode(0o755)).unwrap();
    mode(0o644);
    let show = || world.run(&["--config", "etc/c.toml", "config", "show"]).exits(0);
    show().says("chmod 600");
    mode(0o600);
    assert!(!show().out.contains("chmod"));
    mode(0o644);
    std::fs::set_permissions(world.path("etc"), std::fs::Permissions::from_mode(0o700)).unwrap();
    assert!(!show().out.contains("chmod"), "nobody else comes into its folder");
    world.file("etc/c.toml", "[serve]\nrole = \"api\"\n");
    std::fs::set_permissions(world.path("etc"), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(!show().out.contains("chmod"), "it holds no secret");
}

#[test]
fn a_backup_is_put_back_beside_settings_that_are_there() {
    let world = World::new();
    world.done();
    world.run(&["backup", "--to", "copy"]).exits(0);
    assert!(!world.path("copy/config.toml").exists());
    world.file("new/config.toml", "[log]\nformat = \"json\"\n");
    let keys = world.path("data/keys");
    world
        .run(&[
            "restore",
            "--from",
            "copy",
            "--data",
            "new",
            "--keys",
            keys.to_str().unwrap(),
        ])
        .exits(0);
    assert!(world.path("new/countersign.db").exists() && world.path("new/config.toml").exists());
}

#[test]
fn a_dot_env_of_the_folder_that_one_stands_in_is_never_read() {
    let world = World::new();
    for place in [".env", "tollgate/.env", "data/.env"] {
        world.file(
            place,
            "COUNTERSIGN_LOG_FORMAT=json\nGITHUB_TOKEN=x\nCOUNTERSIGN_DATA=evil\n",
        );
    }
    let mut command = world.command(&["config", "show", "--json"]);
    command.current_dir(world.path("tollgate"));
    let shown = ran(&command.output().unwrap()).exits(0).json();
    for key in ["log.format", "github.token"] {
        assert_eq!(setting(&shown, key)["origin"]["kind"], "default");
    }
}

#[test]
fn a_webhook_of_the_environment_takes_the_place_of_those_in_the_file() {
    let world = World::new();
    world.file(
        "data/config.toml",
        "[[webhooks]]\nurl = \"https://a\"\nsecret = \"x\"\n[[webhooks]]\nurl = \"https://b\"\nform = \"slack\"\n",
    );
    let shown = world.run(&["config", "show", "--json"]).exits(0).json();
    assert_eq!(setting(&shown, "webhooks.0.form")["value"], "json");
    assert_eq!(setting(&shown, "webhooks.1.form")["origin"]["line"], 6);
    let one = [
        ("COUNTERSIGN_WEBHOOK_URL", "https://c"),
        ("COUNTERSIGN_WEBHOOK_FORM", "slack"),
    ];
    let shown = with(&world, &one, &["config", "show", "--json"]).exits(0).json();
    assert_eq!(
        setting(&shown, "webhooks.0.url")["origin"]["name"],
        "COUNTERSIGN_WEBHOOK_URL"
    );
    assert_eq!(setting(&shown, "webhooks.0.secret")["set"], false);
    assert!(!shown.to_string().contains("webhooks.1"));
}

#[test]
fn the_reference_has_every_name_and_its_file_is_read() {
    let world = World::new();
    let table = world.run(&["config", "reference"]).exits(0).out;
    let env = world.run(&["config", "reference", "--as", "env"]).exits(0).out;
    for name in NAMES {
        assert!(table.contains(&format!("`{name}`")), "{table}");
        assert!(env.contains(&format!("\n#{name}=")), "{env}");
    }
    let toml = world.run(&["config", "reference", "--as", "toml"]).exits(0).out;
    let sets =
        |l: &&str| l.starts_with("#[") || (l.starts_with('#') && l.contains(" = ") && !l.starts_with("# "));
    let open: Vec<&str> = toml.lines().filter(sets).map(|l| &l[1..]).collect();
    let read: toml::Table = toml::from_str(&open.join("\n")).unwrap();
    let shown = world.run(&["config", "show", "--json"]).exits(0).json();
    for setting in shown["settings"].as_array().unwrap() {
        let (section, name) = setting["key"].as_str().unwrap().split_once('.').unwrap();
        let section = read[section].as_array().map_or(&read[section], |all| &all[0]);
        assert!(
            name == "config" || section.get(name).is_some(),
            "{section}.{name}"
        );
    }
    world.file("data/config.toml", toml);
    let unset = world.run(&["config", "show", "--json"]).exits(0).json();
    assert_eq!(unset["file_read"], true);
    assert_eq!(setting(&unset, "serve.listen")["origin"]["kind"], "default");
}

#[test]
fn the_server_is_set_up_by_file_and_environment() {
    let world = World::new();
    world.file(
        "data/config.toml",
        "[serve]\nlisten = \"127.0.0.1:0\"\ncors_origins = [\"https://file.example\"]\n",
    );
    let set = [
        ("CORS_ORIGINS", "https://one.example, https://Two.example"),
        ("FRONTEND_URL", "https://front.example/inbox"),
    ];
    let (mut served, address, said) = serve(&world, &set, &[]);
    let allowed = |origin: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        let head = format!(
            "OPTIONS /api/v1/workflows HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nOrigin: {origin}\r\n\
             Access-Control-Request-Method: POST\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.contains(&format!("access-control-allow-origin: {origin}"))
    };
    for origin in [
        "https://one.example",
        "https://two.example",
        "https://front.example",
    ] {
        assert!(allowed(origin), "{origin}");
    }
    assert!(
        !allowed("https://file.example"),
        "the environment goes before the file"
    );
    stop(&mut served);
    let err = said.join().unwrap();
    assert!(!err.contains('!'), "nothing is to be warned of: {err}");
}

/// `serve --json`: the process, its address, and what it says on standard error.
fn serve(
    world: &World,
    environment: &[(&str, &str)],
    more: &[&str],
) -> (Child, String, std::thread::JoinHandle<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    world.surroundings(&mut command);
    command
        .envs(environment.iter().copied())
        .args(["serve", "--json"])
        .args(more)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let mut err = process.stderr.take().unwrap();
    let said = std::thread::spawn(move || {
        let mut text = String::new();
        err.read_to_string(&mut text).unwrap();
        text
    });
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let told: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
    let address = told["address"].as_str().unwrap();
    (process, address.trim_start_matches("http://").to_owned(), said)
}

fn stop(process: &mut Child) {
    process.kill().unwrap();
    process.wait().unwrap();
}
