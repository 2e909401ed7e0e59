//! The page of a request, as a browser gets it: nothing is missing there that the terminal shows, what can't be done on it names its
//! command, and each gate says when it came out.

use crate::reviewed::{Browser, form};
use crate::served::{Served, text, world};
use crate::support::{DIFF, World};
use serde_json::{Value, json};

/// Knows how to code: moves a dependency, and says why.
const AGENT: &str = r#"#!/bin/sh
case $(cat) in
*'"role":"coder"'*) cat <<'ANSWER' ;;
{"diffs": {"tollgate": "diff --git a/package.json b/package.json\n--- a/package.json\n+++ b/package.json\n@@ -1 +1 @@\n-{\"dependencies\": {\"left-pad\": \"1.2.0\"}}\n+{\"dependencies\": {\"left-pad\": \"1.3.0\"}}\n"},
 "rationales": [{"repo": "tollgate", "path": "package.json", "step": "s1", "text": "The newer one <b>pads</b> & is faster."}]}
ANSWER
*) echo '{"unsupported": true}' ;;
esac
"#;

/// A diff and a critic who has something to say.
const SCRIPT: &str = r#"{"triage": [{"verdict": "go", "summary": "Prices double.", "reasons": ["asked for"], "risks": ["Everybody pays more."]}],
 "coder": [{"diffs": {"tollgate": "--- a/src/lib.rs\n+++ b/src/lib.rs\n@@ -1 +1 @@\n-pub fn quote(w: u32) -> u32 { w }\n+pub fn quote(w: u32) -> u32 { w * 2 }\n"}}],
 "critic": [{"findings": [{"code": "no-test", "level": "note", "repo": "tollgate", "path": "src/lib.rs", "text": "Nothing tests the factor."}]}]}"#;

/// A world in which the paths have owners and a dependency can move.
fn owned_world() -> World {
    let world = World::new();
    world.file(
        "tollgate/package.json",
        "{\"dependencies\": {\"left-pad\": \"1.2.0\"}}\n",
    );
    world.file("tollgate/CODEOWNERS", "* @paymasters\n");
    world.git("tollgate", &["add", "."]);
    world.git("tollgate", &["commit", "--quiet", "-m", "owners"]);
    world.file("agent", AGENT);
    world.file("script.json", SCRIPT);
    world.run(&["repo", "add", "tollgate"]).exits(0);
    world
}

/// What a person reads of a page: without tags, and without white space, which differs between the two.
fn read(page: &str) -> String {
    let (mut words, mut in_tag) = (String::new(), false);
    for c in page.chars() {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                words.push(' ');
            }
            _ if in_tag => {}
            _ => words.push(c),
        }
    }
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")];
    collapsed(&plain.iter().fold(words, |all, (from, to)| all.replace(from, to)))
}

fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<String>()
}

/// Lines of `show` that name what the page shows in another form: its head, and the heads of issue, budget and diff.
fn is_frame(line: &str, id: &str) -> bool {
    let begins = ["state ", "The issue", "Patch set ", "Budget"];
    line.ends_with(id) || begins.iter().any(|head| line.trim_start().starts_with(head))
}

#[test]
fn every_line_that_the_terminal_shows_before_a_decision_stands_on_the_page() {
    let world = owned_world();
    let served = Served::start(&world, &[]);
    let browser = Browser::of(&served);
    let agent = format!("command:sh {}", world.path("agent").display());
    let script = format!("scripted:{}", world.path("script.json").display());
    let allowed = world.path("agent").display().to_string();
    let unconfined = ["--agent", &agent, "--unconfined"];
    let confined = [
        "--agent",
        &agent,
        "--agent-allow",
        &allowed,
        "--agent-network",
        "api.example.com",
        "--again",
    ];
    let scripted = ["--agent", &script, "--again"];
    let cases: [(&[&str], &[&str]); 3] = [
        (
            &unconfined,
            &[
                "! runs without confinement, with your rights",
                "– The agent ran without confinement on this machine, with your rights.",
                "s1 claims for package.json: The newer one <b>pads</b> & is faster.",
                "left-pad 1.2.0 → 1.3.0",
                "CODEOWNERS of the default branch; shown only: in solo mode nobody else can be asked",
                "@paymasters",
                "risk ",
                "message     ",
                "Countersign-Workflow: ",
            ],
        ),
        (
            &confined,
            &[
                "may reach api.example.com:443",
                "– The agent could reach api.example.com:443: what it sent and fetched there is not recorded.",
            ],
        ),
        (
            &scripted,
            &[
                "risk       Everybody pays more.",
                "! no-test tollgate src/lib.rs",
                "Nothing tests the factor.",
            ],
        ),
    ];
    for (how, looked_for) in cases {
        let submit = [&["submit", "--repo", "tollgate", "--issue", "issue.md"], how].concat();
        let id = world.run(&submit).exits(0).out.trim().to_owned();
        let waits = served.until(|| {
            let all = browser.api("GET", &format!("/api/v1/requests?workflow={id}"), &Value::Null);
            all.is(200).json()["requests"]
                .as_array()
                .unwrap()
                .first()
                .cloned()
        });
        assert_eq!(waits["about"], "patch-set", "{waits}");
        let page = read(&browser.page(&format!("/requests/{}", text(&waits, "id"))));
        let shown = world.run(&["show", &id]).exits(0).out;
        for words in looked_for {
            assert!(shown.contains(words), "no `{words}` in:\n{shown}");
        }
        let of_review = shown.split("\nIt waits for a human").next().unwrap();
        for line in of_review.lines().filter(|line| !is_frame(line, &id)) {
            assert!(
                page.contains(&collapsed(line)),
                "`{line}` is not on the page:\n{page}"
            );
        }
    }
}

/// Waits until something else waits, or until it is over.
fn moved_on(served: &Served, browser: &Browser<'_>, id: &str, from: &Value) -> Value {
    served.until(|| {
        let all = browser.api("GET", &format!("/api/v1/requests?workflow={id}"), &Value::Null);
        let first = all.is(200).json()["requests"]
            .as_array()
            .unwrap()
            .first()
            .cloned()?;
        (first["id"] != from["id"]).then_some(first)
    })
}

#[test]
fn what_policy_blocks_is_waived_on_the_page_by_whoever_may() {
    let world = world();
    let served = Served::start(&world, &[]);
    let owner = Browser::of(&served);
    let owners = "--- /dev/null\n+++ b/CODEOWNERS\n@@ -0,0 +1,2 @@\n+* @me\n+docs/ @me\n";
    let new = json!({"text": "Own it", "repositories": [{"name": "tollgate"}],
        "diffs": [{"repository": "tollgate", "diff": owners}]});
    let id = owner.api("POST", "/api/v1/workflows", &new).is(202).json()["id"].clone();
    let id = id.as_str().unwrap();
    let blocked = moved_on(&served, &owner, id, &Value::Null);
    assert_eq!(blocked["about"], "question", "{blocked}");
    let violation = owner
        .api("GET", &format!("/api/v1/workflows/{id}"), &Value::Null)
        .is(200)
        .json()["violations"][0]
        .clone();
    let (rule, path) = (
        text(&violation, "id"),
        format!("/requests/{}", text(&blocked, "id")),
    );
    let page = owner.page(&path);
    assert!(
        page.contains("Let it pass") && page.contains(&format!(" {rule}\" required")),
        "{page}"
    );
    // Whoever may not is told who may, and how.
    let invited = owner
        .api(
            "POST",
            "/api/v1/members",
            &json!({"name": "Grace", "role": "reviewer"}),
        )
        .is(201)
        .json();
    let reviewer = Browser::with(&served, text(&invited, "code"));
    let page = reviewer.page(&path);
    assert!(!page.contains("Let it pass"), "{page}");
    assert!(
        page.contains(&format!("countersign waive {id} {rule} --reason …")) && page.contains("an owner may"),
        "{page}"
    );
    let value = page_value(&owner.page(&path), rule);
    let press = |who: &Browser<'_>, days: &str| {
        let fields = [
            ("digest", text(&blocked, "digest")),
            ("decision", "waive"),
            ("violation", value.as_str()),
            ("words", "It is mine."),
            ("days", days),
        ];
        who.send("POST", &path, &form(&fields))
    };
    let refused = press(&reviewer, "7");
    assert!(refused.status >= 400, "{}", refused.body);
    for wrong in ["31", "0", "many"] {
        let refused = press(&owner, wrong).is(422);
        assert!(refused.body.contains("role=\"alert\""), "{}", refused.body);
    }
    press(&owner, "7").is(303);
    let waits = moved_on(&served, &owner, id, &blocked);
    assert_eq!(waits["about"], "plan", "nothing blocks any more: {waits}");
    let page = read(&owner.page(&format!("/requests/{}", text(&waits, "id"))));
    assert!(page.contains(&collapsed("waived it: It is mine.")), "{page}");
}

/// The value of the field that stands for a broken rule.
fn page_value(page: &str, rule: &str) -> String {
    let end = page.find(&format!(" {rule}\" required")).unwrap() + rule.len() + 1;
    let begin = page[..end].rfind('"').unwrap() + 1;
    page[begin..end].to_owned()
}

#[test]
fn a_broken_rule_is_shown_below_the_line_that_breaks_it() {
    let world = world();
    let served = Served::start(&world, &[]);
    let browser = Browser::of(&served);
    let hidden = "--- a/src/lib.rs\n+++ b/src/lib.rs\n@@ -1 +1,3 @@\n pub fn quote(w: u32) -> u32 { w }\n+// same\n+// b\u{202e}ad\n";
    let odd = "--- /dev/null\n+++ \"b/\\303\\244 b.rs\"\n@@ -0,0 +1,2 @@\n+// fine\n+// c\u{202e}c\n";
    let new = json!({"text": "Say so", "repositories": [{"name": "tollgate"}],
        "diffs": [{"repository": "tollgate", "diff": format!("{hidden}{odd}")}]});
    let id = browser.api("POST", "/api/v1/workflows", &new).is(202).json()["id"].clone();
    let waits = moved_on(&served, &browser, id.as_str().unwrap(), &Value::Null);
    let page = browser.page(&format!("/requests/{}", text(&waits, "id")));
    let (_, diff) = page.split_once("<pre class=\"diff\"").unwrap();
    let lines: Vec<&str> = diff.split("</pre>").next().unwrap().lines().collect();
    let after = |words: &str| {
        let at = lines.iter().position(|l| l.contains(words));
        lines[at.unwrap_or_else(|| panic!("no `{words}` in {lines:#?}")) + 1]
    };
    for bad in ["// b⟦U+202E⟧ad", "// c⟦U+202E⟧c"] {
        assert!(
            after(bad).contains("class=\"mark ") && after(bad).contains("▲ block "),
            "{lines:#?}"
        );
    }
    for good in ["+// same", "+// fine"] {
        assert!(!after(good).contains("mark"), "{lines:#?}");
    }
    for file in ["diff --git a/src/lib.rs", "\\303\\244 b.rs&quot; &quot;b/"] {
        assert!(after(file).contains("class=\"mark "), "{lines:#?}");
    }
}

#[test]
fn each_gate_says_when_it_came_out() {
    let world = world();
    let served = Served::start(&world, &[]);
    let browser = Browser::of(&served);
    let new = json!({"text": "Say so", "repositories": [{"name": "tollgate"}],
        "diffs": [{"repository": "tollgate", "diff": DIFF}]});
    let id = browser.api("POST", "/api/v1/workflows", &new).is(202).json()["id"].clone();
    let id = id.as_str().unwrap();
    let waits = moved_on(&served, &browser, id, &Value::Null);
    let workflow = browser.api("GET", &format!("/api/v1/workflows/{id}"), &Value::Null);
    let gates = workflow.is(200).json()["gates"].as_array().unwrap().clone();
    assert_eq!(gates.len(), 3, "{gates:?}");
    let page = browser.page(&format!("/requests/{}", text(&waits, "id")));
    let mut before = String::new();
    for gate in &gates {
        let at = text(gate, "at");
        assert!(
            at.len() == 24 && at.ends_with('Z') && at >= before.as_str(),
            "{gate}"
        );
        assert!(
            page.contains(&format!("datetime=\"{at}\"")),
            "{at} is not on the page:\n{page}"
        );
        at.clone_into(&mut before);
    }
    assert!(page.contains("less than a minute ago"), "{page}");
    assert!(
        read(&page).contains(&collapsed("– gate 4")),
        "what is to come is named"
    );
    let preview = browser
        .api("POST", "/api/v1/policy/preview", &json!({"workflow": id}))
        .is(200)
        .json();
    assert_eq!(preview["gates"][0]["at"], Value::Null, "{preview}");
}

#[test]
fn what_has_no_form_is_named_as_its_command_to_whoever_may_do_it() {
    let world = world();
    let served = Served::start(&world, &[]);
    let owner = Browser::of(&served);
    let new = json!({"text": "Say so", "repositories": [{"name": "tollgate"}],
        "diffs": [{"repository": "tollgate", "diff": DIFF}]});
    let id = owner.api("POST", "/api/v1/workflows", &new).is(202).json()["id"].clone();
    let id = id.as_str().unwrap();
    let waits = moved_on(&served, &owner, id, &Value::Null);
    let invited = owner.api(
        "POST",
        "/api/v1/members",
        &json!({"name": "Vera", "role": "viewer"}),
    );
    let viewer = Browser::with(&served, text(&invited.is(201).json(), "code"));
    let commands = ["deselect", "cancel"].map(|verb| format!("countersign {verb} {id} "));
    for path in [
        format!("/requests/{}", text(&waits, "id")),
        format!("/workflows/{id}"),
    ] {
        let (mine, theirs) = (owner.page(&path), viewer.page(&path));
        for command in &commands {
            assert!(mine.contains(command), "no `{command}` on {path}:\n{mine}");
            assert!(!theirs.contains(command), "`{command}` on {path}:\n{theirs}");
        }
        assert!(!mine.contains("countersign withdraw"), "nothing is approved yet");
    }
}
