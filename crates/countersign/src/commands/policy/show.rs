//! `policy show`: the policy that counts for a base, every value with the layer that set it, and the repository's own
//! rules with the commits that they come from.

use super::{Layers, layers};
use crate::adapters::own_rules::BUILT_IN;
use crate::cli::PolicyShowArgs;
use crate::commands::throwaway::Throwaway;
use crate::error::{CliError, Exit};
use crate::session::App;
use crate::terminal::{Page, Style};
use countersign_core::id::CommitSha;
use countersign_core::policy::{CiRequirement, EffectivePolicy, OwnRuleFile, PolicySource, Sourced};
use serde::Serialize;
use serde_json::Value;

/// How many digits of a commit are shown.
const COMMIT_DIGITS: usize = 12;

/// `policy show --json`.
#[derive(Debug, Serialize)]
struct ShowWire {
    /// Names the policy: as in requests and evidence.
    digest: String,
    /// The base that it counts for.
    base: String,
    /// From the loosest on.
    layers: Vec<LayerWire>,
    /// Every value; `paths.frozen` and `bases.allowed` as often as they are said.
    values: Vec<ValueWire>,
    /// The files of rules that the repository brings itself; all of them are asked.
    own_rules: Vec<OwnRulesWire>,
    /// Whether this build can run them; where it can't, they block everything.
    runs_own_rules: bool,
}

/// One file of rules in one layer.
#[derive(Debug, Serialize)]
struct OwnRulesWire {
    path: String,
    source: PolicySource,
    /// The commit that it was read from.
    commit: String,
    /// SHA-256 of its content; null: it is no file, and can't be run.
    digest: Option<String>,
}

#[derive(Debug, Serialize)]
struct LayerWire {
    /// `floor`, `organisation`, `default-branch` or `base`.
    source: PolicySource,
    /// Where it is looked for.
    place: String,
    /// Whether there is one.
    there: bool,
}

/// One value and who set it.
#[derive(Debug, Serialize)]
struct ValueWire {
    /// As in a policy file: `rules.ci-file`.
    key: String,
    value: Value,
    source: PolicySource,
}

/// `policy show`.
pub(crate) async fn show(app: &App, args: PolicyShowArgs) -> Result<Exit, CliError> {
    let copy = Throwaway::of(&args.repo).await?;
    let default = copy.default_branch.to_string();
    let base = copy.pin(args.base.as_deref().unwrap_or(&default)).await?.commit;
    let found = layers(app, &copy, &base, None).await?;
    let values = values(&found.policy);
    if app.terminal.is_json() {
        app.terminal.print_json(&ShowWire {
            digest: found.policy.digest().to_hex(),
            base: base.to_string(),
            own_rules: own_rules(&found, &base),
            runs_own_rules: BUILT_IN,
            layers: found.layers.into_iter().map(wire).collect(),
            values,
        });
    } else {
        let mut shown = page(&args.repo.display().to_string(), &found, &values);
        own_rules_page(&mut shown, &own_rules(&found, &base));
        app.terminal.print(&shown);
    }
    Ok(Exit::Ok)
}

/// The files of rules of every layer, with the commit that they come from.
fn own_rules(found: &Layers, base: &CommitSha) -> Vec<OwnRulesWire> {
    let one = |file: &Sourced<OwnRuleFile>| OwnRulesWire {
        path: file.value.path.to_text(),
        source: file.source,
        commit: match file.source {
            PolicySource::DefaultBranch => found.default_commit.to_string(),
            PolicySource::Floor | PolicySource::Organisation | PolicySource::Base => base.to_string(),
        },
        digest: file.value.digest.map(|d| d.to_hex()),
    };
    found.policy.own_rules.iter().map(one).collect()
}

fn own_rules_page(page: &mut Page, files: &[OwnRulesWire]) {
    if files.is_empty() {
        return;
    }
    page.heading("Own rules");
    let wide = files.iter().map(|f| f.path.chars().count()).max().unwrap_or(0);
    for file in files {
        let digest = file.digest.as_deref().and_then(|d| d.get(..8));
        let commit: String = file.commit.chars().take(COMMIT_DIGITS).collect();
        page.line(2)
            .column(Style::Plain, &file.path, wide + 2)
            .column(Style::Bold, digest.unwrap_or("no file"), 10)
            .column(Style::Dim, commit, COMMIT_DIGITS + 2)
            .add(Style::Name, short(file.source));
    }
    if !BUILT_IN {
        page.line(2).add(Style::Bad, "✗ ").add(
            Style::Plain,
            "this build can't run them, so they block everything",
        );
    }
}

fn wire(layer: super::Layer) -> LayerWire {
    let super::Layer { source, place, there } = layer;
    LayerWire { source, place, there }
}

/// Every value in the order of a policy file.
fn values(policy: &EffectivePolicy) -> Vec<ValueWire> {
    let mut all = Vec::new();
    let mut push = |key: String, value: Value, source| all.push(ValueWire { key, value, source });
    for glob in &policy.frozen {
        push("paths.frozen".into(), json(&glob.value), glob.source);
    }
    for list in &policy.allowed_bases {
        push("bases.allowed".into(), json(&list.value), list.source);
    }
    for (rule, severity) in &policy.rules {
        push(format!("rules.{rule}"), json(&severity.value), severity.source);
    }
    let approvers = &policy.approvers;
    let numbers = [
        ("limits.max-files", policy.max_files),
        ("limits.max-lines", policy.max_lines),
        ("approval.low", approvers.low),
        ("approval.medium", approvers.medium),
        ("approval.high", approvers.high),
        ("approval.days", policy.approval_days),
        ("waivers.days", policy.waiver_days),
        ("review.rounds", policy.review_rounds),
    ];
    for (key, Sourced { value, source }) in numbers {
        push(key.into(), json(&value), source);
    }
    let EffectivePolicy {
        max_file_bytes: bytes,
        plan_approval: plan,
        unattended,
        base_movement: movement,
        ci,
        ..
    } = policy;
    push("limits.max-file-bytes".into(), json(&bytes.value), bytes.source);
    push("approval.plan".into(), json(&plan.value), plan.source);
    push(
        "approval.unattended".into(),
        json(&unattended.value),
        unattended.source,
    );
    push("base.movement".into(), json(&movement.value), movement.source);
    let required = match ci.value {
        CiRequirement::Required => true,
        CiRequirement::NotRequired => false,
    };
    push("ci.required".into(), json(&required), ci.source);
    // A file's order of tables; within one the order stays.
    let tables = [
        "paths", "bases", "rules", "limits", "approval", "waivers", "base", "ci", "review",
    ];
    let place = |v: &ValueWire| tables.iter().position(|t| Some(*t) == v.key.split('.').next());
    all.sort_by_key(place);
    all
}

fn json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("because numbers, words and lists of words are JSON")
}

fn page(repo: &str, found: &Layers, values: &[ValueWire]) -> Page {
    let mut page = Page::new();
    page.gap();
    page.line(0)
        .add(Style::Bold, "Policy of ")
        .add(Style::Name, repo)
        .add(Style::Plain, "  digest ")
        .add(Style::Warn, found.policy.digest().first8());
    page.line(2)
        .add(Style::Dim, "each layer tightens those above it; nothing loosens");
    for layer in &found.layers {
        let there = if layer.there { "" } else { "  (none)" };
        page.line(2)
            .column(Style::Plain, short(layer.source), 16)
            .add(Style::Dim, &layer.place)
            .add(Style::Dim, there);
    }
    let wide = |text: fn(&ValueWire) -> String| values.iter().map(move |v| text(v).chars().count()).max();
    let keys = wide(|v| name(&v.key).to_owned()).unwrap_or(0);
    let mut table = "";
    for value in values {
        let own = value.key.split('.').next().unwrap_or_default();
        if own != table {
            table = own;
            page.heading(&format!("[{own}]"));
        }
        let set_here = value.source != PolicySource::Floor;
        page.line(2)
            .column(Style::Plain, name(&value.key), keys + 2)
            .column(
                if set_here { Style::Bold } else { Style::Plain },
                text(&value.value),
                18,
            )
            .add(
                if set_here { Style::Name } else { Style::Dim },
                short(value.source),
            );
    }
    page
}

/// The key without its table.
fn name(key: &str) -> &str {
    key.split_once('.').map_or(key, |(_, name)| name)
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

fn short(source: PolicySource) -> &'static str {
    match source {
        PolicySource::Floor => "floor",
        PolicySource::Organisation => "organisation",
        PolicySource::DefaultBranch => "default branch",
        PolicySource::Base => "base",
    }
}
