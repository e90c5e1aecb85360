//! Notebooks: what is wrong is told at its word, what is there is not trained
//! again, and what is trained is what the same commands train.

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Ran, Scratch};

const NOTEBOOK: &str = "\
# Wider

```revacnn
fork base@epoch:1 wider --edit 'add-filter conv1 init=split' --epochs 2
train base --dataset digits --network small.toml --batch-size 64 --epochs 2 --over seed=3..4
plot loss base wider
```
";

fn scratch(notebook: &str) -> Scratch {
    let scratch = Scratch::new();
    fs::write(scratch.path("n.md"), notebook).expect("a file");
    scratch
}

fn lines(ran: &Ran) -> Vec<Value> {
    ran.out.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// The line and the words of each problem of a text.
fn problems(ran: &Ran, text: &str) -> Vec<(u64, String)> {
    let lines = lines(ran).into_iter().filter(|line| line["event"] == "problem");
    let place = |problem: Value| {
        let [from, to] = ["from", "to"].map(|end| problem[end]["byte"].as_u64().expect("a place") as usize);
        (problem["from"]["line"].as_u64().expect("a line"), text[from..to].to_owned())
    };
    lines.map(place).collect()
}

/// Trains what a notebook says; gives the steps that were trained.
#[track_caller]
fn trained(scratch: &Scratch, notebook: &str) -> u64 {
    fs::write(scratch.path("n.md"), notebook).expect("a file");
    scratch.run(0, "notebook run n.md --yes --json").json()["steps_trained"].as_u64().expect("a number")
}

/// How many branches the store has.
fn branches(scratch: &Scratch) -> usize {
    fs::read_dir(scratch.path("runs/branches")).expect("a store").count()
}

fn digest(scratch: &Scratch, address: &str) -> Value {
    scratch.run(0, &format!("show {address} --json")).json()["digest"].clone()
}

#[test]
fn what_a_notebook_trains_is_what_its_commands_train() {
    let notebook = scratch(NOTEBOOK);
    notebook.run(0, "notebook run n.md --yes --jobs 2 --json");
    let plan = notebook.run(0, "notebook plan n.md --json");
    let plan = lines(&plan);
    let names: Vec<&str> = plan.iter().filter_map(|node| node["name"].as_str()).collect();
    assert_eq!(names, ["base.0", "base.1", "wider.0", "wider.1"]);
    assert_eq!(plan.last().expect("a summary")["done"], true);

    // Each node's own command, in a store of its own.
    let commands = Scratch::new();
    for node in &plan[..4] {
        let words = shlex::split(node["command"].as_str().expect("a command")).expect("words of a shell");
        let ran = Ran::of(commands.command("").args(&words).arg("--json").output().expect("the program starts"));
        assert_eq!(ran.code, Some(0), "{node}\n{ran:?}");
        let name = node["name"].as_str().expect("a name");
        assert_eq!(digest(&commands, name), digest(&notebook, name), "{name}");
    }
}

#[test]
fn what_is_there_is_not_trained_again_whatever_the_text_became() {
    let notebook = scratch(NOTEBOOK);
    let all = trained(&notebook, NOTEBOOK);
    assert!(all > 0);
    let same = |text: String| assert_eq!(trained(&notebook, &text), 0, "{text}");
    same(NOTEBOOK.to_owned());
    same(NOTEBOOK.replace("# Wider", "# Another title\n\nand more prose"));
    same(NOTEBOOK.replace("wider", "broader"));
    same(NOTEBOOK.replace("train base", "# a comment\ntrain base"));
    same(NOTEBOOK.replace(" --batch-size 64 --epochs 2", " --epochs 2 --batch-size 64"));
    same(NOTEBOOK.replace(
        "--edit 'add-filter conv1 init=split' --epochs 2",
        "--epochs 2\n  --edit 'add-filter conv1 init=split'",
    ));
    // A shorter one is there already, and a longer one goes on from where it stands.
    same(NOTEBOOK.replace("split' --epochs 2", "split' --epochs 1"));
    let more = trained(&notebook, &NOTEBOOK.replace("split' --epochs 2", "split' --epochs 3"));
    let epoch = all / 6;
    assert_eq!(more, 2 * epoch);
    assert_eq!(branches(&notebook), 4);
}

#[test]
fn places_within_a_branch_are_those_that_the_notebook_says() {
    let text = "```revacnn\ntrain base --dataset digits --network small.toml --batch-size 64 --epochs 2 --validate-every 7\n\
                fork base@last at-last\nfork base@best at-best --steps +2\n```\n";
    let notebook = scratch(text);
    trained(&notebook, text);
    let step = |name: &str| {
        lines(&notebook.run(0, "notebook plan n.md --json"))
            .iter()
            .find(|node| node["name"] == name)
            .and_then(|node| node["first_step"].as_u64())
            .expect("a step")
    };
    let (last, best) = (step("at-last"), step("at-best"));
    let shown = notebook.run(0, "show base@best --json").json();
    assert_eq!(shown["step"], best);
    // Where the branch goes on elsewhere, the notebook's places stay.
    notebook.run(0, "resume base --epochs 4 --json");
    assert_eq!((step("at-last"), step("at-best")), (last, best));
    assert_eq!(trained(&notebook, text), 0);
}

#[test]
fn ten_mistakes_are_ten_problems_each_at_its_word() {
    let text = "\
```revacnn
trian base --epochs 2
train main --epohcs 2
train deep --network no-such-network
train two --store elsewhere
train three --over speed=1,2
fork mian@epoch:1 wider
fork main@$t later
plot los main
embed other@last --layer conv1
compare main@0 main@$u
```
";
    let notebook = scratch(text);
    let ran = notebook.run(2, "notebook check n.md --json");
    let found = problems(&ran, text);
    let expected = [
        (2, "trian"),
        (3, "--epohcs"),
        (4, "no-such-network"),
        (5, "--store"),
        (6, "speed=1,2"),
        (7, "mian"),
        (8, "main@$t"),
        (9, "los"),
        (10, "other"),
        (11, "$u"),
    ];
    assert_eq!(found, expected.map(|(line, word)| (line, word.to_owned())), "{ran:?}");
    let told = notebook.run(2, "notebook check n.md");
    assert_eq!(told.err.matches("error: ").count(), 10, "{told:?}");
    assert!(told.err.contains("--> n.md:3:12") && told.err.contains("did you mean `main`?"), "{told:?}");
    assert!(told.out.contains("10 problems"), "{told:?}");
    // What waits for a line that cannot be read is no problem of its own.
    let waiting = scratch("```revacnn\ntrain base --epohcs 2\nfork base@epoch:1 wider\nplot loss base wider\n```\n");
    let ran = waiting.run(2, "notebook check n.md --json");
    assert_eq!(ran.json()["problems"], 1, "{ran:?}");
}

/// It was said after all had been trained.
#[test]
fn what_a_network_cannot_show_is_told_before_it_is_trained() {
    for (line, said) in [
        ("plot patches base", "expected --layer with one of conv1, fc1, softmax"),
        ("plot histogram base", "expected --layer with one of conv1"),
        ("plot maximise base --layer batchnorm1", "no layer `batchnorm1` with filters: there is conv1, fc1, softmax"),
        ("plot confusion auto", "predictions shows what it gives back"),
        ("regions auto", "predictions shows what it gives back"),
        ("plot confusion base other", "`other` is of other data than `base`"),
        ("regions base other", "`other` is of other data than `base`"),
        ("plot maximise base --layer conv1 --decay $d", "--decay must be from 0 to below 1, found 5"),
    ] {
        let text = format!(
            "```revacnn\ntrain base --dataset digits --network small.toml --steps 20\n\
             train auto --dataset digits --network autoencoder --steps 20\n\
             train other --dataset shapes --network small.toml --steps 20\n\
             input d 0 --range 0..5\n{line}\n```\n"
        );
        let notebook = scratch(&text);
        let ran = notebook.run(2, "notebook check n.md");
        assert!(ran.out.contains(said) || ran.err.contains(said), "{line}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn what_views_ask_of_trainings_is_checked_before_anything_is_trained() {
    let text = "\
```revacnn
train base --dataset digits --network small.toml --steps 40 --over seed=0..1
fork base@20 wider --edit 'add-filter conv1 init=split' --edit 'insert-layer conv after=conv1 filters=4 kernel=3 pad=1 name=conv2' --steps 40
cursor t base.0@epoch:9
cursor u wider.0@30
input layer conv1 --choices conv1,conv9
input filter 4 --range 0..5
plot filters base.0@last --layer conv7
plot filter base.0@last --layer conv1 --filter 4
plot filter wider.0@last --layer conv1 --filter $filter
embed base.0@$u wider.0@$u --layer $layer
plot network base.1@99
plot network base.1@40 --image 1500000
plot chart base wider --quantity los
plot chart base --quantity weight-norm
plot chart base --quantity loss --layer conv1
plot chart base --quantity epsilon
plot chart base.0 wider.0 --quantity weight-norm --layer conv2
show wider.0@$u --layer conv2
show base.0@last --layer conv2
table base --layer conv2
table wider --layer conv2
compare base.0 base.1 --at epoch:7
```

```sql revacnn right
SELECT branch, last_step FROM branches JOIN (SELECT branch AS b FROM steps GROUP BY branch) AS s ON branch = b
```

```sql revacnn wrong
SELECT branch, los FROM validation WHERE step <= $u
```
";
    let notebook = scratch(text);
    let ran = notebook.run(2, "notebook check n.md --json");
    let found = problems(&ran, text);
    let expected = [
        (4, "base.0@epoch:9"),
        (8, "conv7"),
        (9, "4"),
        (10, "$filter"),
        (11, "$layer"),
        (12, "base.1@99"),
        (13, "1500000"),
        (14, "los"),
        (15, "weight-norm"),
        (16, "loss"),
        (20, "conv2"),
        (21, "conv2"),
        (23, "base.0"),
        (31, "SELECT branch, los FROM validation WHERE step <= $u\n"),
    ];
    assert_eq!(found, expected.map(|(line, word)| (line, word.to_owned())), "{ran:?}");
    assert_eq!(ran.out.matches("beta1").count(), 1, "a name is told once: {ran:?}");
    for words in [
        "there is conv1, batchnorm1, fc1, softmax",
        "no layer `conv9`",
        "there is 0, 1, 2, 3",
        "a step until 40",
        "validation has",
    ] {
        assert!(ran.out.contains(words), "{words}: {ran:?}");
    }
}

#[test]
fn a_strangers_notebook_reads_nothing_else_and_trains_only_what_is_agreed_to() {
    let refused = |line: &str, reason: &str| {
        let notebook = scratch(&format!("```revacnn\n{line}\n```\n"));
        fs::write(notebook.path("../secret.toml"), "").ok();
        let ran = notebook.run(2, "notebook run n.md --yes");
        assert!(ran.err.contains(reason), "{line}: {ran:?}");
        assert!(!notebook.path("runs").exists(), "{line}");
    };
    refused("train base --network ../secret.toml", "below the notebook's folder");
    refused("train base --network /etc/passwd", "below the notebook's folder");
    refused("train base --dataset ../data", "below the notebook's folder");
    refused("train base --dataset digits --steps 1000000000", "at most 100000000 steps");
    refused("train base --over seed=0..999999", "found 1000000");
    refused("train base > out", "this is not a shell");
    refused("delete base", "defines nothing");
    #[cfg(unix)]
    {
        let notebook = scratch("```revacnn\ntrain base --dataset digits --network link.toml\n```\n");
        std::os::unix::fs::symlink("/etc/hostname", notebook.path("link.toml")).expect("a link");
        let ran = notebook.run(2, "notebook check n.md");
        assert!(ran.err.contains("leads out of"), "{ran:?}");
    }
    let notebook = scratch(NOTEBOOK);
    let ran = notebook.run(2, "notebook run n.md");
    assert!(ran.err.contains("--yes") && ran.err.contains("4 trainings") && !notebook.path("runs").exists(), "{ran:?}");
}

#[test]
fn a_lock_file_says_to_what_bits_another_machine_must_come() {
    let notebook = scratch(NOTEBOOK);
    let ran = notebook.run(2, "notebook run n.md --locked --yes");
    assert!(ran.err.contains("n.lock, which cannot be read"), "{ran:?}");
    trained(&notebook, NOTEBOOK);
    let lock = fs::read_to_string(notebook.path("n.lock")).expect("a lock file");
    assert_eq!(lock.lines().count(), 5, "{lock}");

    let elsewhere = scratch(NOTEBOOK);
    fs::write(elsewhere.path("n.lock"), &lock).expect("a file");
    elsewhere.run(0, "notebook run n.md --locked --yes --jobs 1 --threads 1");
    assert_eq!(fs::read_to_string(elsewhere.path("n.lock")).expect("a lock file"), lock);

    let digit = |text: &str| if text.ends_with('0') { "1" } else { "0" };
    let line = lock.lines().nth(1).expect("a line");
    let wrong = format!("{}{}", &line[..line.len() - 1], digit(line));
    fs::write(elsewhere.path("n.lock"), lock.replace(line, &wrong)).expect("a file");
    let ran = elsewhere.run(1, "notebook run n.md --locked --yes");
    assert!(ran.err.contains("base.0: expected the digest"), "{ran:?}");
    fs::write(elsewhere.path("n.lock"), "nonsense\n").expect("a file");
    let ran = elsewhere.run(2, "notebook run n.md --yes");
    assert!(ran.err.contains("n.lock, line 1: expected a name, a key"), "{ran:?}");
}

#[test]
fn a_part_is_trained_alone_and_equal_work_is_done_once() {
    let text = NOTEBOOK
        .replace("plot", "train again --dataset digits --network small.toml --batch-size 64 --epochs 2 --seed 3\nplot");
    let notebook = scratch(&text);
    let ran = notebook.run(0, "notebook run n.md --only wider.1 --yes --json").json();
    assert_eq!(ran["there"], 2, "{ran}");
    notebook.run(2, "notebook run n.md --only widest --yes");
    let ran = notebook.run(0, "notebook run n.md --yes --jobs 3 --json").json();
    assert_eq!(ran["there"], 5, "{ran}");
    assert_eq!(branches(&notebook), 4, "`again` is `base.0`");
}

#[test]
fn members_have_what_their_line_has_and_their_own_besides() {
    let text = "```revacnn\n\
                train digits --dataset digits --network small.toml --batch-size 64 --steps 8 --over learning-rate=0.001,0.01\n\
                fork --edit 'freeze conv1' digits@4 frozen --steps 8\n\
                fork digits.0@4 own --edit 'freeze conv1' --over 'edit=set learning-rate 0.1,set learning-rate 0.2' --steps 8\n\
                ```\n";
    let notebook = scratch(text);
    trained(&notebook, text);
    let plan = lines(&notebook.run(0, "notebook plan n.md --json"));
    let commands = Scratch::new();
    for node in &plan[..6] {
        let words = shlex::split(node["command"].as_str().expect("a command")).expect("words of a shell");
        let ran = Ran::of(commands.command("").args(&words).arg("--json").output().expect("the program starts"));
        assert_eq!(ran.code, Some(0), "{node}\n{ran:?}");
        let name = node["name"].as_str().expect("a name");
        assert_eq!(digest(&commands, name), digest(&notebook, name), "{name}");
    }
    let refused = |line: &str, reason: &str| {
        let notebook = scratch(&format!("```revacnn\n{line}\n```\n"));
        let ran = notebook.run(2, "notebook check n.md");
        assert!(ran.err.contains(reason), "{line}: {ran:?}");
    };
    refused("train a --steps 3 --over epochs=1,2", "cannot be used with");
    refused("train a --over branch=x,y", "cannot be used with");
    refused("train a --over seed=0..1\ntrain a.0 --steps 3", "`a.0` is named twice");
}

#[test]
fn equal_forks_are_one_branch_however_they_are_written_and_other_recordings_are_others() {
    let text = "```revacnn\n\
                train a --dataset digits --network small.toml --batch-size 64 --steps 30\n\
                train b --dataset digits --network small.toml --batch-size 64 --steps 60\n\
                train v --dataset digits --network small.toml --batch-size 64 --steps 30 --validate-every 7\n\
                fork a@last one --edit 'set learning-rate 0.01' --steps +400\n\
                fork b@30 other --edit 'set learning-rate 1e-2' --steps +400\n\
                ```\n";
    let notebook = scratch(text);
    let ran = notebook.run(0, "notebook run n.md --yes --jobs 4 --json").json();
    assert_eq!((&ran["there"], branches(&notebook)), (&5.into(), 3), "{ran}");
    assert_eq!(trained(&notebook, text), 0);
}

#[test]
#[cfg(unix)]
fn a_lock_file_that_leads_elsewhere_is_not_written() {
    let notebook = scratch(NOTEBOOK);
    fs::write(notebook.path("victim"), "# mine\n").expect("a file");
    std::os::unix::fs::symlink("victim", notebook.path("n.lock")).expect("a link");
    let ran = notebook.run(2, "notebook run n.md --yes");
    assert!(ran.err.contains("a file of its own"), "{ran:?}");
    assert_eq!(fs::read_to_string(notebook.path("victim")).expect("it is there"), "# mine\n");
}

#[test]
fn a_training_that_diverged_is_told_so_again() {
    let notebook = scratch(
        "```revacnn\ntrain a --dataset digits --network small.toml --steps 30 --optimizer sgd --learning-rate 1e30\n```\n",
    );
    for _ in 0..2 {
        let ran = notebook.run(3, "notebook run n.md --yes");
        assert!(ran.out.contains("diverged at step"), "{ran:?}");
    }
    // Until that step and no further it is whole, the first time and again; and a fork from before goes on.
    let fence = |steps, more| {
        format!(
            "```revacnn\ntrain a --dataset digits --network small.toml --steps {steps} --optimizer sgd --learning-rate 1e30\n{more}```\n"
        )
    };
    let ran = notebook.run(0, "log --json");
    let last = ran.json()["last_step"].as_u64().expect("the step at which it diverged");
    let whole = scratch(&fence(last, ""));
    whole.run(0, "notebook run n.md --yes");
    whole.run(0, "notebook run n.md --yes --locked");
    let saved = scratch(&fence(30, "fork a@0 saved --edit 'set learning-rate 0.01' --steps 30\n"));
    for _ in 0..2 {
        let ran = saved.run(3, "notebook run n.md --yes");
        assert!(ran.out.contains("diverged at step") && ran.out.contains("saved"), "{ran:?}");
    }
    // The plan knows it, too, and what is forked from there is not begun, by name.
    let plan = saved.run(0, "notebook plan n.md");
    assert!(plan.out.contains("diverged at") && plan.out.contains("nothing is to be trained"), "{plan:?}");
    fs::write(saved.path("n.md"), fence(30, "fork a@20 never --steps 30\n")).expect("a file");
    let ran = saved.run(3, "notebook run n.md --yes");
    assert!(ran.out.contains("1 not begun, for what they fork is not there: never"), "{ran:?}");
    let log = saved.run(0, "log --json");
    let fork = lines(&log).into_iter().find(|line| line["branch"] == "saved").expect("the fork");
    assert_eq!(fork["last_step"], 30, "{log:?}");
}

#[test]
fn several_runs_at_once_on_a_new_store_do_each_training_once() {
    let notebook = scratch(
        "```revacnn\ntrain base --dataset digits --network small.toml --steps 200 --over seed=0..2\n\
         fork base@20 wider --edit 'add-filter conv1' --steps 60\n```\n",
    );
    let start = |file| {
        let mut command = notebook.command(&format!("notebook run {file} --yes --json --jobs 1"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
    };
    // Under other names it is the same work.
    let other =
        fs::read_to_string(notebook.path("n.md")).expect("the notebook").replace("base", "b").replace("wider", "w");
    fs::write(notebook.path("other.md"), other).expect("a file");
    let runs: Vec<_> = ["n.md", "other.md", "n.md", "other.md"].map(start).into();
    let mut trained = 0;
    for run in runs {
        let output = run.wait_with_output().expect("it ends");
        let out = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{out} {}", String::from_utf8_lossy(&output.stderr));
        let summary: serde_json::Value = serde_json::from_str(out.lines().last().expect("a summary")).expect("JSON");
        trained += summary["steps_trained"].as_u64().expect("steps");
    }
    assert_eq!(trained, 3 * (200 + 40));
    assert_eq!(lines(&notebook.run(0, "log --json")).len(), 6, "no branch is there twice");
}

#[test]
fn a_new_notebook_runs() {
    let scratch = Scratch::new();
    scratch.run(0, "notebook new tour.md");
    scratch.run(0, "notebook check tour.md");
    let ran = scratch.run(0, "notebook run tour.md --yes");
    assert!(ran.out.contains("6 trainings of tour.md there"), "{ran:?}");
    let ran = scratch.run(2, "notebook new tour.md");
    assert!(ran.err.contains("there already"), "{ran:?}");
    scratch.run(1, "notebook plan tour.md --store tour.md");
}

#[test]
fn a_lock_that_cannot_hold_is_told_before_anything_is_trained() {
    let notebook = scratch("```revacnn\ntrain a --dataset digits --network small.toml --steps 20\n```\n");
    notebook.run(0, "notebook run n.md --yes");
    let text = fs::read_to_string(notebook.path("n.md")).expect("the notebook");
    fs::write(notebook.path("n.md"), text.replace("--steps 20", "--steps 30")).expect("a file");
    let ran = notebook.run(1, "notebook run n.md --yes --locked --store other");
    assert!(
        ran.err.contains("expected the last step 20, found 30") && ran.err.contains("nothing was trained"),
        "{ran:?}"
    );
    fs::write(notebook.path("n.lock"), "<<<<<<< mine\n").expect("a file");
    let ran = notebook.run(2, "notebook run n.md --yes");
    assert!(ran.err.contains("or delete it"), "{ran:?}");
}

#[test]
fn a_plan_for_other_machines_takes_the_place_of_a_plan_alone() {
    let notebook = scratch("```revacnn\ntrain a --dataset digits --network small.toml --steps 20\n```\n");
    let text = fs::read_to_string(notebook.path("n.md")).expect("the notebook");
    let ran = notebook.run(2, "notebook plan n.md --as slurm -o n.md");
    assert!(ran.err.contains("is there already, and is no plan"), "{ran:?}");
    assert_eq!(fs::read_to_string(notebook.path("n.md")).expect("the notebook"), text);
    for _ in 0..2 {
        notebook.run(0, "notebook plan n.md --as slurm -o jobs.sh");
    }
}

#[test]
fn habits_of_other_places_are_told_with_what_to_do() {
    let told = |text: &str, expected: &[&str]| {
        let notebook = scratch(text);
        let ran = notebook.run(2, "notebook check n.md");
        for expected in expected {
            assert!(ran.err.contains(expected), "{expected}: {ran:?}");
        }
    };
    let base = "train base --dataset digits --network small.toml --steps 20";
    told(&format!("```revacnn\nrevacnn {base}\n```\n"), &["leave `revacnn` out"]);
    told(&format!("```revacnn\n{base} \\\n  --seed 3\n```\n"), &["goes on where the next one is indented"]);
    told(
        &format!(
            "```revacnn\n{base}\ninput who base --choices base\n```\n\n```sql revacnn t\nSELECT step FROM steps WHERE branch = '$who'\n```\n"
        ),
        &["within quotes `$who` is text", "did you mean `$who`?"],
    );
    told(
        &format!("```revacnn\n{base}\n```\n\n```toml revacnn x\n[[layer]]\nkind = \"cnv\"\n```\n"),
        &["this is no network"],
    );
    told(&format!("```revacnn\n{base}\ninput a x --choices x,x\n```\n"), &["each choice once"]);
}

#[test]
fn a_cursor_stands_at_the_end_of_what_is_shorter_also_behind_an_input() {
    let notebook = scratch(
        "```revacnn\ntrain one --dataset digits --network small.toml --steps 40\n\
         fork one@20 two --edit 'set optimizer sgd,momentum=0.9' --steps +5\n\
         cursor t one@last\ninput n one --choices one,two\nshow $n@$t\nplot chart two --quantity beta1\n```\n",
    );
    notebook.run(0, "notebook check n.md");
    notebook.run(0, "notebook run n.md --yes");
    notebook.run(0, "notebook export n.md -o n.html");
}
