//! From the evaluator's errors to sentences with file, line and reason.

use countersign_core::outbound::redacted;
use countersign_core::path::RepoPath;
use countersign_core::policy::NoAnswer;
use regorus::LimitError;

/// Longest reason that is kept, in characters.
const WHY_MAX_CHARS: usize = 300;

/// What went wrong in the evaluator. It draws the line that is to blame, after `--> FILE:LINE:COLUMN`, and says why
/// after `error: `; what it says may hold a value of the change.
pub(super) fn in_words(code: &str, error: &(impl Failure + ?Sized), path: &RepoPath) -> NoAnswer {
    if error.is_over_time() {
        return too_long(path);
    }
    let text = error.text();
    let (place, why) = match text.split_once("error: ") {
        Some((place, why)) => (place, why),
        None => ("", text.as_str()),
    };
    let (named, line) = place_in(place);
    let path = named.unwrap_or_else(|| path.clone());
    let why = match one_line(why).as_str() {
        "not a valid rule path" => {
            "the package has no `violations`; every package but `lib` and `lib.…` needs that set, in a package with a \
             plain name"
                .to_owned()
        }
        "" => "the evaluator says no more".to_owned(),
        other => other.to_owned(),
    };
    NoAnswer::at(code, &path, line, why)
}

/// What an evaluator's error has to tell.
pub(super) trait Failure {
    /// Its words.
    fn text(&self) -> String;
    /// Whether the time ran out.
    fn is_over_time(&self) -> bool;
}

impl<E> Failure for E
where
    E: AsRef<dyn std::error::Error + Send + Sync> + std::fmt::Display,
{
    fn text(&self) -> String {
        self.to_string()
    }

    fn is_over_time(&self) -> bool {
        let error: &(dyn std::error::Error + 'static) = self.as_ref();
        matches!(
            error.downcast_ref::<LimitError>(),
            Some(LimitError::TimeLimitExceeded { .. })
        )
    }
}

/// The rules took too long.
pub(super) fn too_long(path: &RepoPath) -> NoAnswer {
    let why = format!(
        "the rules took longer than {} s; look at fewer things in a rule",
        crate::TIME_LIMIT.as_secs()
    );
    NoAnswer::at("own-rules-too-slow", path, None, why)
}

/// The place in `--> FILE:LINE:COLUMN`.
fn place_in(text: &str) -> (Option<RepoPath>, Option<u32>) {
    let place = text.lines().find_map(|line| line.trim().strip_prefix("--> "));
    let Some((rest, line)) = place
        .and_then(|place| place.rsplit_once(':'))
        .and_then(|(rest, _)| rest.rsplit_once(':'))
    else {
        return (None, None);
    };
    (
        RepoPath::from_text(rest).ok(),
        line.parse().ok().filter(|n| *n > 0),
    )
}

fn one_line(text: &str) -> String {
    // Where a rule depends on others, each is drawn as well; the first line says it.
    let first = text.trim().lines().next().unwrap_or_default();
    let clean = redacted(first);
    let words: Vec<&str> = clean.split_whitespace().collect();
    let joined: String = words.join(" ").chars().take(WHY_MAX_CHARS).collect();
    joined.trim_end_matches(['.', ':']).to_owned()
}
