//! Programming languages that we can parse, and what we ask of a parsed file: syntax errors and depth.
//!
//! A closed list of our own stands before ast-grep's, because a language whose grammar is not compiled in
//! would panic there.

use ast_grep_core::AstGrep;
use ast_grep_core::tree_sitter::StrDoc;
use ast_grep_language::SupportLang;
use countersign_core::path::RepoPath;

/// Largest file that is parsed or rewritten.
pub(crate) const FILE_MAX_BYTES: usize = 2 << 20;
/// Deepest syntax tree that rules are matched against; the stack of `offload` has room for it.
pub(crate) const DEPTH_MAX: usize = 5_000;

/// A parsed file.
pub(crate) type Tree = AstGrep<StrDoc<SupportLang>>;

/// A language with a grammar in this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Language {
    Bash,
    Go,
    Java,
    JavaScript,
    Json,
    Python,
    Rust,
    Tsx,
    TypeScript,
}

impl Language {
    /// All of them, by name.
    pub(crate) const ALL: [Language; 9] = [
        Language::Bash,
        Language::Go,
        Language::Java,
        Language::JavaScript,
        Language::Json,
        Language::Python,
        Language::Rust,
        Language::Tsx,
        Language::TypeScript,
    ];

    /// The word that people write.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Language::Bash => "bash",
            Language::Go => "go",
            Language::Java => "java",
            Language::JavaScript => "javascript",
            Language::Json => "json",
            Language::Python => "python",
            Language::Rust => "rust",
            Language::Tsx => "tsx",
            Language::TypeScript => "typescript",
        }
    }

    /// Reads the word that people write, or a usual short form of it.
    pub(crate) fn from_name(name: &str) -> Option<Language> {
        let full = match name {
            "sh" => "bash",
            "golang" => "go",
            "js" | "jsx" => "javascript",
            "py" => "python",
            "rs" => "rust",
            "ts" => "typescript",
            other => other,
        };
        Self::ALL.into_iter().find(|language| language.name() == full)
    }

    /// What a file's name says.
    pub(crate) fn of_path(path: &RepoPath) -> Option<Language> {
        let file = path.as_bytes().rsplit(|b| *b == b'/').next()?;
        let dot = file.iter().rposition(|b| *b == b'.')?;
        Some(match &file[dot + 1..] {
            b"sh" | b"bash" => Language::Bash,
            b"go" => Language::Go,
            b"java" => Language::Java,
            b"js" | b"jsx" | b"mjs" | b"cjs" => Language::JavaScript,
            b"json" => Language::Json,
            b"py" | b"pyi" => Language::Python,
            b"rs" => Language::Rust,
            b"tsx" => Language::Tsx,
            b"ts" | b"mts" | b"cts" => Language::TypeScript,
            _ => return None,
        })
    }

    /// The same language in ast-grep's list.
    pub(crate) fn grammar(self) -> SupportLang {
        match self {
            Language::Bash => SupportLang::Bash,
            Language::Go => SupportLang::Go,
            Language::Java => SupportLang::Java,
            Language::JavaScript => SupportLang::JavaScript,
            Language::Json => SupportLang::Json,
            Language::Python => SupportLang::Python,
            Language::Rust => SupportLang::Rust,
            Language::Tsx => SupportLang::Tsx,
            Language::TypeScript => SupportLang::TypeScript,
        }
    }
}

/// Why a text has no usable syntax tree, as the end of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoTree(pub(crate) &'static str);

/// Parses a text. Broken code parses too; its errors are nodes of the tree.
///
/// # Errors
/// When the text is too large, nested too deeply, or the parser gives up.
pub(crate) fn parse(language: Language, text: &str) -> Result<Tree, NoTree> {
    if text.len() > FILE_MAX_BYTES {
        return Err(NoTree("larger than 2 MiB"));
    }
    let tree = Tree::try_new(text, language.grammar()).map_err(|_| NoTree("refused by the parser"))?;
    if survey(&tree).depth > DEPTH_MAX {
        return Err(NoTree("nested too deeply"));
    }
    Ok(tree)
}

/// How many places of the text are not valid code: error nodes, and nodes that the parser had to make up.
pub(crate) fn syntax_errors(tree: &Tree) -> usize {
    survey(tree).errors
}

struct Survey {
    depth: usize,
    errors: usize,
}

/// Walks the whole tree once, without recursion.
fn survey(tree: &Tree) -> Survey {
    let mut found = Survey { depth: 0, errors: 0 };
    let mut cursor = tree.root().get_inner_node().walk();
    let mut depth = 0;
    loop {
        let node = cursor.node();
        found.errors += usize::from(node.is_error() || node.is_missing());
        found.depth = found.depth.max(depth);
        if cursor.goto_first_child() {
            depth += 1;
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return found;
            }
            depth -= 1;
        }
    }
}
