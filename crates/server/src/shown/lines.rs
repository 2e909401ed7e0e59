//! What is shown to a person: lines of styled pieces, the same for terminal and page. The only way to get text onto a screen,
//! and every piece of it is made visible on its way in; escape sequences come from [`Style`] alone.

use super::{visible, visible_bytes};

/// How a piece looks. Its meaning is never in the colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    Plain,
    /// A heading.
    Bold,
    /// Less important.
    Dim,
    /// Good, or added.
    Good,
    /// Bad, or removed.
    Bad,
    /// To be looked at.
    Warn,
    /// A place or a name.
    Name,
    /// A word that came, inside an added line.
    GoodWord,
    /// A word that went, inside a removed line.
    BadWord,
}

impl Style {
    fn escape(self) -> &'static str {
        match self {
            Style::Plain => "",
            Style::Bold => "\u{1b}[1m",
            Style::Dim => "\u{1b}[2m",
            Style::Good => "\u{1b}[32m",
            Style::Bad => "\u{1b}[31m",
            Style::Warn => "\u{1b}[33m",
            Style::Name => "\u{1b}[36m",
            Style::GoodWord => "\u{1b}[7;32m",
            Style::BadWord => "\u{1b}[7;31m",
        }
    }
}

const RESET: &str = "\u{1b}[0m";

/// Lines, in order.
#[derive(Debug, Default, Clone)]
pub struct Page {
    lines: Vec<Row>,
}

/// One line of a [`Page`].
#[derive(Debug, Default, Clone)]
pub struct Row {
    /// It names what stands below it.
    pub heading: bool,
    /// What it consists of, in order; nothing: an empty line.
    pub pieces: Vec<Piece>,
}

/// A part of a line, made visible.
#[derive(Debug, Clone)]
pub struct Piece {
    /// How it looks.
    pub style: Style,
    /// What it says.
    pub text: String,
    /// Only there to fill a column; left out at a line's end.
    pub padding: bool,
}

impl Row {
    /// Its pieces up to the last one that says something.
    pub fn used(&self) -> &[Piece] {
        let said = |p: &Piece| !p.padding && !p.text.is_empty();
        let used = self.pieces.iter().rposition(said).map_or(0, |at| at + 1);
        &self.pieces[..used]
    }
}

impl Page {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a line that is indented by so many columns.
    pub fn line(&mut self, indent: usize) -> Line<'_> {
        self.lines.push(Row::default());
        Line { page: self }.pad(indent)
    }

    /// An empty line.
    pub fn gap(&mut self) {
        self.lines.push(Row::default());
    }

    /// A heading with an empty line above it.
    pub fn heading(&mut self, title: &str) -> Line<'_> {
        self.gap();
        self.lines.push(Row {
            heading: true,
            ..Row::default()
        });
        Line { page: self }.add(Style::Bold, title)
    }

    /// Text of several lines, each indented.
    pub fn block(&mut self, indent: usize, style: Style, text: &str) {
        for line in text.lines() {
            self.line(indent).add(style, line);
        }
    }

    /// Puts another page below.
    pub fn append(&mut self, other: Page) {
        self.lines.extend(other.lines);
    }

    /// Its lines, in order.
    pub fn rows(&self) -> &[Row] {
        &self.lines
    }

    /// The text, each line with its end.
    pub fn to_text(&self, colour: bool) -> String {
        let mut out = String::new();
        for row in &self.lines {
            for Piece { style, text, .. } in row.used() {
                let escape = if colour { style.escape() } else { "" };
                if escape.is_empty() || text.is_empty() {
                    out.push_str(text);
                } else {
                    out.push_str(escape);
                    out.push_str(text);
                    out.push_str(RESET);
                }
            }
            out.push('\n');
        }
        out
    }
}

/// Spaces behind what fills its column, or is longer.
const GAP_MIN: usize = 2;

/// The line that was begun last; each piece is added to its end.
#[derive(Debug)]
pub struct Line<'a> {
    page: &'a mut Page,
}

impl Line<'_> {
    /// Adds a piece.
    pub fn add(self, style: Style, text: impl AsRef<str>) -> Self {
        self.piece(style, visible(text.as_ref()))
    }

    /// Adds bytes, which may not be UTF-8.
    pub fn bytes(self, style: Style, bytes: &[u8]) -> Self {
        self.piece(style, visible_bytes(bytes))
    }

    /// Adds a piece that takes at least so many columns, with a gap behind it however long it is.
    pub fn column(self, style: Style, text: impl AsRef<str>, width: usize) -> Self {
        let shown = visible(text.as_ref());
        let missing = width.checked_sub(shown.chars().count()).filter(|m| *m > 0);
        let missing = missing.unwrap_or(GAP_MIN);
        self.piece(style, shown).pad(missing)
    }

    fn pad(self, columns: usize) -> Self {
        self.push(Piece {
            style: Style::Plain,
            text: " ".repeat(columns),
            padding: true,
        })
    }

    fn piece(self, style: Style, text: String) -> Self {
        self.push(Piece {
            style,
            text,
            padding: false,
        })
    }

    fn push(self, piece: Piece) -> Self {
        if let Some(line) = self.page.lines.last_mut() {
            line.pieces.push(piece);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_come_only_from_styles() {
        let mut page = Page::new();
        page.line(2)
            .column(Style::Good, "ok\u{1b}[31m", 12)
            .add(Style::Plain, "next");
        assert_eq!(page.to_text(false), "  ok␛[31m     next\n");
        assert_eq!(page.to_text(true), "  \u{1b}[32mok␛[31m\u{1b}[0m     next\n");
    }

    #[test]
    fn a_column_that_is_too_narrow_keeps_its_distance() {
        let mut page = Page::new();
        page.line(0)
            .column(Style::Plain, "github-1296269", 10)
            .add(Style::Plain, "hello");
        assert_eq!(page.to_text(false), "github-1296269  hello\n");
    }
}
