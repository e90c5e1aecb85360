//! Notebooks with their figures: a page shows at each position what the commands show
//! there, asks for nothing else, and comes out the same wherever it is made.

use std::fs;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::support::Scratch;

const NOTEBOOK: &str = "\
# One filter *more*

<script>alert(1)</script> Prose with ![a picture](own.png) and [a link](javascript:alert(1)).

```revacnn
train base --dataset digits --network small.toml --batch-size 64 --steps 40 --validate-every 10 --over seed=3..4
fork base@20 wider --edit 'add-filter conv1 init=split' --steps 40
plot loss base wider
```

```revacnn
cursor t wider.0@fork
input layer conv1 --choices conv1,softmax
input image 3 --range 0..1400
plot filters wider.0@$t --layer $layer
plot network base.0@$t --image $image
```

```revacnn
table base wider
compare base.0 wider.0
diff base.0 wider.0
show base.1@$t
```

```sql revacnn best
SELECT branch, recorded_in, MIN(loss) AS loss FROM validation WHERE step <= $t GROUP BY branch, recorded_in
```

```sql revacnn equal
SELECT v.branch, v.step, b.last_step FROM validation v JOIN branches b ON v.branch = b.branch ORDER BY b.last_step
```
";

fn scratch(notebook: &str) -> Scratch {
    let scratch = Scratch::new();
    fs::write(scratch.path("n.md"), notebook).expect("a file");
    fs::write(scratch.path("own.png"), "no real picture").expect("a file");
    scratch.run(0, "notebook run n.md --yes --json");
    scratch
}

fn page(scratch: &Scratch) -> String {
    scratch.run(0, "notebook export n.md -o n.html --json");
    fs::read_to_string(scratch.path("n.html")).expect("a page")
}

/// The figures of a page: their HTML, and the frames that its script shows.
fn figures(page: &str) -> Vec<(String, Option<Value>)> {
    let figure = |text: &str| {
        let text = text.split("</figure>").next().expect("a figure");
        let packed = text.split("class=\"frames\">").nth(1).map(|rest| rest.split('<').next().expect("data"));
        let frames = packed.map(|packed| {
            let bytes = STANDARD.decode(packed).expect("base64");
            let mut json = String::new();
            flate2::read::ZlibDecoder::new(&bytes[..]).read_to_string(&mut json).expect("zlib");
            serde_json::from_str(&json).expect("JSON")
        });
        (text.to_owned(), frames)
    };
    page.split("<figure").skip(1).map(figure).collect()
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split(from).nth(1).unwrap_or_else(|| panic!("no {from}")).split(to).next().expect("an end")
}

#[test]
fn a_page_asks_for_nothing_else_and_is_the_same_wherever_it_is_made() {
    let here = scratch(NOTEBOOK);
    let text = page(&here);
    // The same notebook in another store, trained again, one after the other.
    let there = Scratch::new();
    for name in ["n.md", "own.png"] {
        fs::copy(here.path(name), there.path(name)).expect("a file");
    }
    there.run(0, "notebook run n.md --yes --jobs 1 --json");
    assert!(text == page(&there), "another page");
    // A branch that goes on in the store ends where the notebook's does.
    there.run(0, "resume base.0 --steps 60");
    there.run(0, "resume wider.1 --steps +10");
    assert!(text == page(&there), "what the notebook does not train is shown");
    assert!(text.len() < 5_000_000, "{} bytes", text.len());

    assert!(text.contains("default-src 'none'"));
    assert!(!text.contains("<script>alert") && !text.contains("=\"javascript"));
    assert_eq!(
        text.matches("<script").count(),
        2 + figures(&text).iter().filter(|(_, frames)| frames.is_some()).count()
    );
    for name in ["src=\"", "href=\""] {
        for value in text.split(name).skip(1).map(|rest| rest.split('"').next().expect("an end")) {
            assert!(value.starts_with("data:image/") || value.starts_with('#'), "{name}{value}");
        }
    }
    // How to make it again.
    let plan = here.run(0, "notebook plan n.md --json");
    for node in plan.out.lines().take(4).map(|line| serde_json::from_str::<Value>(line).expect("JSON")) {
        let [key, command] = ["key", "command"].map(|part| node[part].as_str().expect("a text"));
        assert!(text.contains(key), "{key}");
        assert!(text.contains(&format!("revacnn {}", command.replace('\'', "&#39;"))), "{command}");
    }
    assert_eq!(fs::read_to_string(here.path("n.md")).expect("it is there"), NOTEBOOK);
}

#[test]
fn a_page_shows_at_each_position_what_stands_there_when_the_notebook_begins_there() {
    let scratch = scratch(NOTEBOOK);
    let text = page(&scratch);
    let dials: Value = serde_json::from_str(between(&text, "id=\"dials\">", "</script>")).expect("JSON");
    let values = |dial: usize| dials[dial]["values"].as_array().expect("values").clone();
    let steps: Vec<&str> = dials[0]["values"].as_array().expect("steps").iter().filter_map(Value::as_str).collect();
    assert!(steps.contains(&"0") && steps.contains(&"20") && steps.contains(&"40"), "{steps:?}");
    assert!(dials[0]["says"].to_string().contains("fork of wider.0"), "{}", dials[0]["says"]);
    assert!((2..60).contains(&values(2).len()) && text.contains(" of 1,401 values"), "{}", values(2).len());

    let all = figures(&text);
    let (step, layer, image) = (steps.len() - 1, 1, values(2).len() - 1);
    let last = values(2)[image].as_str().expect("a number").to_owned();
    let other = NOTEBOOK
        .replace("wider.0@fork", &format!("wider.0@{}", steps[step]))
        .replace("layer conv1 --choices", "layer softmax --choices")
        .replace("image 3 --range", &format!("image {last} --range"));
    fs::write(scratch.path("n.md"), other).expect("a file");
    let moved = page(&scratch);
    assert_eq!(all.len(), 9);
    for (place, dials) in [(1, "0 1"), (2, "0 2"), (6, "0"), (7, "0")] {
        let (html, frames) = &all[place];
        let frames = frames.as_ref().expect("frames");
        assert!(html.contains(&format!("data-dials=\"{dials}\"")), "{html:.200}");
        let at = match dials {
            "0 1" => step * 2 + layer,
            "0 2" => step * values(2).len() + image,
            _ => step,
        };
        let frame = &frames["html"][frames["at"][at].as_u64().expect("a place") as usize];
        let expected = between(&figures(&moved)[place].0, "class=\"shown\">", "</div><figcaption>").to_owned();
        assert!(frame.as_str() == Some(&expected), "figure {place}\n{frame:.300}\n{expected:.300}");
        // What is seen without the script is the first of them.
        let first = between(html, "class=\"shown\">", "</div><figcaption>");
        assert!(frames["html"].as_array().expect("frames").iter().any(|frame| frame == first), "figure {place}");
    }
}

#[test]
fn a_family_is_a_mean_with_its_lowest_and_its_highest_or_every_member() {
    let scratch = scratch(NOTEBOOK);
    let series = |command: &str| -> Vec<(String, Value)> {
        let ran = scratch.run(0, &format!("{command} -o x.svg --json")).json();
        let series = ran["series"].as_array().expect("curves").iter();
        series.map(|series| (series["name"].as_str().expect("a name").to_owned(), series.clone())).collect()
    };
    let alone = series("plot loss base.0 base.1");
    let family = series("plot loss base.*");
    let members = series("plot loss base.* --members");
    assert_eq!(members, alone);
    let names: Vec<&str> = family.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["base train, mean of 2 branches", "base validation, mean of 2 branches"]);
    for (place, (_, mean)) in family.iter().enumerate() {
        let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
        let of = |member: usize, at: usize| number(&alone[2 * member + place].1["points"][at][1]);
        for (at, point) in mean["points"].as_array().expect("points").iter().enumerate() {
            let [one, other] = [of(0, at), of(1, at)];
            if one.is_nan() {
                continue;
            }
            assert_eq!(number(&point[1]), (one + other) / 2.0, "{place} {at}");
            assert_eq!(number(&mean["bounds"][at][0]), one.min(other), "{place} {at}");
            assert_eq!(number(&mean["bounds"][at][1]), one.max(other), "{place} {at}");
        }
    }
    let table = scratch.run(0, "table base.* wider.*");
    for words in ["wider.1", "seed", "add-filter conv1", "base, mean of 2: validation loss", "in all: batch-size 64"] {
        assert!(table.out.contains(words), "{words}\n{}", table.out);
    }
    let none = scratch.run(2, "table nobody.*");
    assert!(none.err.contains("the members of a family, nobody.0"), "{none:?}");
    let step = scratch.run(2, "table base.0@3");
    assert!(step.err.contains("write `base.0` instead"), "{step:?}");
}

#[test]
#[cfg(feature = "sql")]
fn a_query_knows_the_notebooks_branches_by_its_names_and_its_values_as_values() {
    let renamed = scratch(NOTEBOOK);
    // The store may call them otherwise, and have others besides.
    renamed.run(0, "rename wider.0 other");
    renamed.run(0, "train wider.0 --dataset digits --network small.toml --steps 3");
    let text = page(&renamed);
    let table = &figures(&text)[7].0;
    for (branch, recorded_in) in
        [("base.0", "base.0"), ("wider.0", "base.0"), ("wider.0", "wider.0"), ("wider.1", "base.1")]
    {
        let row = format!("<th scope=\"row\">{branch}</th><td>{recorded_in}</td>");
        assert!(table.contains(&row), "{row}\n{table}");
    }
    assert!(!table.contains("other"), "{table}");

    let wrong = |query: &str, words: &str| {
        let scratch = Scratch::new();
        let notebook = format!("```sql revacnn q\n{query}\n```\n\n```revacnn\ntrain a --steps 3\ncursor t a@1\n```\n");
        fs::write(scratch.path("n.md"), notebook).expect("a file");
        let ran = scratch.run(2, "notebook check n.md");
        assert!(ran.err.contains(words), "{query}: {ran:?}");
    };
    wrong("SELECT step FROM steps WHERE step < $tt", "did you mean `$t`");
    wrong("SELECT step FROM read_parquet('/etc/passwd')", "table function `read_parquet` is refused");
    wrong("DELETE FROM steps", "expected SELECT or WITH");
    wrong("SELECT step FROM stepz", "there is no table `stepz`");
}

#[test]
fn a_report_has_tables_as_tables_and_pictures_beside_it() {
    let scratch = scratch(NOTEBOOK);
    scratch.run(0, "notebook export n.md -o out.md");
    let text = fs::read_to_string(scratch.path("out.md")).expect("a report");
    assert!(text.starts_with("# One filter *more*"), "{text:.200}");
    assert!(text.contains("| wider.0 | add-filter conv1 init=split |"), "{text}");
    assert!(text.contains("`$t` is step 20, epoch"), "{text}");
    assert!(text.contains("gitGraph") && text.contains("commit id: \"base.0@20\""), "{text}");
    let pictures: Vec<&str> = text.split("](out-figures/").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(pictures.len() >= 4, "{pictures:?}");
    for picture in pictures {
        assert!(scratch.path("out-figures").join(picture).is_file(), "{picture}");
    }
    let own = scratch.run(2, "notebook export n.md -o n.md");
    assert!(own.err.contains("would take the notebook's place"), "{own:?}");
    // It is written anew over what was exported, and over nothing else.
    fs::write(scratch.path("out-figures/99.svg"), "of an older one").expect("a file");
    scratch.run(0, "notebook export n.md -o out.md");
    assert!(!scratch.path("out-figures/99.svg").exists(), "what an older report had is gone");
    fs::write(scratch.path("out.md"), format!("{text}\nMy own words.\n")).expect("a file");
    let edited = scratch.run(2, "notebook export n.md -o out.md");
    assert!(edited.err.contains("was changed since it was exported"), "{edited:?}");
    fs::create_dir(scratch.path("mine-figures")).expect("a folder");
    fs::write(scratch.path("mine-figures/01.svg"), "mine").expect("a file");
    let taken = scratch.run(2, "notebook export n.md -o mine.md");
    assert!(taken.err.contains("found 01.svg in it"), "{taken:?}");
    assert_eq!(fs::read_to_string(scratch.path("mine-figures/01.svg")).expect("the file"), "mine");
    let nowhere = scratch.run(2, "notebook export n.md -o none/out.html");
    assert!(nowhere.err.contains("there is no folder none"), "{nowhere:?}");
    for (file, text) in [("other.md", "# Another\n"), ("page.html", "<p>mine</p>\n")] {
        fs::write(scratch.path(file), text).expect("a file");
        let ran = scratch.run(2, &format!("notebook export n.md -o {file}"));
        assert!(ran.err.contains("is no page or report of a notebook"), "{ran:?}");
        assert_eq!(fs::read_to_string(scratch.path(file)).expect("the file"), text);
    }
    let ending = scratch.run(2, "notebook export n.md -o n.pdf");
    assert!(ending.err.contains("ends in .html or .md"), "{ending:?}");
}

#[test]
fn what_is_not_trained_is_said_in_its_place() {
    let scratch = scratch(NOTEBOOK);
    let more = "fork wider@30 late --steps 60\nplot loss late\n```\n\n```revacnn\nplot loss base late";
    let more = NOTEBOOK.replace("plot loss base wider", more);
    fs::write(scratch.path("n.md"), more).expect("a file");
    let ran = scratch.run(1, "notebook export n.md -o n.html");
    assert!(ran.err.contains("plot loss late: `late.0` is not trained yet"), "{ran:?}");
    let text = fs::read_to_string(scratch.path("n.html")).expect("a page");
    assert!(figures(&text)[0].0.contains("is not trained yet"), "{}", figures(&text)[0].0);
    assert!(figures(&text)[1].0.contains("<svg"), "the others are there");
    assert!(figures(&text)[1].0.contains("not trained yet: late.0, late.1"), "{}", figures(&text)[1].0);
    let nothing = Scratch::new();
    fs::write(nothing.path("n.md"), NOTEBOOK).expect("a file");
    let ran = nothing.run(2, "notebook export n.md -o n.html");
    assert!(ran.err.contains("there is no store") && ran.err.contains("notebook run"), "{ran:?}");
}

#[test]
fn a_table_of_a_layer_counts_dead_and_distinct_filters() {
    let scratch = scratch(NOTEBOOK);
    let table = scratch.run(0, "table base.0 wider.0 --layer conv1 --json").json();
    let columns: Vec<&str> =
        table["columns"].as_array().expect("columns").iter().filter_map(|column| column["name"].as_str()).collect();
    let at = |row: usize, name: &str| {
        let place = columns.iter().position(|column| *column == name).unwrap_or_else(|| panic!("{name}: {columns:?}"));
        table["rows"][row][place].as_f64().expect("a number")
    };
    assert_eq!((at(0, "filters"), at(1, "filters"), at(0, "dead")), (4.0, 5.0, 0.0));
    // The split filter and its twin are nearly one.
    assert!(at(1, "nearest similarity") > at(0, "nearest similarity"), "{table}");
    assert!(at(0, "distinct") > 1.0 && at(1, "distinct") < 5.0, "{table}");
    let unknown = scratch.run(1, "table base.0 --layer conv9");
    assert!(unknown.err.contains("there is conv1"), "{unknown:?}");
}
