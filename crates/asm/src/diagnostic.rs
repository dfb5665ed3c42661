//! What is wrong and where: source texts, places in them, and messages that show the line. Deciding what
//! is wrong is everybody else's affair.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    rc::Rc,
};

/// Something wrong in a source, with its place. Shown as `file:line:column: message`, then the line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The file's name.
    pub file: String,
    /// The line, from 1; 0 if no line is to blame.
    pub line: usize,
    /// The column, in characters from 1; 0 if no line is to blame.
    pub column: usize,
    /// What is wrong, in one line.
    pub message: String,
    /// The line itself.
    pub text: String,
    /// How many characters of the line are meant.
    pub width: usize,
    /// The macros and loops on the way there, innermost first.
    pub notes: Vec<Note>,
}

/// A step on the way to a diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Note {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters from 1.
    pub column: usize,
    /// What it is.
    pub message: String,
}

impl Diagnostic {
    pub(crate) fn without_place(file: String, message: String) -> Self {
        let text = String::new();
        Self { file, line: 0, column: 0, message, text, width: 0, notes: Vec::new() }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return write!(f, "{}: {}", self.file, self.message);
        }
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        let number = self.line.to_string();
        write!(f, "\n {number} | {}", self.text)?;
        let indent: String = self
            .text
            .chars()
            .take(self.column - 1)
            .map(|c| if c == '\t' { c } else { ' ' })
            .collect();
        let marks = "^".repeat(self.width.max(1));
        write!(f, "\n {} | {indent}{marks}", " ".repeat(number.len()))?;
        for note in &self.notes {
            write!(f, "\n {}:{}:{}: {}", note.file, note.line, note.column, note.message)?;
        }
        Ok(())
    }
}

/// A piece of a source: bytes `start..end` of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) file: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    /// From the start of this one to the end of the other.
    pub(crate) const fn to(self, end: Self) -> Self {
        Self { file: self.file, start: self.start, end: end.end }
    }
}

/// Where an item comes from: its place in a source, and the expansions around it.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) span: Span,
    pub(crate) within: Option<Rc<Expansion>>,
}

/// A macro's use or a loop's round.
#[derive(Debug)]
pub(crate) struct Expansion {
    pub(crate) what: String,
    pub(crate) span: Span,
    pub(crate) within: Option<Rc<Expansion>>,
}

/// Something wrong, before its place is looked up.
#[derive(Debug)]
pub(crate) struct Problem {
    span: Span,
    message: String,
    within: Option<Rc<Expansion>>,
}

impl Problem {
    pub(crate) fn at(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), within: None }
    }

    pub(crate) fn of(origin: &Origin, message: impl Into<String>) -> Self {
        Self { span: origin.span, message: message.into(), within: origin.within.clone() }
    }

    /// Says within which expansion it is, unless it knows.
    pub(crate) fn within(mut self, expansion: Option<&Rc<Expansion>>) -> Self {
        self.within = self.within.or_else(|| expansion.cloned());
        self
    }

    pub(crate) fn render(&self, sources: &Sources) -> Diagnostic {
        /// A loop in a loop in a macro says enough.
        const MOST_NOTES: usize = 8;
        let place = sources.place(self.span);
        let expansions = std::iter::successors(self.within.as_deref(), |one| one.within.as_deref());
        let notes = expansions.take(MOST_NOTES).map(|expansion| {
            let Place { file, line, column, .. } = sources.place(expansion.span);
            Note { file, line, column, message: format!("in {}", expansion.what) }
        });
        Diagnostic {
            file: place.file,
            line: place.line,
            column: place.column,
            message: self.message.clone(),
            text: place.text,
            width: place.width,
            notes: notes.collect(),
        }
    }
}

/// A span as people count.
struct Place {
    file: String,
    line: usize,
    column: usize,
    text: String,
    width: usize,
}

/// The texts of an assembly: the source and what it includes.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    files: Vec<(String, Rc<str>)>,
}

impl Sources {
    pub(crate) fn add(&mut self, name: String, text: String) -> u32 {
        self.files.push((name, text.into()));
        self.files.len() as u32 - 1
    }

    pub(crate) fn read(&mut self, path: &Path) -> io::Result<u32> {
        let text = fs::read_to_string(path)?;
        Ok(self.add(path.display().to_string(), text))
    }

    pub(crate) fn text(&self, file: u32) -> Rc<str> {
        self.files[file as usize].1.clone()
    }

    /// The path of a file that `file` includes.
    pub(crate) fn beside(&self, file: u32, name: &str) -> PathBuf {
        Path::new(&self.files[file as usize].0).with_file_name("").join(name)
    }

    fn place(&self, span: Span) -> Place {
        let (name, text) = &self.files[span.file as usize];
        let start = (span.start as usize).min(text.len());
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let end = (span.end as usize).clamp(start, line_end);
        Place {
            file: name.clone(),
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            text: text[line_start..line_end].trim_end().to_owned(),
            width: text[start..end].chars().count(),
        }
    }
}
