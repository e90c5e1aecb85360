//! `revacnn notebook export`: a notebook with its figures, as a page or as a report.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::export::{self, Exported, Found, page, report};
use revacnn_notebook::{Sources, render};
use revacnn_recorder::{Resources, usual_threads};
use revacnn_schemas::Place;
use revacnn_store::write_output;
use serde_json::json;

use super::super::Run;
use super::super::figure::LateBar;
use super::file::{FileArgument, Notebook, folder_of};
use super::plan::existing;
use crate::error::Failure;
use crate::options::{DataOption, StoreOption, path};
use crate::output::{say, warn};
use crate::text::{bytes, printable};

/// Write a notebook with its figures: one page of HTML, or a report in Markdown.
///
/// Nothing is trained. A figure of what is not there yet says so in its place.
#[derive(Debug, Args)]
pub(super) struct ExportArguments {
    #[command(flatten)]
    file: FileArgument,
    /// The file to write: .html, a page that needs no other file and no network; or .md, a report
    /// with its pictures in a folder beside it.
    #[arg(short, long, value_name = "FILE", value_parser = path())]
    output: PathBuf,
    #[command(flatten)]
    store: StoreOption,
    #[command(flatten)]
    data: DataOption,
}

impl Run for ExportArguments {
    fn place(&self) -> Place {
        self.store.place(Some(&self.data))
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let form = Form::of(&self.output)?;
        let notebook = self.file.read()?;
        check_output(&self.output, &notebook.path)?;
        let exported = write(&notebook, &self.output, form, (&self.store, &self.data), json)?;
        let size = exported.text.len() as u64;
        let shown = printable(&self.output.display());
        if json {
            say!(
                "{}",
                json!({ "event": "written", "file": self.output.display().to_string(), "bytes": size, "lacks": exported.lacks })
            );
        } else {
            say!("{shown}: {}", bytes(size));
            exported.lacks.iter().for_each(warn);
        }
        Ok(if exported.lacks.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A page of HTML.
    Page,
    /// A report in Markdown, with pictures.
    Report,
}

impl Form {
    /// The form that a file's ending asks for.
    pub(super) fn of(path: &Path) -> Result<Self, Failure> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        match ending.as_str() {
            "html" | "htm" => Ok(Self::Page),
            "md" | "markdown" => Ok(Self::Report),
            _ => Err(Failure::Usage(format!(
                "cannot write {}: expected a file that ends in .html or .md",
                printable(&path.display())
            ))),
        }
    }
}

/// Writes a notebook with its figures.
pub(super) fn write(
    notebook: &Notebook,
    output: &Path,
    form: Form,
    (store, data): (&StoreOption, &DataOption),
    json: bool,
) -> Result<Exported, Failure> {
    let known = existing(store)?;
    let Some(known) = known else {
        return Err(Failure::Usage(format!(
            "there is no store at {}: `revacnn notebook run {}` trains what the notebook shows",
            printable(&store.store.display()),
            printable(&notebook.path.display())
        )));
    };
    let resources = Resources { data_folder: data.folder(), ..Resources::usual(&store.store) };
    let plan = notebook.plan(notebook.place(Some(&known), &resources), json)?;
    let mut sources = Sources::open(&store.store, data.folder(), usual_threads())?;
    let name = notebook.path.file_stem().map_or_else(|| "notebook".into(), |stem| stem.to_string_lossy());
    let exports = export::Notebook {
        document: &notebook.document,
        program: &notebook.program,
        plan: &plan,
        folder: notebook.folder(),
        name: &name,
    };
    let exported = match form {
        Form::Page => {
            let mut bar = LateBar::new(json, "{wide_bar:.dim} {pos} of {len} figures  {eta} left");
            page(&exports, &mut sources, &mut |progress| bar.tell(progress))?
        }
        Form::Report => {
            let stem = output.file_stem().map_or_else(|| "report".into(), |stem| stem.to_string_lossy());
            let folder = format!("{stem}-figures");
            let report = report(&exports, &folder, &mut sources);
            if !report.pictures.is_empty() || output.with_file_name(&folder).exists() {
                let beside = pictures_of(output, &folder)?;
                for (name, figure) in &report.pictures {
                    render(figure, &beside.join(name))?;
                }
                // What an older report had besides.
                let is_shown = |name: &OsStr| report.pictures.iter().any(|(shown, _)| OsStr::new(shown) == name);
                for entry in fs::read_dir(&beside).into_iter().flatten().filter_map(Result::ok) {
                    let name = entry.file_name();
                    if is_picture(&name) && !is_shown(&name) {
                        let _ = fs::remove_file(entry.path());
                    }
                }
            }
            report.exported
        }
    };
    write_output::<Failure>(output, |file| Ok(file.write_all(exported.text.as_bytes())?))?;
    Ok(exported)
}

/// Refuses to write over the notebook, and over any other file that was not exported.
pub(super) fn check_output(output: &Path, notebook: &Path) -> Result<(), Failure> {
    /// A larger file is none of ours.
    const MOST_BYTES: u64 = 1 << 30;

    let real = |path: &Path| path.canonicalize().ok();
    if real(output).is_some_and(|output| Some(output) == real(notebook)) {
        return Err(Failure::Usage("it would take the notebook's place: name another file".to_owned()));
    }
    let folder = folder_of(output);
    if !folder.is_dir() {
        let folder = printable(&folder.display());
        return Err(Failure::Usage(format!("there is no folder {folder} to write in: make it first")));
    }
    // A pipe or a device is written to, and a first file has nothing to lose.
    let Ok(found) = fs::metadata(output) else { return Ok(()) };
    if !found.is_file() || found.len() == 0 {
        return Ok(());
    }
    let text = if found.len() <= MOST_BYTES { fs::read_to_string(output).ok() } else { None };
    let why = match text.map_or(Found::Other, |text| Found::of(&text)) {
        Found::Exported => return Ok(()),
        Found::Edited => "was changed since it was exported, and that would be lost",
        Found::Other => "is there already, and is no page or report of a notebook",
    };
    Err(Failure::Usage(format!("{} {why}: name another file", printable(&output.display()))))
}

/// The folder of a report's pictures, which holds nothing else: of an older report of the same name,
/// or new.
fn pictures_of(output: &Path, folder: &str) -> Result<PathBuf, Failure> {
    let beside = output.with_file_name(folder);
    let shown = printable(&beside.display());
    let cannot = |error: io::Error| Failure::Usage(format!("{shown} cannot be made: {error}"));
    match fs::symlink_metadata(&beside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(&beside).map_err(cannot)?,
        Err(error) => return Err(cannot(error)),
        Ok(found) if !found.is_dir() => {
            return Err(Failure::Usage(format!(
                "expected {shown} to be a folder for pictures, found a file or a link"
            )));
        }
        Ok(_) => {
            let mut others = fs::read_dir(&beside).map_err(cannot)?.filter_map(Result::ok);
            let has_report = fs::metadata(output).is_ok_and(|found| found.is_file() && found.len() > 0);
            if let Some(other) = others.find(|entry| !has_report || !is_picture(&entry.file_name())) {
                return Err(Failure::Usage(format!(
                    "expected {shown} to hold the pictures of {} alone, found {} in it: name another file",
                    printable(&output.display()),
                    printable(&Path::new(&other.file_name()).display())
                )));
            }
        }
    }
    Ok(beside)
}

/// Whether a file is called as a picture of a report is.
fn is_picture(name: &OsStr) -> bool {
    let number = name.to_str().and_then(|name| name.strip_suffix(".svg"));
    number.is_some_and(|number| number.len() >= 2 && number.bytes().all(|byte| byte.is_ascii_digit()))
}
