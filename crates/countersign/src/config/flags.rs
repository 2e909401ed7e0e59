//! What the command line sets.

use super::table::{
    BEHIND_PROXY, CONFIG, CORS_ORIGINS, DATA, KEYS, LISTEN, LOG_FORMAT, ORIGIN, ROLE, SERVER, Setting, find,
};
use super::{Given, Source};
use crate::cli::{Command, Global, ServeArgs};
use figment::value::Value;
use std::ffi::OsString;

/// Options that name places.
pub(super) fn paths(global: &Global) -> Vec<(&'static Setting, OsString, Source)> {
    let given = [
        (CONFIG, &global.config),
        (DATA, &global.data),
        (KEYS, &global.keys),
    ];
    let named = given.into_iter().filter_map(|(key, path)| {
        let (setting, path) = (find(key)?, path.as_ref()?);
        Some((
            setting,
            path.clone().into_os_string(),
            Source::Flag(setting.flag?),
        ))
    });
    named.collect()
}

/// All other options that are settings.
pub(super) fn values(global: &Global, command: &Command) -> Vec<Given> {
    let mut found = Vec::new();
    let format = global.log_format.map(|f| Value::from(f.as_str()));
    found.extend(given(LOG_FORMAT, format));
    found.extend(given(SERVER, global.server.as_deref().map(Value::from)));
    if let Command::Serve(args) = command {
        found.extend(serve(args));
    }
    found
}

fn serve(args: &ServeArgs) -> impl Iterator<Item = Given> {
    let listed = || {
        args.cors
            .iter()
            .map(|o| Value::from(o.as_str()))
            .collect::<Vec<_>>()
    };
    [
        given(LISTEN, args.listen.map(|l| Value::from(l.to_string()))),
        given(ROLE, args.role.map(|r| Value::from(r.as_str()))),
        given(ORIGIN, args.origin.as_deref().map(Value::from)),
        given(BEHIND_PROXY, args.behind_proxy.then(|| Value::from(true))),
        given(
            CORS_ORIGINS,
            (!args.cors.is_empty()).then(|| Value::from(listed())),
        ),
    ]
    .into_iter()
    .flatten()
}

fn given(key: &str, value: Option<Value>) -> Option<Given> {
    Some(Given {
        key: key.to_owned(),
        value: value?,
        source: Source::Flag(find(key)?.flag?),
    })
}
