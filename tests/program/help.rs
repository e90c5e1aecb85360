//! The help has examples, and they and the README's run.

use revacnn_notebook::command::Command;

use crate::own::pictures;
use crate::support::Scratch;

const COMMANDS: [&str; 17] = [
    "train",
    "log",
    "show",
    "evaluate",
    "export",
    "data",
    "plot",
    "embed",
    "samples",
    "predictions",
    "predict",
    "regions",
    "compare",
    "table",
    "pack",
    "unpack",
    "man",
];

/// Commands of features.
const OPTIONAL: &[&str] = if cfg!(feature = "sql") { &["query"] } else { &[] };

/// The words of a command, as a shell reads them.
fn words(command: &str) -> Vec<String> {
    let parts = command.split('\'').enumerate();
    parts
        .flat_map(|(place, part)| match place % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

/// Lines of the help that are commands, without `revacnn`; a command that is
/// wrapped is one line again.
fn examples(help: &str) -> Vec<String> {
    let mut examples: Vec<String> = Vec::new();
    let part = help.split("Example").nth(1).unwrap_or_default();
    for line in part.lines().skip(1).take_while(|line| line.starts_with("  ")) {
        match (line.trim().strip_prefix("revacnn "), examples.last_mut()) {
            (Some(command), _) => examples.push(command.to_owned()),
            (None, Some(last)) => *last += &format!(" {}", line.trim()),
            (None, None) => panic!("not a command: {line}"),
        }
    }
    examples
}

/// Adds what makes an example of training short: `--steps` where there are
/// `--epochs`, and data that need no files.
fn short(example: &str) -> String {
    let words: Vec<&str> = example.split_whitespace().collect();
    let mut short = Vec::new();
    let mut rest = words.iter();
    while let Some(&word) = rest.next() {
        match word {
            "--epochs" | "--data" => drop(rest.next()),
            "cifar10" if std::env::var_os("REVACNN_DATA").is_none() => short.push("shapes"),
            word => short.push(word),
        }
    }
    short.join(" ") + " --steps 6"
}

#[test]
fn every_commands_help_has_examples_that_run() {
    let scratch = Scratch::new();
    pictures(&scratch.path("photos"));
    for name in ["7.png", "cat.jpg"] {
        // Of what kind a picture is its bytes say.
        let written = image::save_buffer_with_format(
            scratch.path(name),
            &[200; 300],
            10,
            10,
            image::ColorType::Rgb8,
            image::ImageFormat::Png,
        );
        written.expect("a picture");
    }
    let mut trained = 0;
    for command in COMMANDS.iter().chain(OPTIONAL) {
        let ran = scratch.run(0, &format!("{command} --help"));
        let examples = examples(&ran.out);
        assert!(!examples.is_empty(), "{}", ran.out);
        for example in examples {
            assert!(example.starts_with(command), "{example}");
            match *command {
                "train" => {
                    let mut run = scratch.command(&short(&example));
                    if let Some(folder) = std::env::var_os("REVACNN_DATA") {
                        run.env("REVACNN_DATA", folder);
                    }
                    let output = run.output().expect("the program starts");
                    assert!(output.status.success(), "{example}: {output:?}");
                    trained += 1;
                }
                "query" => {
                    let output = scratch.command("").args(words(&example)).output().expect("the program starts");
                    assert!(output.status.success() && !output.stdout.is_empty(), "{example}: {output:?}");
                }
                // Of steps that a short run does not have, of data in files, and
                // into files.
                _ => {
                    let example = example.split(" >").next().expect("a command");
                    let example = example.replace("main@epoch:1", "main@3").replace("main@100", "main@4");
                    let example = example.replace("cifar10 --data ~/data", "digits");
                    let example = example.replace("main wider --at epoch:1", "main@0 main@3");
                    // Of a fork that nobody made.
                    let example = example.replace("main wider", "main small");
                    // A family is of who has one.
                    let example = example.replace("'base.*'", "m.*").replace("'wider.*'", "m.*");
                    scratch.run(0, &example);
                }
            }
        }
        if *command == "train" {
            for seed in 0..2 {
                scratch
                    .run(0, &format!("train m.{seed} --dataset digits --network small.toml --steps 3 --seed {seed}"));
            }
        }
    }
    assert_eq!(trained, 4);
    // What may be said is said there, not by an error alone.
    let help = scratch.run(0, "train --help").out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        help.contains("cosine,over=STEPS[,floor=F], exponential,factor=F[,every=STEPS], one-cycle,over=STEPS[,peak=F]"),
        "{help}"
    );
    assert!(scratch.run(2, "train --schedule step,every=9,factor=1.5").err.contains("F is from 0 to 1"));
    let version = scratch.run(0, "--version").out;
    assert_eq!(version.trim(), format!("revacnn {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_example_of_what_a_notebook_knows_is_a_line_of_one() {
    /// Where and how, which a notebook leaves to who runs it; and how many words they have.
    const ELSEWHERE: [(&str, usize); 4] = [("-o", 2), ("--data", 2), ("--json", 1), ("--dry-run", 1)];

    let scratch = Scratch::new();
    for command in [
        "train",
        "fork",
        "plot",
        "embed",
        "samples",
        "predictions",
        "predict",
        "regions",
        "compare",
        "diff",
        "show",
        "table",
    ] {
        let examples = examples(&scratch.run(0, &format!("{command} --help")).out);
        assert!(!examples.is_empty(), "{command}");
        for example in examples {
            let mut words = words(&example);
            for (option, length) in ELSEWHERE {
                if let Some(place) = words.iter().position(|word| word == option) {
                    words.drain(place..place + length);
                }
            }
            match Command::parse(&words) {
                Ok(_) => {}
                // A branch of a notebook has a name.
                Err(error) => assert_eq!(example, "train", "{error:?}"),
            }
        }
    }
}

#[test]
fn the_readmes_examples_run() {
    // What follows the tour needs a second terminal and answers to questions:
    // `forks.rs` and `tidying.rs` run what can be run alone.
    let readme = include_str!("../../README.md").split("\n## Fork").next().expect("the tour");
    let scratch = Scratch::new();
    pictures(&scratch.path("photos"));
    let network = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a network");
    let name = network.split("# ").nth(1).and_then(|rest| rest.split(':').next()).expect("its file's name");
    std::fs::write(scratch.path(name), network).expect("a file");
    let mut ran = Vec::new();
    let commands = readme.lines().filter_map(|line| line.strip_prefix("$ ").or_else(|| line.split(": ").nth(1)));
    for command in commands.filter_map(|line| line.strip_prefix("revacnn ")) {
        let command = command.split(" |").next().expect("the first of a pipe");
        let command = match command.split_whitespace().next() {
            Some("train") if command.contains("cifar10") || command.contains("~/data") => continue,
            // Nothing is fetched from a network in a test.
            Some("data") if command.starts_with("data fetch") => continue,
            // On a branch that is there: once is enough.
            Some("train") if ran.contains(&"train --steps 6".to_owned()) && !command.contains("--branch") => continue,
            Some("train") => short(command),
            _ => command.replace("main@1350", "main@3").replace("main@1000", "main@4"),
        };
        scratch.run(0, &command);
        ran.push(command);
    }
    assert!(ran.contains(&"train --steps 6".to_owned()), "{ran:?}");
    assert!(ran.iter().any(|command| command.contains("--network small.toml")), "{ran:?}");
    assert!(ran.len() >= 6, "{ran:?}");
}

/// What the parser knows is what the help, the completions and the manual say.
#[test]
fn completions_and_manual_know_every_command_and_option() {
    let scratch = Scratch::new();
    let help = scratch.run(0, "--help").out;
    let list = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("a list of commands");
    let commands: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.contains(&"train") && commands.contains(&"man"), "{commands:?}");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = scratch.run(0, &format!("completions {shell}")).out;
        for word in commands.iter().chain(&["confusion", "keyframe-interval", "disk-budget", "quantity"]) {
            assert!(script.contains(word), "{shell} knows no {word}");
        }
    }
    let bash = scratch.run(0, "completions bash").out;
    std::fs::write(scratch.path("revacnn.bash"), bash).expect("a file");
    if cfg!(unix) {
        let complete = "source ./revacnn.bash; COMP_WORDS=(revacnn plot con); COMP_CWORD=2; \
                        _revacnn revacnn con plot; echo ${COMPREPLY[@]}";
        let shell = std::process::Command::new("bash").args(["-c", complete]).current_dir(scratch.path(".")).output();
        let output = shell.expect("bash");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "confusion", "{output:?}");
    }
    std::fs::create_dir(scratch.path("man1")).expect("a folder");
    scratch.run(0, "man --output man1");
    for command in &commands {
        if *command != "help" {
            let page = std::fs::read_to_string(scratch.path(format!("man1/revacnn-{command}.1"))).expect("a page");
            assert!(page.contains("Example") || page.contains("SUBCOMMANDS"), "{command}: {page}");
            assert_eq!(page, scratch.run(0, &format!("man {command}")).out);
        }
    }
    let page = scratch.run(0, "man plot loss").out;
    assert_eq!(page, std::fs::read_to_string(scratch.path("man1/revacnn-plot-loss.1")).expect("a page"));
    assert!(page.contains("revacnn\\-plot\\-loss") && page.contains("\\-\\-json"), "{page}");
    assert!(scratch.run(2, "man plot losses").err.contains("`revacnn plot` has no command `losses`: there are loss,"));
    assert!(scratch.run(2, "man gc x").err.contains("`revacnn gc` has no command `x`"));
    scratch.run(2, "man --json");
    scratch.run(2, "completions bash --json");
}

/// The forms of edits are those that the parser of edits reads.
#[test]
fn the_help_of_edits_is_that_of_their_grammar() {
    let scratch = Scratch::new();
    for command in ["fork", "steer"] {
        let help = scratch.run(0, &format!("{command} --help")).out.split_whitespace().collect::<Vec<_>>().join(" ");
        for form in revacnn_schemas::EDIT_FORMS.iter().flat_map(|(_, form)| form.split(", or ")) {
            assert!(help.contains(form), "{command}: {form}\n{help}");
        }
    }
}
