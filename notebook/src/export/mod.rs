//! A notebook with its figures, to be read where this program is not: one page of HTML, or
//! a report in Markdown with its pictures beside it.
//!
//! | file | concept |
//! |---|---|
//! | `dials` | the positions that cursors and inputs have on a page |
//! | `frames` | what each view shows at each of them |
//! | `drawn` | a figure as HTML |
//! | `svg` | a scene as SVG whose colours follow the page |
//! | `prose` | Markdown as HTML, which loads and runs nothing |
//! | `page` | the page: prose, controls, figures, and how to make it again |
//! | `report` | the report |
//! | `made` | the trainings, with their keys and digests |

mod dials;
mod drawn;
mod frames;
mod made;
mod page;
mod prose;
mod report;
pub(crate) mod svg;

use std::collections::BTreeMap;
use std::path::Path;

use revacnn_schemas::{BranchId, BranchName, Figure};
use revacnn_store::StepSpan;

use crate::command::{CommandError, Lookup};
use crate::document::Document;
use crate::plan::Plan;
use crate::program::{Filled, Program};
use crate::{Hues, NotebookError, Sources};

pub use page::page;
pub use report::{Report, report};

/// What a text is, as far as an export may take its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// An export, as it was written.
    Exported,
    /// A report in which somebody has written since.
    Edited,
    /// Something else.
    Other,
}

impl Found {
    /// What a text is.
    pub fn of(text: &str) -> Self {
        if text.contains(page::GENERATOR) {
            return Self::Exported;
        }
        report::found(text)
    }
}

/// A notebook that is exported.
#[derive(Debug)]
pub struct Notebook<'a> {
    /// Its text.
    pub document: &'a Document,
    /// What that says.
    pub program: &'a Program,
    /// What of it is there.
    pub plan: &'a Plan,
    /// The folder of what it names by its path.
    pub folder: &'a Path,
    /// What its file is called, without the folder and the ending.
    pub name: &'a str,
}

/// What came out.
#[derive(Debug)]
pub struct Exported {
    /// The page, or the report.
    pub text: String,
    /// Why figures are lacking, a line each.
    pub lacks: Vec<String>,
}

impl Notebook<'_> {
    /// Gives the branches the notebook's names.
    fn name_branches(&self, sources: &mut Sources) {
        sources.set_names(self.plan.histories(self.program), Hues::InOrder);
    }

    /// The branches that are there.
    fn ids(&self) -> BTreeMap<BranchName, BranchId> {
        let all = self.plan.histories(self.program).into_iter();
        all.filter_map(|(name, history)| Some((name, history?.id))).collect()
    }

    /// The steps of each branch that is there.
    fn spans(&self, sources: &mut Sources) -> BTreeMap<BranchName, StepSpan> {
        let names = self.ids().into_keys();
        names.filter_map(|name| Some((name.clone(), sources.lineage(&name).ok()?.steps()?))).collect()
    }

    /// What a view says at some values, as a figure.
    fn figure(&self, filled: &Filled, sources: &mut Sources) -> Result<Figure, String> {
        let ids = self.ids();
        let found = {
            let store = sources.store();
            let untrained =
                |name: &BranchName| CommandError::Value(NotebookError::Untrained { branch: name.clone() }.to_string());
            let record = |name: &BranchName| match ids.get(name) {
                Some(id) => Ok(store.branch_by_id(id)?),
                None => Err(untrained(name)),
            };
            let members = |family: &BranchName| {
                let members = self.program.members(family.as_str()).into_iter();
                Ok(members.map(|place| self.program.trainings[place].name.clone()).collect())
            };
            let pictures = self.plan.pictures();
            let picture = |path: &Path| pictures.read(path);
            filled.cell(Lookup { record: &record, members: &members, picture: &picture })
        };
        let (cell, inputs) = found.map_err(|error| error.to_string())?;
        if let Filled::Line(command) = filled
            && let Some(image) = &inputs.image
        {
            for address in command.addresses() {
                sources.must_see(&address, image).map_err(|error| error.to_string())?;
            }
        }
        cell.figure(sources, &inputs).map_err(|error| error.to_string())
    }
}
