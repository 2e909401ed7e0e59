//! Reads a page: prose that is ignored, and fenced blocks that are done, in order.
//!
//! - ```` ```console ````: `$ command` (more lines of it begin with `> `), then perhaps `? 3` (the expected exit
//!   code, else 0), then the expected output. A line `...` stands for any lines, `[..]` for any part of a line.
//! - ```` ```file path=a/b ````: a file with that content. ```` ```setup ````: shell that prints nothing.
//! - ```` ```github ````: a model of GitHub runs beside the page, with these repositories, one per line.
//!
//! Other blocks are prose. A block that holds fences itself has a longer fence.

/// One command with what it should do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    /// Line of the `$`, from 1.
    pub(crate) line: usize,
    /// What bash gets.
    pub(crate) text: String,
    /// The exit code.
    pub(crate) code: i32,
    /// The output, line by line.
    pub(crate) output: Vec<String>,
    /// The page's lines (from 0) that hold exit code and output; what an update replaces.
    pub(crate) answer: std::ops::Range<usize>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Run and compare.
    Command(Command),
    /// Write a file.
    File {
        /// Relative to where the page begins.
        path: String,
        /// Its content.
        content: String,
    },
    /// Run; it has to succeed in silence.
    Setup {
        /// Line of the fence, from 1.
        line: usize,
        /// What bash gets.
        text: String,
    },
}

/// A page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// Everything that it does, in order.
    pub(crate) steps: Vec<Step>,
    /// Repositories on GitHub, `owner/name`; none where the page has nothing to do with it.
    pub(crate) github: Vec<String>,
}

/// Reads a page.
pub(crate) fn read(text: &str) -> Result<Page, String> {
    let lines: Vec<&str> = text.lines().collect();
    let Page {
        mut steps,
        mut github,
    } = Page::default();
    let mut at = 0;
    while at < lines.len() {
        let fence: String = lines[at].chars().take_while(|c| *c == '`').collect();
        if fence.len() < 3 {
            at += 1;
            continue;
        }
        let info = lines[at][fence.len()..].trim();
        let closes = |line: &&str| line.trim_end() == fence;
        let inside = lines[at + 1..].iter().position(closes);
        let end = at + 1 + inside.ok_or(format!("line {}: the block is never closed", at + 1))?;
        let content = || {
            lines[at + 1..end]
                .iter()
                .map(|line| format!("{line}\n"))
                .collect::<String>()
        };
        match info.split_once(' ').unwrap_or((info, "")) {
            ("console", "") => steps.extend(commands(&lines, at + 1..end)?.into_iter().map(Step::Command)),
            ("setup", "") => steps.push(Step::Setup {
                line: at + 1,
                text: content(),
            }),
            ("file", named) => {
                let path = named
                    .strip_prefix("path=")
                    .ok_or(format!("line {}: `path=` is missing", at + 1))?;
                steps.push(Step::File {
                    path: path.trim().to_owned(),
                    content: content(),
                });
            }
            ("github", "") => github.extend(content().lines().map(str::to_owned)),
            _ => {}
        }
        at = end + 1;
    }
    Ok(Page { steps, github })
}

fn commands(lines: &[&str], block: std::ops::Range<usize>) -> Result<Vec<Command>, String> {
    let mut found: Vec<Command> = Vec::new();
    let mut at = block.start;
    while at < block.end {
        let first = lines[at].strip_prefix("$ ");
        let mut text = first
            .ok_or(format!("line {}: a command begins with `$ `", at + 1))?
            .to_owned();
        let line = at + 1;
        at += 1;
        while let Some(more) = lines[at..block.end]
            .first()
            .and_then(|l| l.strip_prefix("> ").or((*l == ">").then_some("")))
        {
            text.push('\n');
            text.push_str(more);
            at += 1;
        }
        let begin = at;
        let mut code = 0;
        if let Some(number) = lines[at..block.end].first().and_then(|l| l.strip_prefix("? ")) {
            code = number
                .trim()
                .parse()
                .map_err(|_| format!("line {}: `? ` needs a number", at + 1))?;
            at += 1;
        }
        let rest = &lines[at..block.end];
        let length = rest
            .iter()
            .position(|l| l.starts_with("$ "))
            .unwrap_or(rest.len());
        let mut output: Vec<String> = rest[..length].iter().map(|l| l.trim_end().to_owned()).collect();
        trim(&mut output);
        let answer = begin..at + output.len();
        at += length;
        found.push(Command {
            line,
            text,
            code,
            output,
            answer,
        });
    }
    Ok(found)
}

/// Takes empty lines off the end.
pub(crate) fn trim(lines: &mut Vec<String>) {
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
}

#[test]
fn a_page_is_read() {
    let text = "# T\n\n```github\nocto/a\n```\n````file path=a.md\n```x\ny\n```\n````\n\n```console\n$ one \\\n> two\n? 3\nout\n\n$ three\n```\n";
    let Page { steps, github } = read(text).expect("a good page");
    let one = Command {
        line: 13,
        text: "one \\\ntwo".to_owned(),
        code: 3,
        output: vec!["out".to_owned()],
        answer: 14..16,
    };
    let three = Command {
        line: 18,
        text: "three".to_owned(),
        code: 0,
        output: vec![],
        answer: 18..18,
    };
    let file = Step::File {
        path: "a.md".to_owned(),
        content: "```x\ny\n```\n".to_owned(),
    };
    assert_eq!(steps, [file, Step::Command(one), Step::Command(three)]);
    assert_eq!(github, ["octo/a"]);
    assert!(read("```console\nno dollar\n```\n").is_err());
    assert!(read("```console\n$ x\n").is_err());
}
