//! What happened, in sentences: one per fact that a person cares about, in order.

pub(crate) use super::names::{Names, counted};
pub(crate) use super::sentence::{Sentence, one_line, sentence};

use crate::terminal::{Page, Style};
use countersign_core::record::EventRecord;
use countersign_core::time::Timestamp;

/// A whole story with its times.
pub(crate) fn tell(records: &[EventRecord], names: &Names) -> Vec<(Timestamp, Sentence)> {
    let mut names = names.clone();
    let mut told = Vec::new();
    for record in records {
        names.learn(&record.event);
        if let Some(sentence) = sentence(&record.event, &names) {
            told.push((record.at, sentence));
        }
    }
    told
}

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
        sentence.put(page.line(2).add(Style::Dim, format!("{clock}  ")));
    }
    page
}
