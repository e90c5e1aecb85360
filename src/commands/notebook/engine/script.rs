//! What a job does, in a shell.
//!
//! A job that is done again after a kill goes on with what its store has; a branch's folder
//! is named by what it trains, so that it is that of no other job.

use std::ffi::OsStr;

use revacnn_notebook::plan::{Job, Pack, Source};

use super::{FOLDER, Work};

/// How an engine has its commands written.
pub(super) struct Dialect<'a> {
    /// The word that is the program.
    pub(super) program: &'a str,
    /// A word as the shell and the engine read it.
    pub(super) quoted: &'a dyn Fn(&OsStr) -> String,
    /// The word that is the number of threads.
    pub(super) threads: String,
}

/// The file of a pack.
pub(super) fn pack_file(pack: &Pack) -> String {
    let thin = if pack.thin { "-thin" } else { "" };
    format!("{FOLDER}/{}/{}{thin}.tar", pack.folder, pack.last)
}

/// The file with all that a job trained.
pub(super) fn whole_file(job: &Job) -> String {
    format!("{FOLDER}/{}/{}.tar", job.folder, job.until)
}

/// The file with what others begin with.
pub(super) fn thin_file(job: &Job) -> String {
    format!("{FOLDER}/{}/{}-thin.tar", job.folder, job.until)
}

/// The file that a job begins with.
pub(super) fn source_file(work: &Work<'_>, job: &Job) -> Option<String> {
    match job.source {
        Source::Nothing => None,
        Source::Pack(pack) => Some(pack_file(&work.jobs.packs[pack])),
        Source::Job(other) => Some(thin_file(&work.jobs.jobs[other])),
    }
}

impl Dialect<'_> {
    fn words<'w>(&self, words: impl IntoIterator<Item = &'w str>) -> String {
        let words: Vec<String> = words.into_iter().map(|word| (self.quoted)(OsStr::new(word))).collect();
        words.join(" ")
    }

    /// Packs a branch of the results' store.
    pub(super) fn pack(&self, pack: &Pack, work: &Work<'_>) -> String {
        let thin = if pack.thin { " --thin" } else { "" };
        let (branch, file) = (self.words([pack.branch.as_str()]), self.words([pack_file(pack).as_str()]));
        let store = (self.quoted)(work.store.as_os_str());
        format!("{} pack {branch}{thin} -o {file} --store {store}", self.program)
    }

    /// What a job does, a command a line.
    pub(super) fn job(&self, work: &Work<'_>, job: &Job) -> Vec<String> {
        let program = self.program;
        let own = self.words([format!("{FOLDER}/{}/store", job.folder).as_str()]);
        let store = "--store \"$store\"";
        let branch = self.words([job.branch.as_str()]);
        let mut how = format!("{store} --threads {}", self.threads);
        if let Some(data) = &job.data {
            how += &format!(" --data {}", (self.quoted)(data.as_os_str()));
        }
        if let Some(budget) = work.disk_budget {
            how += &format!(" --disk-budget {budget}");
        }
        // One that diverged is a result, and is told by its code.
        let trains = |words: String| format!("    {program} {words} {how} || [ $? -eq 3 ]");
        let resume = trains(format!("resume {branch} --steps {}", job.until));
        // What was killed goes on with what it has.
        let mut lines = vec![
            format!("store={own}"),
            format!("if {program} show {branch}@fork {store} > /dev/null 2>&1; then"),
            if job.begin.is_some() { resume.clone() } else { "    :".to_owned() },
            "else".to_owned(),
            "    rm -rf \"$store\"".to_owned(),
        ];
        if let Some(source) = source_file(work, job) {
            lines.push(format!("    {program} unpack {} {store}", self.words([source.as_str()])));
        }
        if let Some(begin) = &job.begin {
            lines.push(trains(self.words(begin.words().iter().map(String::as_str))));
        }
        lines.push("fi".to_owned());
        if job.begin.is_none() {
            lines.push(resume.trim_start().to_owned());
        }
        if job.is_forked {
            lines.push(format!("{program} pack {branch} --thin -o {} {store}", self.words([thin_file(job).as_str()])));
        }
        lines.push(format!("{program} pack {branch} -o {} {store}", self.words([whole_file(job).as_str()])));
        lines.push("rm -rf \"$store\"".to_owned());
        lines
    }

    /// Brings the results into their store, parents before children.
    pub(super) fn unpack(&self, work: &Work<'_>) -> Vec<String> {
        let store = (self.quoted)(work.store.as_os_str());
        let line = |job: &Job| {
            let file = self.words([whole_file(job).as_str()]);
            format!("{} unpack {file} --store {store}", self.program)
        };
        work.jobs.jobs.iter().map(line).collect()
    }
}
