//! `revacnn notebook plan --as`: the plan as a file with which another program trains it
//! on other machines.
//!
//! | file | concept |
//! |---|---|
//! | `script` | what a job does, in a shell |
//! | `snakemake` | the jobs as rules of Snakemake |
//! | `slurm` | the jobs as a script that submits them to Slurm |

mod script;
mod slurm;
mod snakemake;

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use revacnn_notebook::document::Problem;
use revacnn_notebook::plan::{Jobs, Place, Plan};
use revacnn_schemas::{Digester, quoted};
use revacnn_store::write_output;
use serde_json::json;

use super::file::{Notebook, folder_of};
use crate::error::Failure;
use crate::output::say;
use crate::text::{counted, printable};

/// A program that runs jobs on other machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Engine {
    /// A Snakefile.
    Snakemake,
    /// A shell script that submits jobs.
    Slurm,
}

/// The folder beside the file in which jobs keep what is theirs. Everything in it is named
/// by what it trains, so that several notebooks may share it.
const FOLDER: &str = "revacnn-jobs";

/// How a file of ours begins, so that no other one is written over.
const WRITTEN_BY: &str = "# Written by `revacnn notebook plan`";

/// So many bytes of a file say whether it is ours.
const BEGINNING: u64 = 200;

/// What every job is given.
pub(super) struct Settings<'a> {
    /// The store that the results come into.
    pub(super) store: &'a Path,
    /// Threads of a job.
    pub(super) threads: u16,
    /// The disk budget of a job's branches, in bytes.
    pub(super) disk_budget: Option<u64>,
}

/// What an engine's file is written of.
struct Work<'a> {
    jobs: &'a Jobs,
    /// Names of the trainings.
    names: Vec<&'a str>,
    /// The store that the results come into.
    store: PathBuf,
    threads: u16,
    disk_budget: Option<u64>,
    /// The program, unless a variable or a setting names another one.
    program: PathBuf,
    /// The file that says that all results are in the store.
    done: String,
}

impl Engine {
    /// Writes the file, and what its jobs read: to `output`, or beside the notebook.
    pub(super) fn write(
        self,
        notebook: &Notebook,
        plan: &Plan,
        place: Place<'_>,
        settings: &Settings<'_>,
        output: Option<&Path>,
    ) -> Result<Written, Unwritten> {
        let beside = || {
            notebook.path.with_extension(match self {
                Self::Snakemake => "smk",
                Self::Slurm => "slurm.sh",
            })
        };
        let path = match output {
            Some(path) => unwritten(path.to_owned(), fs::metadata(path))?,
            // Nobody named it: a link is not followed.
            None => {
                let path = beside();
                let found = fs::symlink_metadata(&path);
                unwritten(path, found)?
            }
        };
        let jobs = plan.jobs(&notebook.document, &notebook.program, place, FOLDER).map_err(Unwritten::Problems)?;
        let program = std::env::current_exe()?;
        if program.to_str().is_none() {
            let expected = "expected a program whose path is text, for other programs to name it";
            return Err(Failure::Usage(format!("{expected}; found {}", printable(&program.display()))).into());
        }
        let work = Work {
            jobs: &jobs,
            names: notebook.program.trainings.iter().map(|training| training.name.as_str()).collect(),
            store: std::path::absolute(settings.store).unwrap_or_else(|_| settings.store.to_owned()),
            threads: settings.threads,
            disk_budget: settings.disk_budget,
            program,
            done: done(&jobs),
        };
        let text = match self {
            Self::Snakemake => snakemake::written(&work),
            Self::Slurm => slurm::written(&work),
        };
        write_all(&path, &jobs, &text)?;
        Ok(Written { engine: self, path, jobs: jobs.jobs.len(), packs: jobs.packs.len() })
    }
}

/// Writes what jobs read, and then the engine's file.
fn write_all(path: &Path, jobs: &Jobs, text: &str) -> Result<(), Failure> {
    let within = folder_of(path).join(FOLDER);
    for pack in &jobs.packs {
        make_folder(&within, &pack.folder)?;
    }
    for job in &jobs.jobs {
        let own = make_folder(&within, &job.folder)?;
        for (name, bytes) in &job.files {
            let file = own.join(name);
            refuse_link(&file)?;
            write_output::<Failure>(&file, |output| Ok(output.write_all(bytes)?))?;
        }
    }
    write_output::<Failure>(path, |output| Ok(output.write_all(text.as_bytes())?))
}

/// Why nothing was written.
pub(super) enum Unwritten {
    /// What cannot be given to other machines.
    Problems(Vec<Problem>),
    /// What else is in the way.
    Failure(Failure),
}

impl<E: Into<Failure>> From<E> for Unwritten {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

/// What was written.
pub(super) struct Written {
    engine: Engine,
    path: PathBuf,
    jobs: usize,
    packs: usize,
}

impl Written {
    /// Says so.
    pub(super) fn tell(&self, json: bool) {
        let Self { engine, path, jobs, packs } = self;
        let shown = printable(&path.display());
        if json {
            let file = path.display().to_string();
            say!("{}", json!({ "event": "written", "file": file, "jobs": jobs, "packs": packs }));
        } else if *jobs == 0 {
            say!("{shown} is written, and has no job: all of it is there");
        } else {
            let next = match engine {
                Engine::Snakemake => "snakemake --cores 4 -s",
                Engine::Slurm => "bash",
            };
            let word = quoted(path.as_os_str());
            say!("{shown} is written, with {}\n\nnext:\n  {next} {word}", counted(*jobs as u64, "job"));
        }
    }
}

/// The file that says that the results of these jobs are in the store.
fn done(jobs: &Jobs) -> String {
    let mut digester = Digester::new("revacnn jobs");
    for job in &jobs.jobs {
        digester.text(&job.folder).number(job.until.0);
    }
    format!("{FOLDER}/{:.12}.done", digester.finish().to_string())
}

/// A file to write; one that we did not write stays, and a pipe or a device is written into.
fn unwritten(path: PathBuf, found: io::Result<fs::Metadata>) -> Result<PathBuf, Failure> {
    let shown = printable(&path.display());
    let beginning = match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path),
        Ok(found) if !found.is_file() && !found.is_dir() && !found.is_symlink() => return Ok(path),
        Ok(found) if found.is_file() => fs::File::open(&path).and_then(|file| {
            let mut bytes = Vec::new();
            file.take(BEGINNING).read_to_end(&mut bytes).map(|_| bytes)
        }),
        Ok(_) => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    let beginning = beginning.map_err(|error| Failure::Usage(format!("{shown} cannot be written: {error}")))?;
    match String::from_utf8_lossy(&beginning).contains(WRITTEN_BY) {
        true => Ok(path),
        false => {
            Err(Failure::Usage(format!("{shown} is there already, and is no plan: name another file by --output")))
        }
    }
}

/// Makes a folder in that of the jobs, which may have come with a stranger's notebook.
fn make_folder(within: &Path, name: &str) -> Result<PathBuf, Failure> {
    let folder = within.join(name);
    refuse_link(within)?;
    refuse_link(&folder)?;
    let failed = |error| Failure::Usage(format!("{} cannot be made: {error}", printable(&folder.display())));
    fs::create_dir_all(&folder).map_err(failed)?;
    Ok(folder)
}

fn refuse_link(path: &Path) -> Result<(), Failure> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => {
            Err(Failure::Usage(format!("expected {} to be no link: jobs write there", printable(&path.display()))))
        }
        _ => Ok(()),
    }
}
