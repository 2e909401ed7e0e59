//! `policy show`: the policy that counts for a base, every value with the layer that set it, and the repository's own
//! rules with the commits that they come from.

use super::layers;
use crate::adapters::own_rules::BUILT_IN;
use crate::cli::PolicyShowArgs;
use crate::commands::throwaway::Throwaway;
use crate::error::{CliError, Exit};
use crate::session::App;
use crate::terminal::{Page, Style};
use countersign_core::policy::PolicySource;
use countersign_engine::policies::Layers;
use countersign_server::wire::{OwnRulesWire, PolicyWire, ValueWire};
use serde_json::Value;

/// How many digits of a commit are shown.
const COMMIT_DIGITS: usize = 12;

/// `policy show`.
pub(crate) async fn show(app: &App, args: PolicyShowArgs) -> Result<Exit, CliError> {
    let copy = Throwaway::of(&args.repo).await?;
    let default = copy.default_branch.to_string();
    let base = copy.pin(args.base.as_deref().unwrap_or(&default)).await?.commit;
    let found = layers(app, &copy, &base, None).await?;
    let wire = PolicyWire::of(&found, BUILT_IN);
    if app.terminal.is_json() {
        app.terminal.print_json(&wire);
    } else {
        let mut shown = page(&args.repo.display().to_string(), &found, &wire.values);
        own_rules_page(&mut shown, &wire.own_rules);
        app.terminal.print(&shown);
    }
    Ok(Exit::Ok)
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
        PolicySource::Protection => "protection",
    }
}
