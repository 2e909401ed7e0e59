//! Which files of the machine a confined command sees: the system's programs, a few settings, and what was
//! named. Never the data folder, the keys, or a folder that holds them, however they are spelled.

use std::fs;
use std::path::{Path, PathBuf};

/// Programs and libraries, where they exist. On most systems all but the first are links into it.
pub(super) const SYSTEM: [&str; 7] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
/// What programs need of the settings, where it exists: nothing of it is secret.
pub(super) const SETTINGS: [&str; 10] = [
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
];
/// Folders of which nothing is ever opened: what lives there leads out of the fence, or is the fence's own.
const CLOSED: [&str; 6] = [
    "/proc",
    "/sys",
    "/dev",
    "/run",
    "/var/run",
    super::bubblewrap::ROOM,
];
/// Folders that are opened in parts only: the fence has its own, with everybody's sockets and settings left out.
const NEVER_WHOLE: [&str; 3] = ["/tmp", "/var/tmp", "/etc"];

/// Files of this machine that a command's words name and that it will not see: they are neither the system's nor below what
/// was named. Whoever runs `python3 agent.py` means them. A guess by the words alone, for a hint.
pub fn unseen(command: &str, named: &[String]) -> Vec<PathBuf> {
    let words = command.split_whitespace().map(|w| w.trim_matches(['"', '\'']));
    let whole = |word: &str| fs::canonicalize(word).ok();
    let files = words.filter_map(whole).filter(|path| path.is_file());
    let seen = |path: &PathBuf| {
        let mut open = SYSTEM.iter().copied().chain(named.iter().map(String::as_str));
        open.any(|open| fs::canonicalize(open).is_ok_and(|open| path.starts_with(open)))
    };
    files.filter(|path| !seen(path)).collect()
}

/// Looks at what was named. Gives the paths as they were named.
///
/// # Errors
/// A sentence, when one can't be read, or would open what the fence is there for.
pub(super) fn check(named: &[String], off_limits: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    for system in SYSTEM.iter().chain(&SETTINGS) {
        let opened = fs::canonicalize(system).unwrap_or_else(|_| PathBuf::from(system));
        if let Some(hidden) = off_limits.iter().find(|o| real(o).starts_with(&opened)) {
            return Err(format!(
                "{} lies in {system}, which every confined agent sees; keep it elsewhere",
                hidden.display()
            ));
        }
    }
    named.iter().map(|path| one(path, off_limits)).collect()
}

fn one(named: &str, off_limits: &[PathBuf]) -> Result<PathBuf, String> {
    let path = PathBuf::from(named);
    let refuse = |why: String| Err(format!("an agent can't be let to read {named}: {why}"));
    if !path.is_absolute() || path.components().any(|c| c == std::path::Component::ParentDir) {
        return refuse("name it by its whole path".to_owned());
    }
    let real = match fs::canonicalize(&path) {
        Ok(real) => real,
        Err(e) => return refuse(e.to_string()),
    };
    let kind = fs::metadata(&real).map(|found| found.file_type());
    if !kind.is_ok_and(|kind| kind.is_file() || kind.is_dir()) {
        return refuse("it is neither a file nor a folder".to_owned());
    }
    for spelled in [&path, &real] {
        if let Some(closed) = CLOSED.iter().find(|c| overlap(spelled, Path::new(c))) {
            return refuse(format!("{closed} stays closed"));
        }
    }
    if NEVER_WHOLE
        .iter()
        .any(|whole| real == self::real(Path::new(whole)))
    {
        return refuse("name what it needs in there".to_owned());
    }
    match off_limits
        .iter()
        .find(|hidden| overlap(&real, &self::real(hidden)))
    {
        Some(hidden) => refuse(format!("{} stays closed", hidden.display())),
        None => Ok(path),
    }
}

/// One lies in the other, or they are the same.
fn overlap(a: &Path, b: &Path) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

/// Where a path leads; what does not exist yet is taken as it is spelled.
fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::os::unix::fs::symlink;

    fn refused(path: &Path, off_limits: &[PathBuf]) -> String {
        check(&[path.to_str().unwrap().to_owned()], off_limits).unwrap_err()
    }

    #[test]
    fn what_holds_the_keys_can_t_be_opened_however_it_is_spelled() {
        let folder = tempfile::tempdir().unwrap();
        let (data, beside) = (folder.path().join("data"), folder.path().join("beside"));
        fs::create_dir_all(data.join("keys")).unwrap();
        fs::create_dir(&beside).unwrap();
        symlink(&data, beside.join("link")).unwrap();
        let off_limits = [data.clone()];
        for path in [
            &data,
            &data.join("keys"),
            folder.path(),
            &beside.join("link/keys"),
            Path::new("/"),
        ] {
            assert!(refused(path, &off_limits).ends_with("stays closed"), "{path:?}");
        }
        assert_eq!(
            check(&[beside.to_str().unwrap().to_owned()], &off_limits).unwrap(),
            [beside]
        );
    }

    #[test]
    fn what_leads_out_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(refused(&socket, &[]).contains("neither a file nor a folder"));
        for path in ["/proc/self", "/proc", "/dev", "/run", "/sys/kernel"] {
            assert!(refused(Path::new(path), &[]).ends_with("stays closed"), "{path}");
        }
        for path in [
            "relative",
            "/usr/../root",
            "/nonexistent/program",
            "/tmp",
            "/etc/",
        ] {
            refused(Path::new(path), &[]);
        }
    }

    #[test]
    fn a_data_folder_among_the_system_s_programs_is_said() {
        let said = check(&[], &[PathBuf::from("/usr/share")]).unwrap_err();
        assert!(said.contains("lies in /usr"), "{said}");
    }
}
