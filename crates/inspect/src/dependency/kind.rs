//! Which files say what is pulled in from elsewhere, told by their paths.

use super::listing::Listing;
use super::{cargo, go, gradle, maven, npm, pnpm, python, python_lock, yarn};
use crate::unreadable::Unreadable;
use countersign_core::dependency::{DependencyFile, Ecosystem};
use countersign_core::path::RepoPath;

/// A kind of manifest, lockfile or settings file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    CargoManifest,
    CargoLock,
    CargoConfig,
    NpmManifest,
    NpmLock,
    NpmRc,
    YarnLock,
    YarnRc,
    YarnRcYml,
    PnpmLock,
    PnpmWorkspace,
    Requirements,
    PyProject,
    PythonLock,
    SetupPy,
    GoModule,
    GoSum,
    Pom,
    GradleScript,
    GradleLock,
    VersionCatalogue,
    Wrapper,
    /// A manifest or lockfile that is known by name only.
    Other,
    /// A lockfile in a form that people can't read either.
    Opaque,
}

/// The kind of a path, if it is one.
pub(crate) fn kind_of(path: &RepoPath) -> Option<Kind> {
    let path = path.as_str()?;
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let parent = folder.rsplit('/').next().unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    let kind = match lower.as_str() {
        "cargo.toml" => Kind::CargoManifest,
        "cargo.lock" => Kind::CargoLock,
        "config" | "config.toml" if parent == ".cargo" => Kind::CargoConfig,
        "package.json" => Kind::NpmManifest,
        "package-lock.json" | "npm-shrinkwrap.json" => Kind::NpmLock,
        ".npmrc" => Kind::NpmRc,
        "yarn.lock" => Kind::YarnLock,
        ".yarnrc" => Kind::YarnRc,
        ".yarnrc.yml" => Kind::YarnRcYml,
        "pnpm-lock.yaml" => Kind::PnpmLock,
        "pnpm-workspace.yaml" => Kind::PnpmWorkspace,
        "pyproject.toml" => Kind::PyProject,
        "poetry.lock" | "uv.lock" | "pdm.lock" => Kind::PythonLock,
        "setup.py" => Kind::SetupPy,
        "go.mod" | "go.work" => Kind::GoModule,
        "go.sum" | "go.work.sum" => Kind::GoSum,
        "pom.xml" => Kind::Pom,
        "build.gradle" | "build.gradle.kts" | "settings.gradle" | "settings.gradle.kts" => Kind::GradleScript,
        "gradle.lockfile" | "buildscript-gradle.lockfile" => Kind::GradleLock,
        "gradle-wrapper.properties" | "maven-wrapper.properties" => Kind::Wrapper,
        "bun.lockb" | "gradle-wrapper.jar" => Kind::Opaque,
        other if other.ends_with(".versions.toml") => Kind::VersionCatalogue,
        other if other.starts_with("pylock.") && other.ends_with(".toml") => Kind::PythonLock,
        other if is_requirements(other, parent) => Kind::Requirements,
        other if is_other(other) => Kind::Other,
        _ => return None,
    };
    Some(kind)
}

fn is_requirements(name: &str, parent: &str) -> bool {
    let text = name.ends_with(".txt") || name.ends_with(".in");
    let named = ["requirements", "constraints"]
        .iter()
        .any(|word| name.contains(word));
    text && (named || parent == "requirements")
}

/// Manifests and lockfiles of ecosystems whose contents are not read in detail.
fn is_other(name: &str) -> bool {
    const NAMES: [&str; 46] = [
        "bun.lock",
        "deno.json",
        "deno.jsonc",
        "deno.lock",
        "bower.json",
        ".pnp.cjs",
        ".pnpmfile.cjs",
        "setup.cfg",
        "pipfile",
        "pipfile.lock",
        "uv.toml",
        "pip.conf",
        "environment.yml",
        "environment.yaml",
        "gemfile",
        "gemfile.lock",
        "gems.rb",
        "gems.locked",
        "composer.json",
        "composer.lock",
        "build.sbt",
        "ivy.xml",
        "deps.edn",
        "packages.config",
        "packages.lock.json",
        "nuget.config",
        "directory.packages.props",
        "directory.build.props",
        "mix.exs",
        "mix.lock",
        "rebar.config",
        "rebar.lock",
        "stack.yaml",
        "cabal.project",
        "package.swift",
        "package.resolved",
        "podfile",
        "podfile.lock",
        "pubspec.yaml",
        "pubspec.lock",
        "flake.nix",
        "flake.lock",
        "build.zig.zon",
        "module.bazel",
        "vcpkg.json",
        "verification-metadata.xml",
    ];
    const ENDINGS: [&str; 6] = [".gemspec", ".csproj", ".fsproj", ".vbproj", ".cabal", ".opam"];
    NAMES.contains(&name) || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

impl Kind {
    /// Whose rules hold; none for what is not read in detail.
    pub(crate) fn ecosystem(self) -> Option<Ecosystem> {
        match self {
            Kind::CargoManifest | Kind::CargoLock | Kind::CargoConfig => Some(Ecosystem::Cargo),
            Kind::NpmManifest
            | Kind::NpmLock
            | Kind::NpmRc
            | Kind::YarnLock
            | Kind::YarnRc
            | Kind::YarnRcYml
            | Kind::PnpmLock
            | Kind::PnpmWorkspace => Some(Ecosystem::Npm),
            Kind::Requirements | Kind::PyProject | Kind::PythonLock | Kind::SetupPy => {
                Some(Ecosystem::Python)
            }
            Kind::GoModule | Kind::GoSum => Some(Ecosystem::Go),
            Kind::Pom | Kind::GradleScript | Kind::GradleLock | Kind::VersionCatalogue | Kind::Wrapper => {
                Some(Ecosystem::Java)
            }
            Kind::Other | Kind::Opaque => None,
        }
    }

    /// What kind of file it is for people.
    pub(crate) fn file(self) -> DependencyFile {
        match self {
            Kind::CargoManifest
            | Kind::NpmManifest
            | Kind::PnpmWorkspace
            | Kind::Requirements
            | Kind::PyProject
            | Kind::SetupPy
            | Kind::GoModule
            | Kind::Pom
            | Kind::GradleScript
            | Kind::VersionCatalogue
            | Kind::Other => DependencyFile::Manifest,
            Kind::CargoLock
            | Kind::NpmLock
            | Kind::YarnLock
            | Kind::PnpmLock
            | Kind::PythonLock
            | Kind::GoSum
            | Kind::GradleLock
            | Kind::Opaque => DependencyFile::Lockfile,
            Kind::CargoConfig | Kind::NpmRc | Kind::YarnRc | Kind::YarnRcYml | Kind::Wrapper => {
                DependencyFile::Settings
            }
        }
    }

    /// The lockfiles that go with a manifest of this kind.
    pub(crate) fn lockfiles(self) -> &'static [Kind] {
        match self {
            Kind::CargoManifest => &[Kind::CargoLock],
            Kind::NpmManifest | Kind::PnpmWorkspace => &[Kind::NpmLock, Kind::YarnLock, Kind::PnpmLock],
            Kind::PyProject => &[Kind::PythonLock],
            Kind::GoModule => &[Kind::GoSum],
            Kind::GradleScript | Kind::VersionCatalogue => &[Kind::GradleLock],
            Kind::CargoLock
            | Kind::CargoConfig
            | Kind::NpmLock
            | Kind::NpmRc
            | Kind::YarnLock
            | Kind::YarnRc
            | Kind::YarnRcYml
            | Kind::PnpmLock
            | Kind::Requirements
            | Kind::PythonLock
            | Kind::SetupPy
            | Kind::GoSum
            | Kind::Pom
            | Kind::GradleLock
            | Kind::Wrapper
            | Kind::Other
            | Kind::Opaque => &[],
        }
    }

    /// Reads a file of this kind.
    pub(crate) fn read(self, bytes: &[u8]) -> Result<Listing, Unreadable> {
        match self {
            Kind::CargoManifest => cargo::manifest(bytes),
            Kind::CargoLock => cargo::lockfile(bytes),
            Kind::CargoConfig => cargo::config(bytes),
            Kind::NpmManifest => npm::manifest(bytes),
            Kind::NpmLock => npm::lockfile(bytes),
            Kind::NpmRc => npm::npmrc(bytes),
            Kind::YarnLock => yarn::lockfile(bytes),
            Kind::YarnRc => yarn::yarnrc(bytes),
            Kind::YarnRcYml => yarn::yarnrc_yml(bytes),
            Kind::PnpmLock => pnpm::lockfile(bytes),
            Kind::PnpmWorkspace => pnpm::workspace(bytes),
            Kind::Requirements => python::requirements(bytes),
            Kind::PyProject => python::pyproject(bytes),
            Kind::PythonLock => python_lock::lockfile(bytes),
            Kind::SetupPy => python::setup_py(bytes),
            Kind::GoModule => go::module(bytes),
            Kind::GoSum => go::sums(bytes),
            Kind::Pom => maven::pom(bytes),
            Kind::GradleScript => gradle::script(bytes),
            Kind::GradleLock => gradle::lockfile(bytes),
            Kind::VersionCatalogue => gradle::catalogue(bytes),
            Kind::Wrapper => gradle::wrapper(bytes),
            Kind::Other => Ok(Listing::default()),
            Kind::Opaque => Err(Unreadable::Format),
        }
    }
}
