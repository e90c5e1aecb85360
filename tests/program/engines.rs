//! `notebook plan --as`: other programs run the plan, each job in a store of its own, to the
//! same bits; what was killed is done again, and what is done is not.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::input::write_data;
use crate::support::{Ran, Scratch};

/// Eleven trainings, two of which are one branch: families, forks of forks, one of a fork's first step, one of an
/// inherited step, and coefficients and images of files.
const NOTEBOOK: &str = r#"
```toml revacnn own
[[layer]]
kind = "conv"
filters = 3
kernel = 3
activation = "relu"
[[layer]]
kind = "softmax"
```

```revacnn
train base --dataset digits --network own --batch-size 16 --steps LENGTH --over seed=0..1
fork base@40 wider --edit 'add-filter conv1 init=split' --steps 90
fork wider@last slow --edit 'set learning-rate 0.0001' --steps +20
fork wider.0@20 before --edit 'freeze conv1/0' --steps 30
fork slow.0@fork twin
fork base.0@last set --edit "set-weights conv1/0 'my files/{w}.npy' seed=3" --edit "drop-images 'my files/{out}.csv'" --steps +3
fork base.1@epoch:1 many --edit 'insert-layer batchnorm after=conv1' --over 'steps=+1,+2' --fidelity keyframes
```
"#;

const TRAININGS: usize = 11;

/// A folder whose name a shell, Python and Snakemake would each do something with.
const FOLDER: &str = "it's {my} $HOME";

fn notebook(length: u64) -> Scratch {
    let scratch = Scratch::new();
    let folder = scratch.path(FOLDER);
    fs::create_dir_all(folder.join("my files")).expect("a folder");
    fs::write(folder.join("n.md"), NOTEBOOK.replace("LENGTH", &length.to_string())).expect("a file");
    let header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 3), }";
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(header);
    bytes.resize(127, b' ');
    bytes.push(b'\n');
    (0..9_u8).for_each(|value| bytes.extend((f32::from(value) / 8.0).to_le_bytes()));
    fs::write(folder.join("my files/{w}.npy"), bytes).expect("a file");
    fs::write(folder.join("my files/{out}.csv"), "image,loss\n3,2.5\n40-60,1.5\n").expect("a file");
    scratch
}

/// Runs the program with words that may have blanks in them.
#[track_caller]
fn runs(scratch: &Scratch, code: i32, words: &[&str]) -> Ran {
    let ran = Ran::of(scratch.command("").args(words).output().expect("the program starts"));
    assert_eq!(ran.code, Some(code), "{words:?}\n{ran:?}");
    ran
}

fn file(name: &str) -> String {
    format!("{FOLDER}/{name}")
}

/// Trains the rest in a store; gives the number of steps and, by training, its last digest.
fn rest(scratch: &Scratch, store: &str) -> (u64, BTreeMap<String, String>) {
    let lock = scratch.path(FOLDER).join("n.lock");
    fs::remove_file(&lock).ok();
    let ran = runs(scratch, 0, &["notebook", "run", &file("n.md"), "--yes", "--json", "--store", store]).json();
    let text = fs::read_to_string(lock).expect("a lock file");
    let digests = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (name, rest) = line.split_once(' ').expect("a name");
        (name.to_owned(), rest.to_owned())
    });
    (ran["steps_trained"].as_u64().expect("a number"), digests.collect())
}

/// What the results' store must be.
fn assert_whole(scratch: &Scratch) {
    let (steps, digests) = rest(scratch, &file("a store"));
    assert_eq!((steps, digests.len()), (0, TRAININGS));
    let (steps, others) = rest(scratch, "other");
    assert!(steps > 300, "{steps}");
    assert_eq!(digests, others);
}

/// Snakemake, or why the test is skipped.
fn snakemake() -> Option<PathBuf> {
    let python = std::env::var_os("REVACNN_PYTHON").filter(|path| !path.is_empty());
    let Some(python) = python.map(PathBuf::from) else {
        println!("skipped: REVACNN_PYTHON names no python, whose Snakemake would run the plan");
        return None;
    };
    let has_it = Command::new(&python).args(["-c", "import snakemake"]).stderr(Stdio::null()).status();
    if !has_it.is_ok_and(|status| status.success()) {
        println!("skipped: {} has no Snakemake; `pip install snakemake` there makes this test run", python.display());
        return None;
    }
    Some(python)
}

/// A process of this scratch folder's that trains a branch: its number.
#[cfg(target_os = "linux")]
fn training_of(folder: &Path, branch: &str) -> Option<i32> {
    let folder = folder.canonicalize().expect("a folder");
    fs::read_dir("/proc").expect("processes").flatten().find_map(|entry| {
        let number: i32 = entry.file_name().to_str()?.parse().ok()?;
        let words = fs::read(entry.path().join("cmdline")).ok()?;
        let words: Vec<&[u8]> = words.split(|byte| *byte == 0).collect();
        let is_it = words.get(1..3)? == [b"train", branch.as_bytes()];
        (is_it && fs::read_link(entry.path().join("cwd")).ok()? == folder).then_some(number)
    })
}

#[cfg(target_os = "linux")]
#[test]
fn snakemake_runs_a_plan_two_jobs_at_once_and_does_a_killed_one_again() {
    let Some(python) = snakemake() else { return };
    let scratch = notebook(1500);
    let store = file("a store");
    let planned =
        runs(&scratch, 0, &["notebook", "plan", &file("n.md"), "--as", "snakemake", "--json", "--store", &store])
            .json();
    assert_eq!(planned["jobs"], TRAININGS, "{planned}");
    let snakemake = || {
        let mut command = Command::new(&python);
        command.args(["-m", "snakemake", "--cores", "2", "-s"]).arg(scratch.path(file("n.smk")));
        // From elsewhere.
        command.current_dir(scratch.path("")).env("XDG_CACHE_HOME", scratch.path("cache"));
        command
    };
    let first = snakemake().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("Snakemake starts");
    let folder = scratch.path(FOLDER);
    let jobs = folder.join("revacnn-jobs");
    let job = |name: &str| -> PathBuf {
        let folders = fs::read_dir(&jobs).expect("jobs").map(|entry| entry.expect("an entry").path());
        let is_it =
            |path: &PathBuf| path.file_name().is_some_and(|own| own.to_string_lossy().starts_with(&format!("{name}-")));
        folders.into_iter().find(is_it).expect("a job's folder")
    };
    // In the middle: it has begun to record.
    let tail = || fs::read_dir(job("base.1").join("store/branches")).is_ok_and(|mut entries| entries.next().is_some());
    let mut killed = false;
    for _ in 0..6000 {
        if let Some(number) = training_of(&folder, "base.1").filter(|_| tail()) {
            std::thread::sleep(std::time::Duration::from_millis(30));
            killed = Command::new("kill").args(["-9", &number.to_string()]).status().expect("kill").success();
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let first = Ran::of(first.wait_with_output().expect("Snakemake"));
    assert!(killed && first.code == Some(1), "{first:?}");
    assert!(!job("base.1").join("1500.tar").exists(), "{first:?}");

    let second = Ran::of(snakemake().output().expect("Snakemake"));
    assert_eq!(second.code, Some(0), "{second:?}");
    let third = Ran::of(snakemake().output().expect("Snakemake"));
    assert!(third.code == Some(0) && third.err.contains("Nothing to be done"), "{third:?}");
    let bytes = |name: &str| fs::metadata(job("base.0").join(name)).expect("a pack").len();
    let (thin, whole) = (bytes("1500-thin.tar"), bytes("1500.tar"));
    println!("a thin parent has {thin} of {whole} bytes, {:.1} %", 100.0 * thin as f64 / whole as f64);
    assert!(thin * 4 < whole, "{thin} of {whole}");
    assert_whole(&scratch);
    // All of it is there now: a plan has no job, and nothing is to be done.
    let again =
        runs(&scratch, 0, &["notebook", "plan", &file("n.md"), "--as", "snakemake", "--json", "--store", &store])
            .json();
    assert_eq!((&again["jobs"], &again["packs"]), (&0.into(), &0.into()), "{again}");
    let last = Ran::of(snakemake().output().expect("Snakemake"));
    assert_eq!(last.code, Some(0), "{last:?}");
}

/// A stand-in for Slurm: `sbatch` notes a job and what it waits for.
struct Slurm<'a> {
    scratch: &'a Scratch,
    state: PathBuf,
}

const SBATCH: &str = r#"#!/usr/bin/env bash
set -eu
number=$(($(ls "$SLURM_STATE" | grep -c '\.sh$' || true) + 1))
printf '%s\n' "$@" > "$SLURM_STATE/$number.words"
cat > "$SLURM_STATE/$number.sh"
echo "$number;cluster"
"#;

impl<'a> Slurm<'a> {
    fn new(scratch: &'a Scratch) -> Self {
        let state = scratch.path("slurm");
        fs::create_dir_all(scratch.path("bin")).expect("a folder");
        let sbatch = scratch.path("bin/sbatch");
        fs::write(&sbatch, SBATCH).expect("a file");
        fs::set_permissions(&sbatch, fs::Permissions::from_mode(0o755)).expect("a file that runs");
        Self { scratch, state }
    }

    fn bash(&self, script: &Path) -> Command {
        let path = std::env::var("PATH").expect("a PATH");
        let mut command = Command::new("bash");
        command.arg(script).env("PATH", format!("{}:{path}", self.scratch.path("bin").display()));
        command.env("SLURM_STATE", &self.state).env_remove("REVACNN").current_dir(self.scratch.path(""));
        command
    }

    /// Submits what the script submits, and runs that: the last one first that waits for
    /// nothing, so that what does not say for what it waits fails. One that is `killed` ends
    /// before it has begun. Names of those that were run.
    fn runs(&self, script: &str, killed: Option<&str>) -> Vec<String> {
        fs::remove_dir_all(&self.state).ok();
        fs::create_dir_all(&self.state).expect("a folder");
        let ran = Ran::of(self.bash(&self.scratch.path(script)).output().expect("bash"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let word = |number: usize, option: &str| -> Option<String> {
            let words = fs::read_to_string(self.state.join(format!("{number}.words"))).expect("words");
            words.lines().find_map(|word| word.strip_prefix(option)).map(str::to_owned)
        };
        let all = (1..).take_while(|number| self.state.join(format!("{number}.sh")).exists()).count();
        let (mut done, mut names) = (BTreeMap::new(), Vec::new());
        loop {
            let waits = |number: usize| -> bool {
                let after = word(number, "--dependency=afterok:").unwrap_or_default();
                after
                    .split(':')
                    .filter(|other| !other.is_empty())
                    .any(|other| done.get(&other.parse::<usize>().expect("a number")) != Some(&true))
            };
            let Some(next) = (1..=all).rev().find(|number| !done.contains_key(number) && !waits(*number)) else {
                break;
            };
            let name = word(next, "--job-name=").expect("a name");
            if killed == Some(name.as_str()) {
                done.insert(next, false);
                continue;
            }
            let mut job = self.bash(&self.state.join(format!("{next}.sh")));
            let ended = Ran::of(job.current_dir(self.scratch.path(FOLDER)).output().expect("a job"));
            assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
            done.insert(next, true);
            names.push(name);
        }
        names
    }
}

#[test]
fn slurm_runs_a_plan_of_which_a_part_is_there_under_other_names() {
    let scratch = notebook(120);
    let store = file("a store");
    let text = fs::read_to_string(scratch.path(file("n.md"))).expect("a notebook");
    // One run is there whole, under another name, one has begun, and a stranger has a name of
    // the notebook's.
    let begun = "train base.1 --dataset digits --network own --batch-size 16 --steps 70 --seed 1";
    let whole = "train theirs --dataset digits --network own --batch-size 16 --steps 120";
    let stranger = "train wider.0 --dataset digits --network own --steps 1 --seed 9";
    let (head, _) = text.split_once("```revacnn").expect("a fence");
    fs::write(scratch.path(file("part.md")), format!("{head}```revacnn\n{begun}\n{whole}\n{stranger}\n```\n"))
        .expect("a file");
    runs(&scratch, 0, &["notebook", "run", &file("part.md"), "--yes", "--json", "--store", &store]);
    let words = ["notebook", "plan", &file("n.md"), "--as", "slurm", "--json", "--threads", "2", "--store", &store];
    let planned = runs(&scratch, 0, &words).json();
    assert_eq!((&planned["jobs"], &planned["packs"]), (&10.into(), &2.into()), "{planned}");

    let slurm = Slurm::new(&scratch);
    let script = file("n.slurm.sh");
    let first = slurm.runs(&script, Some("wider.0"));
    // What waits for it waits, and so do its results.
    for name in ["wider.0", "slow.0", "twin", "unpack"] {
        assert!(!first.contains(&name.to_owned()), "{name}: {first:?}");
    }
    assert!(first.contains(&"before".to_owned()) && first.contains(&"slow.1".to_owned()), "{first:?}");
    let second = slurm.runs(&script, None);
    assert_eq!(second, ["wider.0", "slow.0", "twin", "unpack"], "only what is not done");
    assert!(slurm.runs(&script, None).is_empty());
    assert_whole(&scratch);
}

/// Forks are told where the images are, which the store of a job does not know.
#[test]
fn jobs_find_images_of_a_folder() {
    let scratch = notebook(9);
    write_data(&scratch.path(file("own images")), 3, false);
    let text = "```revacnn\ntrain base --dataset 'own images' --network small.toml --batch-size 8 --steps 4\n\
                fork base@2 wider --edit 'add-filter conv1' --steps 6\n```\n";
    fs::write(scratch.path(file("n.md")), text).expect("a file");
    fs::copy(scratch.path("small.toml"), scratch.path(file("small.toml"))).expect("a file");
    let store = file("a store");
    runs(&scratch, 0, &["notebook", "plan", &file("n.md"), "--as", "slurm", "--json", "--store", &store]);
    assert_eq!(Slurm::new(&scratch).runs(&file("n.slurm.sh"), None), ["base", "wider", "unpack"]);
    let (steps, digests) = rest(&scratch, &store);
    assert_eq!((steps, digests.len()), (0, 2));
    assert_eq!(rest(&scratch, "other"), (8, digests));
}

#[test]
fn a_plan_says_of_each_training_what_another_program_needs() {
    let scratch = notebook(120);
    let plan = || -> Vec<Value> {
        let ran = runs(&scratch, 0, &["notebook", "plan", &file("n.md"), "--json"]);
        ran.out
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .filter(|line: &Value| line["event"] == "node")
            .collect()
    };
    let before = plan();
    let node = |nodes: &[Value], name: &str| nodes.iter().find(|node| node["name"] == name).expect("a node").clone();
    for node in &before {
        for key in ["planned_key", "steps", "bytes", "first_step", "last_step"] {
            assert!(!node[key].is_null(), "{key} of {node}");
        }
    }
    // The branch that holds the step, and the step; of a thin parent, how it is recorded.
    let inherited = node(&before, "before");
    assert_eq!(inherited["command"], "fork base.0@20 before --edit 'freeze conv1/0' --fidelity every --steps 30");
    assert_eq!(inherited["parents"], serde_json::json!(["base.0"]));
    assert!(node(&before, "base.0")["network"].as_str().expect("TOML").contains("filters = 3"));
    let keys: std::collections::BTreeSet<&str> =
        before.iter().map(|node| node["planned_key"].as_str().expect("a digest")).collect();
    // The two that differ in their length alone are one branch.
    assert_eq!(keys.len(), TRAININGS - 1);
    assert_eq!(node(&before, "many.0")["planned_key"], node(&before, "many.1")["planned_key"]);

    runs(&scratch, 0, &["notebook", "run", &file("n.md"), "--yes", "--json"]);
    for (before, after) in before.iter().zip(plan()) {
        assert_eq!(before["planned_key"], after["planned_key"], "{after}");
        assert_eq!((&after["state"], &after["steps"]), (&"there".into(), &0.into()), "{after}");
        assert!(!after["key"].is_null() && !after["seconds"].is_null(), "{after}");
    }
}

#[test]
fn what_only_training_can_tell_is_refused_and_no_file_of_another_is_written_over() {
    let scratch = Scratch::new();
    let text = "```revacnn\ntrain base --dataset digits --network small.toml --batch-size 64 --steps 9 --validate-every 4\n\
                fork base@best good --steps +2\nfork good better --steps +2\n```\n";
    fs::write(scratch.path("n.md"), text).expect("a file");
    let ran = scratch.run(2, "notebook plan n.md --as slurm");
    assert!(ran.err.contains("--> n.md:3:6") && ran.err.contains("only training can tell"), "{ran:?}");
    assert!(ran.err.contains("has 1 problem") && !scratch.path("n.slurm.sh").exists(), "{ran:?}");
    scratch.run(0, "notebook run n.md --only base --yes --json");
    scratch.run(0, "notebook plan n.md --as slurm --threads 2 --disk-budget 1GB");
    let script = fs::read_to_string(scratch.path("n.slurm.sh")).expect("a script");
    assert!(script.contains("--cpus-per-task=2") && script.contains("--disk-budget 1000000000"), "{script}");
    scratch.run(0, "notebook plan n.md --as slurm");

    fs::write(scratch.path("n.smk"), "rule mine:\n").expect("a file");
    let ran = scratch.run(2, "notebook plan n.md --as snakemake");
    assert!(ran.err.contains("n.smk is there already"), "{ran:?}");
    scratch.run(0, "notebook plan n.md --as snakemake -o other.smk");
    for option in ["-o x", "--threads 2", "--disk-budget 1GB"] {
        let ran = scratch.run(2, &format!("notebook plan n.md {option}"));
        assert!(ran.err.contains("--as"), "{ran:?}");
    }
    // Nothing is written through a link that came with a notebook.
    fs::remove_dir_all(scratch.path("revacnn-jobs")).expect("a folder");
    fs::create_dir(scratch.path("elsewhere")).expect("a folder");
    std::os::unix::fs::symlink("elsewhere", scratch.path("revacnn-jobs")).expect("a link");
    let ran = scratch.run(2, "notebook plan n.md --as slurm");
    assert!(ran.err.contains("to be no link"), "{ran:?}");
    assert_eq!(fs::read_dir(scratch.path("elsewhere")).expect("a folder").count(), 0);

    // The store has it as another branch records it.
    let text =
        "```revacnn\ntrain base --dataset digits --network small.toml --batch-size 64 --steps 9 --probe 3\n```\n";
    fs::write(scratch.path("other.md"), text).expect("a file");
    let ran = scratch.run(2, "notebook plan other.md --as snakemake -o x.smk");
    assert!(ran.err.contains("it trains what `base` of the store trains"), "{ran:?}");
}
