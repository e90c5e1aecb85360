//! What a person may do next, and the command line that does it.
//!
//! Errors and findings carry [`Advice`], which is a fact: no crate but this
//! module knows how a command is written. Whoever talks to people words it, as
//! a button or as the command that [`Advice::command`] gives.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::words::misleads;
use crate::{Address, BranchName, LayerName, Step};

/// The store where none is named: a folder where the program was started.
pub const DEFAULT_STORE: &str = "runs";

/// Where a person works: what every command that is advised has to name again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The store, as it was named.
    pub store: PathBuf,
    /// The folder that holds data sets, where one was named.
    pub data: Option<PathBuf>,
}

/// Something to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    /// Record a first branch.
    Train,
    /// Look at the branches that there are, and at what is wrong with them.
    ListBranches,
    /// Look at a step.
    Show {
        /// The step.
        at: Address,
        /// A layer of it, rather than all.
        layer: Option<LayerName>,
    },
    /// Evaluate a step on the test images.
    Evaluate {
        /// The step.
        at: Address,
    },
    /// Fork a branch.
    Fork {
        /// The step to fork at.
        at: Address,
        /// The edits, as they are written; without any, the fork is a twin.
        edits: Vec<String>,
        /// Steps to train the fork on, if it is to be trained.
        more: Option<u64>,
    },
    /// Let the process that trains a branch go on with an edit.
    Steer {
        /// The branch.
        branch: BranchName,
        /// The edit, as it is written.
        edit: String,
    },
    /// Train a branch on: so many steps, or as far as was asked for before.
    Resume {
        /// The branch.
        branch: BranchName,
        /// Steps to train it on.
        more: Option<u64>,
    },
    /// Leave a branch its keyframes alone.
    Compact {
        /// The branch.
        branch: BranchName,
    },
    /// Write out tensors that follow from keyframes.
    Materialise {
        /// The branch.
        branch: BranchName,
        /// The first and the last step of them, rather than all.
        steps: Option<[Step; 2]>,
    },
    /// Take a deleted branch back.
    TakeBack {
        /// The branch.
        branch: BranchName,
    },
    /// Take a deleted branch back under another name.
    TakeBackAs {
        /// The branch.
        branch: BranchName,
        /// The name that it gets.
        name: BranchName,
    },
    /// Free what was deleted and what crashes left over.
    Free {
        /// Whether that is to be done without a question.
        unasked: bool,
    },
    /// Fetch a data set from where it is published.
    FetchData {
        /// Its name.
        name: String,
    },
    /// Draw the window into a file, where there is no display.
    Screenshot {
        /// The step that it shows, if one was asked for.
        at: Option<Address>,
    },
}

impl Advice {
    /// The command that does it: complete, and quoted for a POSIX shell.
    ///
    /// Only what a terminal can show is in it, whatever names it was given.
    #[must_use]
    pub fn command(&self, place: &Place) -> String {
        let mut words: Vec<OsString> = vec!["revacnn".into()];
        let mut say = |word: &dyn ToString| words.push(word.to_string().into());
        let takes_data = match self {
            Self::Train => {
                say(&"train");
                true
            }
            Self::ListBranches => {
                say(&"log");
                false
            }
            Self::Show { at, layer } => {
                say(&"show");
                say(at);
                if let Some(layer) = layer {
                    say(&"--layer");
                    say(layer);
                }
                true
            }
            Self::Evaluate { at } => {
                say(&"evaluate");
                say(at);
                say(&"--split");
                say(&"test");
                true
            }
            Self::Fork { at, edits, more } => {
                say(&"fork");
                say(at);
                for edit in edits {
                    say(&"--edit");
                    say(edit);
                }
                if let Some(more) = more {
                    say(&"--steps");
                    say(&format!("+{more}"));
                }
                true
            }
            Self::Steer { branch, edit } => {
                say(&"steer");
                say(branch);
                say(&"--edit");
                say(edit);
                false
            }
            Self::Resume { branch, more } => {
                say(&"resume");
                say(branch);
                if let Some(more) = more {
                    say(&"--steps");
                    say(&format!("+{more}"));
                }
                true
            }
            Self::Compact { branch } => {
                say(&"compact");
                say(branch);
                true
            }
            Self::Materialise { branch, steps } => {
                say(&"materialise");
                say(branch);
                if let Some([first, last]) = steps {
                    say(&"--from");
                    say(first);
                    say(&"--to");
                    say(last);
                }
                true
            }
            Self::TakeBack { branch } => {
                say(&"delete");
                say(branch);
                say(&"--undo");
                false
            }
            Self::TakeBackAs { branch, name } => {
                say(&"delete");
                say(branch);
                say(&"--undo");
                say(&"--name");
                say(name);
                false
            }
            Self::Free { unasked } => {
                say(&"gc");
                if *unasked {
                    say(&"--yes");
                }
                false
            }
            Self::FetchData { name } => {
                say(&"data");
                say(&"fetch");
                say(name);
                true
            }
            Self::Screenshot { at } => {
                say(&"view");
                say(&"--screenshot");
                say(&"window.png");
                if let Some(at) = at {
                    say(at);
                }
                true
            }
        };
        // Data sets are fetched for all stores.
        if place.store != Path::new(DEFAULT_STORE) && !matches!(self, Self::FetchData { .. }) {
            words.extend(["--store".into(), path_word(&place.store)]);
        }
        if let Some(data) = place.data.as_ref().filter(|_| takes_data) {
            words.extend(["--data".into(), path_word(data)]);
        }
        words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }
}

/// A path as the value of an option: one that begins with `-` would be taken
/// for an option itself.
fn path_word(path: &Path) -> OsString {
    let is_option = path.as_os_str().as_encoded_bytes().first() == Some(&b'-');
    if is_option { Path::new(".").join(path).into() } else { path.into() }
}

/// A word as a POSIX shell reads it back, to the byte.
///
/// Bytes that are no text, and letters that a terminal would obey or not show,
/// go through `printf`: `"$(printf 'caf\351')"`.
pub fn quoted(word: &OsStr) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "%+,-./:=@_~".contains(letter);
    match word.to_str() {
        // A `~` is the home folder where a word begins.
        Some(text) if !text.is_empty() && !text.starts_with('~') && text.chars().all(is_plain) => text.to_owned(),
        Some(text) if !text.chars().any(is_hidden) => in_quotes(text),
        _ => printed(word.as_encoded_bytes()),
    }
}

fn in_quotes(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Letters that a terminal obeys, or that change what one sees of others.
fn is_hidden(letter: char) -> bool {
    misleads(letter) || is_invisible(letter)
}

fn is_invisible(letter: char) -> bool {
    let ranges = ['\u{200b}'..='\u{200f}', '\u{2028}'..='\u{202e}', '\u{2060}'..='\u{206f}', '\u{feff}'..='\u{feff}'];
    ranges.iter().any(|range| range.contains(&letter))
}

/// Bytes that `printf` writes and the shell takes as one word.
fn printed(bytes: &[u8]) -> String {
    // The shell takes line ends off what a command writes last.
    let kept = bytes.iter().rposition(|byte| *byte != b'\n').map_or(0, |last| last + 1);
    let octal = |byte: &u8| match byte {
        b'%' => "%%".to_owned(),
        b'\'' | b'\\' => format!("\\{byte:03o}"),
        b' '..=b'~' => char::from(*byte).to_string(),
        byte => format!("\\{byte:03o}"),
    };
    let word = format!("\"$(printf '{}')\"", bytes[..kept].iter().map(octal).collect::<String>());
    if kept == bytes.len() { word } else { word + &in_quotes(&"\n".repeat(bytes.len() - kept)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(store: &str, data: Option<&str>) -> Place {
        Place { store: store.into(), data: data.map(PathBuf::from) }
    }

    #[test]
    fn a_command_names_what_was_named_and_nothing_else() {
        let at: Address = "main~2@150".parse().unwrap();
        let fork = Advice::Fork { at: at.clone(), edits: vec!["add-filter conv1".into()], more: Some(500) };
        let plain = "revacnn fork main~2@150 --edit 'add-filter conv1' --steps +500";
        assert_eq!(fork.command(&place("runs", None)), plain);
        let elsewhere = place("it's my runs", Some("~/data"));
        assert_eq!(fork.command(&elsewhere), format!("{plain} --store 'it'\\''s my runs' --data '~/data'"));
        // What reads no images takes no data folder.
        assert_eq!(Advice::ListBranches.command(&elsewhere), "revacnn log --store 'it'\\''s my runs'");
        let fetch = Advice::FetchData { name: "mnist".to_owned() };
        assert_eq!(fetch.command(&elsewhere), "revacnn data fetch mnist --data '~/data'");
        let dashed = Advice::Show { at, layer: Some("conv1".parse().unwrap()) };
        assert_eq!(dashed.command(&place("-x", None)), "revacnn show main~2@150 --layer conv1 --store ./-x");
    }

    /// What a shell makes of the words.
    #[cfg(unix)]
    fn read_by_a_shell(words: &str) -> Vec<u8> {
        let script = format!("printf '%s\\0' {words}");
        let output = std::process::Command::new("sh").args(["-c", &script]).output().expect("a shell");
        assert!(output.status.success() && output.stderr.is_empty(), "{words}: {output:?}");
        output.stdout
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_every_name_back_to_the_byte() {
        use std::os::unix::ffi::OsStrExt;

        let every_byte: Vec<u8> = (1..=255).collect();
        for name in [
            b"runs".as_slice(),
            b"",
            b"~",
            b"~/runs",
            b"main~2@best",
            b"it's my runs",
            b"\"$HOME\" `id` \\ $(id) !! * ? [a] {a,b} #x; & | < >",
            b"caf\xe9",
            "café 日本".as_bytes(),
            "x\u{202e}\nmain steps 0".as_bytes(),
            b"\x1b[2J",
            b"100 %\xff's \\n",
            b"line\n",
            b"\n\n",
            &every_byte,
        ] {
            let quoted = quoted(OsStr::from_bytes(name));
            assert_eq!(read_by_a_shell(&quoted), [name, b"\0"].concat(), "{quoted}");
            let shown = quoted.trim_end_matches(['\n', '\'']);
            assert!(!shown.chars().any(is_hidden), "{quoted:?}");
        }
    }
}
