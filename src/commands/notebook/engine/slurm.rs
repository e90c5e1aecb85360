//! The jobs as a script that submits them to Slurm.

use std::fmt::Write as _;

use revacnn_notebook::plan::Source;
use revacnn_schemas::quoted;

use super::script::{Dialect, pack_file, whole_file};
use super::{FOLDER, WRITTEN_BY, Work};

const INFALLIBLE: &str = "invariant: a string takes every text";

/// The script. Numbers of jobs that are waited for begin with a colon each, as
/// `--dependency` has them.
pub(super) fn written(work: &Work<'_>) -> String {
    let dialect = Dialect { program: "\"$REVACNN\"", quoted: &|word| quoted(word), threads: work.threads.to_string() };
    let word = |text: &str| quoted(text.as_ref());
    let mut text = format!(
        "#!/usr/bin/env bash\n{WRITTEN_BY} --as slurm. Run it by\n#     bash THIS_FILE\n\
         # when no job of it is left from before: jobs that are done are not submitted again, and those that were\n\
         # killed are. What jobs need and give is in {FOLDER} beside this file, which may be deleted when all is\n\
         # done.\n\
         set -euo pipefail\ncd -- \"$(dirname -- \"$0\")\"\n{program}\n\n\
         # NAME FOLDER AFTER: submits the script of the standard input, and writes its number.\n\
         submit() {{\n    local after=()\n    \
         if [ -n \"$3\" ]; then after=(--dependency=\"afterok$3\" --kill-on-invalid-dep=yes); fi\n    \
         sbatch --parsable --job-name=\"$1\" --output=\"$2/log.txt\" --open-mode=append \\\n        \
         --cpus-per-task={threads} ${{after[@]+\"${{after[@]}}\"}} | cut -d ';' -f 1\n}}\n",
        program = program(work),
        threads = work.threads,
    );
    for pack in &work.jobs.packs {
        let file = word(&pack_file(pack));
        writeln!(text, "[ -e {file} ] || {}", dialect.pack(pack, work)).expect(INFALLIBLE);
    }
    for (number, job) in work.jobs.jobs.iter().enumerate() {
        let after = match job.source {
            Source::Job(other) => format!("\"$job_{}\"", other + 1),
            Source::Nothing | Source::Pack(_) => "''".to_owned(),
        };
        let name = &work.names[job.training];
        let folder = word(&format!("{FOLDER}/{}", job.folder));
        let mut lines = vec![program(work)];
        lines.extend(dialect.job(work, job));
        submitted(&mut text, number + 1, &word(&whole_file(job)), &format!("{} {folder} {after}", word(name)), &lines);
    }
    if work.jobs.jobs.is_empty() {
        text += "echo 'nothing is to be done'\n";
        return text;
    }
    let after: String = (1..=work.jobs.jobs.len()).map(|number| format!("$job_{number}")).collect();
    let mut lines = vec![program(work)];
    lines.extend(dialect.unpack(work));
    lines.push(format!("touch {}", word(&work.done)));
    let last = work.jobs.jobs.len() + 1;
    submitted(&mut text, last, &word(&work.done), &format!("unpack {FOLDER} \"{after}\""), &lines);
    write!(
        text,
        "if [ -n \"$job_{last}\" ]; then\n    echo \"submitted; the results are in the store when job ${{job_{last}#:}} \
         has ended\"\nelse\n    echo 'nothing is to be done'\nfi\n"
    )
    .expect(INFALLIBLE);
    text
}

/// A job that is submitted unless the file is there that it makes.
fn submitted(text: &mut String, number: usize, file: &str, arguments: &str, lines: &[String]) {
    let lines = lines.join("\n");
    write!(
        text,
        "\njob_{number}=\nif [ ! -e {file} ]; then\n    job_{number}=\":$(submit {arguments} <<'JOB'\n#!/usr/bin/env \
         bash\nset -euo pipefail\n{lines}\nJOB\n)\"\nfi\n"
    )
    .expect(INFALLIBLE);
}

/// Names the program, unless the variable does: here and in each job, whose environment
/// may be another one.
fn program(work: &Work<'_>) -> String {
    format!("[ -n \"${{REVACNN:-}}\" ] || REVACNN={}", quoted(work.program.as_os_str()))
}
