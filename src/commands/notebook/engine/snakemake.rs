//! The jobs as rules of Snakemake.

use std::ffi::OsStr;
use std::fmt::Write as _;

use revacnn_schemas::quoted;

use super::script::{Dialect, pack_file, source_file, thin_file, whole_file};
use super::{FOLDER, WRITTEN_BY, Work};

const INFALLIBLE: &str = "invariant: a string takes every text";

/// The Snakefile.
pub(super) fn written(work: &Work<'_>) -> String {
    // Braces are fields of Snakemake's.
    let doubled = |word: &OsStr| quoted(word).replace('{', "{{").replace('}', "}}");
    let dialect = Dialect { program: "{REVACNN:q}", quoted: &doubled, threads: "{threads}".to_owned() };
    let program = python(&work.program.to_string_lossy());
    let mut text = format!(
        "{WRITTEN_BY} --as snakemake. Run it by\n#     snakemake --cores 4 -s THIS_FILE\n\
         # A job that was killed is done again by the same command, one that is done is not.\n\
         # What jobs need and give is in {FOLDER} beside this file, which may be deleted when all is done.\n\n\
         workdir: workflow.basedir\n\nREVACNN = config.get(\"revacnn\", {program})\n\n"
    );
    let mut rule = |comment: &str, name: &str, parts: &[(&str, Vec<String>)], lines: &[String]| {
        writeln!(text, "rule {name}:{comment}").expect(INFALLIBLE);
        for (part, values) in parts.iter().filter(|(_, values)| !values.is_empty()) {
            writeln!(text, "    {part}: {}", values.join(", ")).expect(INFALLIBLE);
        }
        if !lines.is_empty() {
            writeln!(text, "    shell:").expect(INFALLIBLE);
            lines.iter().for_each(|line| writeln!(text, "        {}", python(&format!("{line}\n"))).expect(INFALLIBLE));
        }
        text.push('\n');
    };
    let files = |files: Vec<String>| files.iter().map(|file| python(file)).collect::<Vec<_>>();
    let done = if work.jobs.jobs.is_empty() { Vec::new() } else { vec![python(&work.done)] };
    rule("", "all", &[("input", done)], &[]);
    for (number, pack) in work.jobs.packs.iter().enumerate() {
        let comment = format!("  # {}, which is there", work.names[pack.training]);
        let output = files(vec![pack_file(pack)]);
        rule(&comment, &format!("pack_{}", number + 1), &[("output", output)], &[dialect.pack(pack, work)]);
    }
    for (number, job) in work.jobs.jobs.iter().enumerate() {
        let comment = format!("  # {}", work.names[job.training]);
        let log = format!("{FOLDER}/{}/log.txt", job.folder);
        let mut output = vec![whole_file(job)];
        output.extend(job.is_forked.then(|| thin_file(job)));
        let parts = [
            ("input", files(source_file(work, job).into_iter().collect())),
            ("output", files(output)),
            ("log", files(vec![log])),
            ("threads", vec![work.threads.to_string()]),
        ];
        let mut lines = vec!["exec >> {log:q} 2>&1".to_owned()];
        lines.extend(dialect.job(work, job));
        rule(&comment, &format!("job_{}", number + 1), &parts, &lines);
    }
    if !work.jobs.jobs.is_empty() {
        let input = files(work.jobs.jobs.iter().map(whole_file).collect());
        let output = vec![format!("touch({})", python(&work.done))];
        rule("", "unpack", &[("input", input), ("output", output)], &dialect.unpack(work));
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

/// A text as Python writes it, which has the quotes and backslashes of JSON.
fn python(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
