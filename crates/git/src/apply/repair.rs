//! Whitespace that editors, mail and models change on the way: the one difference between a hunk and a file that is
//! tolerated, and only with a visible warning.
//!
//! Context lines keep the file's own bytes, removed lines go, added lines keep the proposal's bytes. So it is done
//! only where that can't mix two styles or hit other code:
//! - spaces and tabs at the end of a line may differ; a CR may not (see `content` for line ends);
//! - an indentation may be tabs on one side and spaces on the other if it is equally deep, with one tab width for
//!   the whole hunk, and if no added line is indented: which indentation that one should get would be a guess;
//! - in a SEARCH/REPLACE block only lines at both ends may differ, which it states unchanged: a line further inside
//!   that both sides state is an added one here, and would lose the file's own whitespace;
//! - some line with words must fit exactly, and the whole must fit in one place only.

use super::Stop;
use super::budget::{Budget, cost};
use super::search::Order;
use countersign_core::patch::{Hunk, HunkLine, Side};

/// Widths that a tab is taken to have.
const TAB_WIDTHS: [usize; 3] = [2, 4, 8];

/// A line in the parts that matter here.
struct Parts<'l> {
    indent: &'l [u8],
    words: &'l [u8],
    end: &'l [u8],
}

/// Whether the file's lines are what a hunk expects but for whitespace. `Order::Free` means that it is a block.
pub(super) fn differs_in_whitespace(
    lines: &[&[u8]],
    hunk: &Hunk,
    order: Order,
    budget: &mut Budget,
    place: &str,
) -> Result<bool, Stop> {
    let mut fitting = TAB_WIDTHS.map(|_| true);
    let mut same_indent = true;
    let mut anchored = false;
    let mut left = lines.iter();
    for expected in hunk.lines.iter().filter(|l| l.side != Side::Added) {
        let Some(found) = left.next() else {
            return Ok(false);
        };
        budget.spend(cost(found) + cost(&expected.bytes), place)?;
        let (a, b) = (parts(found), parts(&expected.bytes));
        let same = *found == expected.bytes.as_slice();
        let may_differ = order == Order::Kept || expected.side == Side::Context;
        if a.words != b.words || a.end != b.end || !(same || may_differ) {
            return Ok(false);
        }
        anchored |= same && !a.words.is_empty();
        if a.indent != b.indent {
            same_indent = false;
            for (fits, width) in fitting.iter_mut().zip(TAB_WIDTHS) {
                *fits &= depth(a.indent, width) == depth(b.indent, width);
            }
        }
    }
    let added_is_indented = hunk.lines.iter().any(|l| l.side == Side::Added && is_indented(l));
    Ok(anchored && (same_indent || (fitting.contains(&true) && !added_is_indented)))
}

/// Whether two lines differ at most in whitespace around their words and in their ends.
pub(super) fn same_words(a: &[u8], b: &[u8]) -> bool {
    parts(a).words == parts(b).words
}

/// A line of blanks has no indentation: all of it is at the line's end.
fn parts(line: &[u8]) -> Parts<'_> {
    let end = match line {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n'] => 1,
        _ => 0,
    };
    let (text, end) = line.split_at(line.len() - end);
    let blank = |b: &u8| matches!(b, b' ' | b'\t');
    let used = text.iter().rposition(|b| !blank(b)).map_or(0, |i| i + 1);
    let indent = text[..used].iter().take_while(|b| blank(b)).count();
    Parts {
        indent: &text[..indent],
        words: &text[indent..used],
        end,
    }
}

fn depth(indent: &[u8], tab: usize) -> usize {
    indent.iter().fold(0, |column, b| match b {
        b'\t' => (column / tab + 1) * tab,
        _ => column + 1,
    })
}

fn is_indented(line: &HunkLine) -> bool {
    !parts(&line.bytes).indent.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(file: &[&str], hunk: &[&str]) -> bool {
        fits_as(file, hunk, Order::Kept)
    }

    fn fits_as(file: &[&str], hunk: &[&str], order: Order) -> bool {
        let file: Vec<&[u8]> = file.iter().map(|l| l.as_bytes()).collect();
        let lines = hunk.iter().map(|l| HunkLine {
            side: match l.as_bytes()[0] {
                b'-' => Side::Removed,
                b'+' => Side::Added,
                _ => Side::Context,
            },
            bytes: l.as_bytes()[1..].to_vec(),
        });
        let hunk = Hunk {
            old_index: None,
            numbered: false,
            lines: lines.collect(),
            open_end: false,
            line: 1,
        };
        match differs_in_whitespace(&file, &hunk, order, &mut Budget::new(), "here") {
            Ok(fits) => fits,
            Err(_) => panic!("the budget is large"),
        }
    }

    #[test]
    fn blanks_at_line_ends_may_differ_where_another_line_fits_exactly() {
        assert!(fits(&["a  \n", "b\n"], &[" a\n", "-b\n", "+c\n"]));
        assert!(fits(&["a\n", "\t \n"], &[" a\n", " \n", "+c\n"]));
        assert!(!fits(&["a  \n"], &["-a\n", "+c\n"]), "nothing fits exactly");
        assert!(
            !fits(&["\n", "a \n"], &[" \n", "-a\n", "+c\n"]),
            "a blank line is no anchor"
        );
        assert!(
            !fits(&["a\r\n", "b\n"], &[" a\n", "-b\n"]),
            "a CR is not whitespace"
        );
        assert!(!fits(&["a", "b\n"], &[" a\n", "-b\n"]), "nor is a line feed");
    }

    #[test]
    fn a_block_s_inner_lines_must_fit_exactly() {
        let hunk = [" a\n", "-b\n", "+c\n", " d\n"];
        assert!(fits_as(&["a  \n", "b\n", "d\n"], &hunk, Order::Free));
        assert!(!fits_as(&["a\n", "b  \n", "d\n"], &hunk, Order::Free));
        assert!(fits_as(&["a\n", "b  \n", "d\n"], &hunk, Order::Kept));
    }

    #[test]
    fn indentation_may_differ_in_kind_but_not_in_depth() {
        assert!(fits(&["f:\n", "\tx\n"], &[" f:\n", "-    x\n"]));
        assert!(fits(&["f:\n", "\tx\n"], &[" f:\n", "-    x\n", "+y\n"]));
        assert!(
            !fits(&["f:\n", "\tx\n"], &[" f:\n", "-    x\n", "+    y\n"]),
            "an added line would be a guess"
        );
        assert!(
            !fits(&["f:\n", "\tx\n"], &[" f:\n", "-   x\n"]),
            "three columns are no tab"
        );
        assert!(
            !fits(&["f:\n", "\tx\n", "\ty\n"], &[" f:\n", "-    x\n", "-  y\n"]),
            "one width for all"
        );
        assert!(
            !fits(&["f:\n", "    x\n"], &[" f:\n", "-  x\n"]),
            "another depth is other code"
        );
    }
}
