//! Built-in lists of files that steer something: CI, policy, coding agents, dependencies, access.
//!
//! Patterns are compared with the folded path; a folder's name covers all below it.

use super::fold::fold;
use super::globs::path_set;
use globset::{Candidate, GlobSet};
use std::sync::LazyLock;

/// A list of paths, by what they steer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathList {
    /// What CI systems read to know what to run.
    Ci,
    /// Who may decide and merge what.
    Policy,
    /// What coding agents read as instructions.
    AgentInstruction,
    /// What is pulled in from elsewhere.
    Dependency,
    /// Where submodules come from.
    Submodule,
}

impl PathList {
    /// Whether the list has the path, given as its match key.
    pub(super) fn contains(self, key: &[u8]) -> bool {
        let set = match self {
            PathList::Ci => &CI,
            PathList::Policy => &POLICY,
            PathList::AgentInstruction => &AGENT_INSTRUCTION,
            PathList::Dependency => &DEPENDENCY,
            PathList::Submodule => &SUBMODULE,
        };
        set.is_match_candidate(&Candidate::from_bytes(key))
    }
}

fn compile(patterns: &[&str]) -> GlobSet {
    path_set(patterns.iter().map(|p| fold(p)), false).expect("because a test compiles the built-in lists")
}

static CI: LazyLock<GlobSet> = LazyLock::new(|| {
    compile(&[
        ".github/workflows",
        ".github/actions",
        ".gitea/workflows",
        ".forgejo/workflows",
        ".gitlab-ci.yml",
        ".gitlab-ci.yaml",
        ".gitlab/ci",
        "**/.gitlab-ci",
        "**/*.gitlab-ci.{yml,yaml}",
        ".circleci",
        "**/Jenkinsfile*",
        "**/*.jenkinsfile",
        "**/azure-pipelines*.{yml,yaml}",
        ".azure-pipelines",
        ".azuredevops",
        ".travis.{yml,yaml}",
        ".drone.{yml,yaml,jsonnet,star}",
        ".woodpecker*",
        ".buildkite",
        ".ci",
        ".tekton",
        "tekton",
        "bitbucket-pipelines.{yml,yaml}",
        "{.appveyor,appveyor}.{yml,yaml}",
        ".cirrus.{yml,yaml,star}",
        ".semaphore",
        ".teamcity",
        ".build.{yml,yaml}",
        ".builds",
        "{.zuul,zuul}.{yml,yaml}",
        "{.zuul.d,zuul.d}",
        "**/cloudbuild*.{yml,yaml,json}",
        "**/buildspec*.{yml,yaml}",
        ".pre-commit-config.{yml,yaml}",
        ".pre-commit-hooks.{yml,yaml}",
        ".husky",
        ".githooks",
        "{.lefthook,lefthook}.{yml,yaml,toml,json}",
    ])
});

static POLICY: LazyLock<GlobSet> = LazyLock::new(|| {
    compile(&[
        ".countersign.toml",
        ".countersign",
        "CODEOWNERS",
        "docs/CODEOWNERS",
        "{.github,.gitlab,.gitea,.forgejo,.bitbucket}/CODEOWNERS",
        ".github/settings.{yml,yaml}",
        ".github/rulesets",
        "{.mergify,.github/mergify,.mergify/config}.{yml,yaml}",
    ])
});

static AGENT_INSTRUCTION: LazyLock<GlobSet> = LazyLock::new(|| {
    compile(&[
        "**/{AGENT,AGENTS,AGENTS.override,CLAUDE,CLAUDE.local,GEMINI,QWEN}.md",
        "**/{.agent,.agents,.claude,.codex,.gemini,.qwen,.opencode,.cursor,.windsurf,.kiro,.junie,.roo}",
        "**/{.amazonq,.augment,.continue,.trae}",
        "**/{.cursorrules,.cursorignore,.windsurfrules,.clinerules,.continuerules,.goosehints}",
        "**/{.roorules*,.roomodes,.augment-guidelines}",
        "**/.aider*",
        "**/{.mcp.json,opencode.json,opencode.jsonc}",
        ".vscode/mcp.json",
        ".github/copilot-*",
        ".github/{instructions,prompts,chatmodes,agents,skills}",
    ])
});

static DEPENDENCY: LazyLock<GlobSet> = LazyLock::new(|| {
    compile(&[
        "**/{Cargo.toml,Cargo.lock,.cargo}",
        "**/{package.json,package-lock.json,npm-shrinkwrap.json,yarn.lock,pnpm-lock.yaml}",
        "**/pnpm-workspace.yaml",
        "**/{bun.lock,bun.lockb,deno.json,deno.jsonc,deno.lock,.npmrc,.yarnrc,.yarnrc.yml,.pnp.cjs,.yarn}",
        "**/{bower.json,bower_components,node_modules}",
        "**/{requirements*.txt,requirements*.in,constraints*.txt,pyproject.toml,setup.py,setup.cfg}",
        "**/requirements/*.{txt,in}",
        "**/{Pipfile,Pipfile.lock,poetry.lock,uv.lock,pdm.lock,pylock*.toml,environment.{yml,yaml}}",
        "**/{go.mod,go.sum,go.work,go.work.sum}",
        "**/{Gemfile,Gemfile.lock,gems.rb,gems.locked,*.gemspec}",
        "**/{composer.json,composer.lock}",
        "**/{pom.xml,build.gradle,build.gradle.kts,settings.gradle,settings.gradle.kts,gradle.lockfile}",
        "**/{libs.versions.toml,gradle-wrapper.properties,gradle-wrapper.jar,build.sbt,ivy.xml,deps.edn}",
        "**/{*.csproj,*.fsproj,*.vbproj,packages.config,packages.lock.json,nuget.config,paket.*}",
        "**/{Directory.Packages.props,Directory.Build.props}",
        "**/{mix.exs,mix.lock,rebar.config,rebar.lock,stack.yaml,*.cabal,cabal.project,opam,*.opam}",
        "**/{Package.swift,Package.resolved,Podfile,Podfile.lock,Cartfile,Cartfile.resolved}",
        "**/{pubspec.yaml,pubspec.lock,flake.nix,flake.lock,Manifest.toml,build.zig.zon}",
        "**/{conanfile.txt,conanfile.py,conan.lock,vcpkg.json,MODULE.bazel,MODULE.bazel.lock,WORKSPACE}",
        ".github/dependabot.{yml,yaml}",
        "**/{renovate.json,renovate.json5,.renovaterc,.renovaterc.json}",
        "vendor",
        "third_party",
    ])
});

static SUBMODULE: LazyLock<GlobSet> =
    LazyLock::new(|| compile(&[".gitmodules", ".gitmodules:*", "gitmod~[1-9]*", "gi7eba~[1-9]*"]));

/// Words that mark files about who may do what.
const AUTH_WORDS: [&str; 38] = [
    "2fa",
    "acl",
    "acls",
    "auth",
    "authenticate",
    "authentication",
    "authenticator",
    "authn",
    "authorisation",
    "authorise",
    "authorization",
    "authorize",
    "authz",
    "credential",
    "credentials",
    "crypto",
    "iam",
    "jwt",
    "keycloak",
    "ldap",
    "login",
    "logins",
    "mfa",
    "oauth",
    "oauth2",
    "oidc",
    "passkey",
    "passwd",
    "password",
    "passwords",
    "permission",
    "permissions",
    "rbac",
    "saml",
    "security",
    "session",
    "sso",
    "webauthn",
];

/// Whether a word of the path, given as its match key, is about access.
pub(super) fn is_auth(key: &[u8]) -> bool {
    let words = key.split(|b| !b.is_ascii_alphanumeric());
    words
        .into_iter()
        .any(|word| AUTH_WORDS.iter().any(|auth| auth.as_bytes() == word))
}
