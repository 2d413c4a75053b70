//! Where the lines come from: a terminal, with editing, history and completion, or anything else, plainly. What they mean is in
//! `line.rs`. A history that cannot be read or written is as if there were none.

use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};

use rustyline::completion::{Completer, Pair};
use rustyline::config::{Behavior, CompletionType, Config};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{Context, Editor, Helper};

use super::super::viewer::plain;
use super::complete::Words;
use crate::terminal;

/// What the user is asked with.
const PROMPT: &str = "(pprof) ";

/// So many lines are remembered.
const REMEMBERED: usize = 1_000;

/// Where the lines come from.
pub enum Input {
    /// Anything but a terminal.
    Plain,
    /// A terminal.
    Edited {
        /// What the user edits the line with.
        editor: Box<Editor<Completion, FileHistory>>,
        /// The file that lines are remembered in.
        history: Option<PathBuf>,
    },
}

/// Completes words.
pub struct Completion(Words);

impl Input {
    /// The input that standard input is. `words` are what can be completed, if anything can.
    pub fn new(words: impl FnOnce() -> Words) -> Input {
        let terminal = std::env::var("TERM").unwrap_or_default().to_lowercase();
        if !io::stdin().is_terminal() || ["", "dumb"].contains(&&*terminal) {
            return Input::Plain;
        }
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .history_ignore_space(true)
            // A report may go to a file while the prompt is on the terminal.
            .behavior(Behavior::PreferTerm)
            .max_history_size(REMEMBERED);
        let Some(mut editor) = config.ok().and_then(|config| Editor::with_config(config.build()).ok()) else {
            return Input::Plain;
        };
        editor.set_helper(Some(Completion(words())));
        let history = history_file();
        if let Some(file) = &history {
            let _ = editor.load_history(file);
        }
        Input::Edited { editor: Box::new(editor), history }
    }

    /// The next line; none at the end.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub fn line(&mut self) -> Result<Option<String>, String> {
        let Input::Edited { editor, history } = self else {
            terminal::repeat(PROMPT.as_bytes());
            let mut line = Vec::new();
            let length = io::stdin().lock().read_until(b'\n', &mut line);
            let length = length.map_err(|error| format!("read /dev/stdin: {}", plain(&error)))?;
            return Ok((length > 0).then(|| String::from_utf8_lossy(&line).into_owned()));
        };
        match editor.readline(PROMPT) {
            Ok(line) => {
                let is_new = !line.trim().is_empty() && editor.add_history_entry(&line).unwrap_or(false);
                if let Some(file) = history.as_ref().filter(|_| is_new) {
                    remember(editor, file);
                }
                Ok(Some(line))
            }
            // The line is given up, not the shell.
            Err(ReadlineError::Interrupted) => Ok(Some(String::new())),
            Err(ReadlineError::Eof) => Ok(None),
            Err(ReadlineError::Io(error)) => Err(plain(&error)),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Tells what is wrong with the line before; in red where somebody sees it.
    pub fn complain(&self, text: &str) {
        let has_color = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        if matches!(self, Input::Edited { .. }) && has_color && io::stderr().is_terminal() {
            terminal::status(&format!("\x1b[31m{text}\x1b[0m"));
        } else {
            terminal::status(text);
        }
    }
}

/// Writes down the lines that are not yet.
fn remember(editor: &mut Editor<Completion, FileHistory>, file: &Path) {
    if let Some(folder) = file.parent() {
        let _ = std::fs::create_dir_all(folder);
    }
    let _ = editor.append_history(file);
}

/// Where lines are remembered between sessions.
fn history_file() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")));
    Some(state?.join("cargo-prof/history"))
}

impl Completer for Completion {
    type Candidate = Pair;

    fn complete(&self, line: &str, position: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, offers) = self.0.offers(&line[..position]);
        let pair = |offer: super::complete::Offer| Pair { display: offer.shown, replacement: offer.typed };
        Ok((start, offers.into_iter().map(pair).collect()))
    }
}

impl Helper for Completion {}

impl Highlighter for Completion {}

impl Hinter for Completion {
    type Hint = String;
}

impl Validator for Completion {}
