//! The log on standard error, and what becomes of a panic.

use crate::cli::LogFormat;
use crate::config::{self, Log};
use crate::error::CliError;
use crate::redact::redact;
use crate::telemetry::Traces;
use crate::terminal::visible;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

/// Starts the log: warnings and errors, more with `-v`, anything by a filter; and traces, where an address for them is set.
///
/// # Errors
/// When no exporter of traces can be made.
pub(crate) fn start(
    settings: &Log,
    traces: &config::Traces,
    verbose: u8,
) -> Result<Option<Traces>, CliError> {
    let level = match verbose {
        // The engine's warnings are said by the progress lines already.
        0 => "warn,countersign_engine=error",
        1 => "info",
        _ => "debug",
    };
    let chosen = settings.filter.clone().filter(|v| !v.trim().is_empty());
    let default = format!(
        "{level},sqlx={quiet},sea_orm={quiet},gix={quiet}",
        quiet = "error"
    );
    let filter = EnvFilter::try_new(chosen.unwrap_or_else(|| default.clone()))
        .unwrap_or_else(|_| EnvFilter::new(default));
    let lines = fmt::layer().with_writer(|| Visible).with_ansi(false);
    let lines = match settings.format {
        LogFormat::Text => lines.compact().boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let exported = traces.endpoint.as_ref().map(|address| Traces::to(&address.0));
    let (traces, spans) = exported
        .transpose()
        .map_err(|why| CliError::internal("no-traces", format!("traces can't be exported: {why}")))?
        .unzip();
    // A second start would change nothing; there is only one.
    let _started = tracing_subscriber::registry()
        .with(spans)
        .with(lines.with_filter(filter))
        .try_init();
    Ok(traces)
}

/// Standard error, without what looks like a secret, and with everything that a terminal would act on made visible.
struct Visible;

impl Write for Visible {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let text = redact(&text);
        let shown: Vec<String> = text.split('\n').map(visible).collect();
        io::stderr().write_all(shown.join("\n").as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Where panics are written down, once it is known.
static PANICS: OnceLock<PathBuf> = OnceLock::new();

/// Panics go to a file of this data folder from now on.
pub(crate) fn keep_panics_in(data: &Path) {
    // There is only one data folder per process.
    let _first = PANICS.set(data.join("panic.log"));
}

/// A panic is one line for the user; what it was is in the data folder.
pub(crate) fn catch_panics() {
    std::panic::set_hook(Box::new(|info| {
        let trace = std::backtrace::Backtrace::force_capture();
        let text = format!("{info}\n{trace}\n\n");
        let text = redact(&text);
        let place = match PANICS.get().filter(|file| append(file, &text)) {
            Some(file) => format!("the details are in {}", file.display()),
            None => format!(
                "it could not be written down: {}",
                info.to_string().replace('\n', " ")
            ),
        };
        let line = format!("internal error; {place}. Nothing that was recorded is lost.");
        let _closed = writeln!(io::stderr(), "✗ {}", visible(&line));
    }));
}

fn append(file: &Path, text: &str) -> bool {
    let opened = std::fs::File::options().create(true).append(true).open(file);
    opened.and_then(|mut f| f.write_all(text.as_bytes())).is_ok()
}
