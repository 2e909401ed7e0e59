//! What the terminal shows, on the page: the same lines in the same words, from [`crate::shown`]. Nothing is said anew here.

use crate::shown::lines::{Page, Piece, Row, Style};
use maud::{Markup, html};

/// A section per heading; what stands above the first one has none. Nothing where nothing is said.
pub(super) fn said(page: &Page) -> Markup {
    let rows: Vec<&Row> = page.rows().iter().filter(|row| !row.used().is_empty()).collect();
    let mut rest = rows.as_slice();
    let mut sections = Vec::new();
    while let Some((first, below)) = rest.split_first() {
        let end = below.iter().position(|row| row.heading).unwrap_or(below.len());
        let (body, after) = below.split_at(end);
        sections.push((*first, body));
        rest = after;
    }
    html! {
        @for (first, body) in sections {
            section.said {
                @if first.heading { h2 { @for piece in first.used() { (part(piece)) } } }
                @else { (line(first)) }
                @for row in body { (line(row)) }
            }
        }
    }
}

/// One line; how far it is indented is its class, as nothing else may give it a style.
pub(super) fn line(row: &Row) -> Markup {
    let used = row.used();
    let text = used.iter().position(|piece| !piece.padding).unwrap_or(0);
    let (indent, pieces) = used.split_at(text);
    let columns: usize = indent.iter().map(|piece| piece.text.len()).sum();
    html! { div class={ "line in" (columns) } { @for piece in pieces { (part(piece)) } } }
}

/// Every piece was made visible when it was added.
pub(super) fn part(piece: &Piece) -> Markup {
    let class = match piece.style {
        Style::Plain => return html! { (piece.text) },
        Style::Bold => return html! { strong { (piece.text) } },
        Style::Dim => "dim",
        Style::Good | Style::GoodWord => "good",
        Style::Bad | Style::BadWord => "bad",
        Style::Warn => "warn",
        Style::Name => "name",
    };
    html! { span class=(class) { (piece.text) } }
}
