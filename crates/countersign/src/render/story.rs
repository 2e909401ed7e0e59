//! What happened, in sentences: one per fact that a person cares about, in order.

pub(crate) use countersign_server::shown::{Names, Sentence, counted, one_line, sentence, tell};

use crate::terminal::{Line, Page, Style};
use countersign_core::time::Timestamp;
use countersign_server::shown::Tone;

/// The story as a page: the date once per day, then the time of each sentence.
pub(crate) fn page(told: &[(Timestamp, Sentence)]) -> Page {
    let mut page = Page::new();
    let mut day = String::new();
    for (at, sentence) in told {
        let text = at.to_rfc3339();
        let (date, time) = text.split_at_checked(10).unwrap_or((text.as_str(), ""));
        if date != day {
            date.clone_into(&mut day);
            page.line(0)
                .add(Style::Bold, date)
                .add(Style::Dim, "  (times are UTC)");
        }
        let clock: String = time.chars().skip(1).take(8).collect();
        put(sentence, page.line(2).add(Style::Dim, format!("{clock}  ")));
    }
    page
}

/// Ends a line with a sentence.
pub(crate) fn put(sentence: &Sentence, line: Line<'_>) {
    let style = match sentence.tone {
        Tone::Good => Style::Good,
        Tone::Bad => Style::Bad,
        Tone::Warn => Style::Warn,
        Tone::Neutral => Style::Dim,
    };
    line.add(style, format!("{} ", sentence.mark))
        .add(Style::Plain, one_line(&sentence.text));
}
