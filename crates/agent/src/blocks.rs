//! Fenced blocks in Markdown: finds ```` ```codemod ```` and ```` ```diff ```` in an issue or a comment.
//!
//! Follows CommonMark where it matters: a fence is three or more backticks or tildes, closes with at least as
//! many of the same, and what stands inside another fence is that block's content. A quoted block (`> …`) is
//! no block, so a reply that quotes older rules does not bring them back. Any indentation is accepted,
//! because lists indent.

/// A block's inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// Line of the opening fence in the text, from 1.
    pub(crate) line: usize,
    /// The words after the first one on the opening fence.
    pub(crate) attributes: Vec<String>,
    /// The lines between the fences, each with its line end.
    pub(crate) content: String,
}

/// A block of the wanted kind is never closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unclosed {
    /// Line of its opening fence, from 1.
    pub(crate) line: usize,
}

struct Fence<'a> {
    mark: u8,
    length: usize,
    indent: usize,
    info: &'a str,
    crlf: bool,
}

/// All blocks whose first info word is `word`, in order.
///
/// # Errors
/// When such a block is not closed. Unclosed blocks of other kinds swallow the rest, as in Markdown.
pub(crate) fn fenced(text: &str, word: &str) -> Result<Vec<Block>, Unclosed> {
    let mut found = Vec::new();
    let mut open: Option<(Fence<'_>, Block)> = None;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        match open.take() {
            None => open = opening(line).map(|fence| begin(fence, number)),
            Some((fence, block)) if closes(&fence, line) => {
                if is_wanted(&fence, word) {
                    found.push(block);
                }
            }
            Some((fence, mut block)) => {
                push_line(&fence, &mut block.content, line);
                open = Some((fence, block));
            }
        }
    }
    match open {
        Some((fence, block)) if is_wanted(&fence, word) => Err(Unclosed { line: block.line }),
        Some(_) | None => Ok(found),
    }
}

fn begin(fence: Fence<'_>, line: usize) -> (Fence<'_>, Block) {
    let attributes = fence.info.split_whitespace().skip(1).map(str::to_owned).collect();
    (
        fence,
        Block {
            line,
            attributes,
            content: String::new(),
        },
    )
}

fn opening(line: &str) -> Option<Fence<'_>> {
    let bare = line.trim_end_matches(['\n', '\r']);
    let rest = bare.trim_start_matches([' ', '\t']);
    let mark = *rest.as_bytes().first()?;
    if mark != b'`' && mark != b'~' {
        return None;
    }
    let length = rest.bytes().take_while(|b| *b == mark).count();
    let info = rest[length..].trim();
    if length < 3 || (mark == b'`' && info.contains('`')) {
        return None;
    }
    Some(Fence {
        mark,
        length,
        indent: bare.len() - rest.len(),
        info,
        crlf: line.ends_with("\r\n"),
    })
}

fn closes(fence: &Fence<'_>, line: &str) -> bool {
    let rest = line.trim();
    rest.len() >= fence.length && rest.bytes().all(|b| b == fence.mark)
}

fn is_wanted(fence: &Fence<'_>, word: &str) -> bool {
    fence
        .info
        .split_whitespace()
        .next()
        .is_some_and(|first| first.eq_ignore_ascii_case(word))
}

/// Adds a line without the fence's own indentation, and without the `\r` that the whole text carries.
fn push_line(fence: &Fence<'_>, content: &mut String, line: &str) {
    let spaces = line
        .bytes()
        .take_while(|b| *b == b' ' || *b == b'\t')
        .count()
        .min(fence.indent);
    let line = &line[spaces..];
    match line.strip_suffix("\r\n") {
        Some(bare) if fence.crlf => {
            content.push_str(bare);
            content.push('\n');
        }
        Some(_) | None => content.push_str(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_with_line_and_attributes() {
        let text = "words\n\n```Codemod repo=x\na = 1\n```\n~~~~ codemod\nb\n~~~\n~~~~\n";
        let found = fenced(text, "codemod").expect("closed");
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].line, found[0].content.as_str()), (3, "a = 1\n"));
        assert_eq!(found[0].attributes, ["repo=x"]);
        assert_eq!(found[1].content, "b\n~~~\n");
    }

    #[test]
    fn examples_and_quotations_are_no_blocks() {
        let text = "````markdown\n```codemod\nx\n```\n````\n> ```codemod\n> y\n> ```\n";
        assert_eq!(fenced(text, "codemod"), Ok(vec![]));
    }

    #[test]
    fn an_unclosed_block_is_named_by_its_line() {
        assert_eq!(fenced("a\n```codemod\nx\n", "codemod"), Err(Unclosed { line: 2 }));
        assert_eq!(fenced("a\n```other\nx\n", "codemod"), Ok(vec![]));
    }

    #[test]
    fn line_ends_of_a_form_are_not_content() {
        let found = fenced("```diff\r\n-a\r\n+b\r\n```\r\n", "diff").expect("closed");
        assert_eq!(found[0].content, "-a\n+b\n");
        let indented = fenced("1. do\n   ```diff\n   -a\n    b\n   ```\n", "diff").expect("closed");
        assert_eq!(indented[0].content, "-a\n b\n");
    }
}
