//! Laws of documents: what is not changed stays to the byte, every change can be
//! taken back, and what is written is read as it was meant.

use proptest::prelude::*;
use proptest::sample::Index;
use revacnn_notebook::document::{BlockKind, Change, Document, Line, Refusal, Role, TextEdit, written};

/// Pieces of Markdown, some of which mean something else in their surroundings.
const PIECES: [&str; 17] = [
    "# A heading\n\nSome *prose*, and `code`.\n",
    "```revacnn\ntrain base --dataset shapes --epochs 6 --over seed=0..4\nplot loss base # the mean\n```\n",
    "```revacnn\nfork base@epoch:3 slow --epochs 6\n  --edit 'set learning-rate 0.5'    # slower\n\t--edit \"freeze conv1\"\n\ncursor t slow@fork\n```\n",
    "````revacnn\nplot network base.0@$t\n```\n````\n",
    "~~~revacnn\ncompare base@last slow@last\n~~~\n",
    "```sql revacnn best\nSELECT 1;\n```\n",
    "```sql revacnn\nSELECT 2;\n```\n",
    "```toml revacnn small\n[[layer]]\nkind = \"softmax\"\n```\n",
    "```rust\nfn main() {}\n```\n",
    "- a list\n\n  ```revacnn\n  plot loss nobody\n  ```\n",
    "> ```revacnn\n> plot loss quoted\n> ```\n",
    "````\n```revacnn\nplot loss shown\n```\n````\n",
    "    ```revacnn\n    indented code\n    ```\n",
    "<div>\n```revacnn\nplot loss html\n```\n</div>\n\n",
    "```revacnn\n```\n",
    "\n\n",
    "```revacnn\nplot loss 'open\n",
];

prop_compose! {
    fn markdown()(
        pieces in proptest::collection::vec(0..PIECES.len(), 0..7),
        crlf in any::<bool>(), bom in any::<bool>(), ended in any::<bool>(),
    ) -> String {
        let mut text: String = pieces.into_iter().map(|piece| PIECES[piece]).collect();
        if !ended {
            text.truncate(text.trim_end().len());
        }
        if crlf {
            text = text.replace('\n', "\r\n");
        }
        if bom { format!("\u{feff}{text}") } else { text }
    }
}

fn words() -> impl Strategy<Value = Vec<String>> {
    let odd = prop_oneof![Just("'"), Just("\""), Just("\\"), Just("#"), Just("```"), Just("$t"), Just(" "), Just("é")];
    let word = prop_oneof![
        "[a-z@:.=-]{1,8}",
        proptest::collection::vec(odd, 0..5).prop_map(|pieces| pieces.concat()),
        "[^\r\n]{0,6}",
    ];
    proptest::collection::vec(word, 1..5)
}

fn said(line: &Line) -> Vec<&str> {
    line.words.iter().map(|word| word.text.as_str()).collect()
}

/// What a person does to a document: one of each kind of change that there is.
#[derive(Debug, Clone)]
enum Edit {
    /// Adds a line to the last fence of lines, or at the end.
    Append {
        words: Vec<String>,
        in_fence: bool,
    },
    SetWord {
        which: Index,
        text: String,
    },
    RemoveLine {
        which: Index,
    },
    /// Writes somewhere else, at up to three places at once.
    Write(Vec<(Index, Index, String)>),
}

fn edit() -> impl Strategy<Value = Edit> {
    let piece = (any::<Index>(), any::<Index>(), "[a-z`'#\\n é]{0,6}");
    prop_oneof![
        (words(), any::<bool>()).prop_map(|(words, in_fence)| Edit::Append { words, in_fence }),
        (any::<Index>(), words()).prop_map(|(which, words)| Edit::SetWord { which, text: words[0].clone() }),
        any::<Index>().prop_map(|which| Edit::RemoveLine { which }),
        proptest::collection::vec(piece, 1..4).prop_map(Edit::Write),
    ]
}

impl Edit {
    /// The change, where the document has the place for it and does not refuse it.
    fn change(&self, document: &Document) -> Option<Change> {
        match self {
            Self::Append { words, in_fence } => {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                document.append_line(document.last_lines().filter(|_| *in_fence), &words).ok()
            }
            Self::SetWord { which, text } => {
                let all: Vec<_> = document.lines().flat_map(|line| &line.words).collect();
                document.set_word(all.get(which.index(all.len().max(1)))?, text).ok()
            }
            Self::RemoveLine { which } => {
                let lines: Vec<&Line> = document.lines().collect();
                document.remove_line(lines.get(which.index(lines.len().max(1)))?).ok()
            }
            Self::Write(pieces) => {
                let text = document.text();
                let ends: Vec<usize> = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect();
                let at = |index: &Index| ends[index.index(ends.len())];
                let edits = pieces.iter().map(|(from, to, new)| {
                    let (from, to) = (at(from), at(to));
                    TextEdit { range: from.min(to)..from.max(to), new: new.clone() }
                });
                Change::new("write", edits.collect()).ok()
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn blocks_are_the_whole_text_and_words_lie_where_they_say(text in markdown()) {
        let document = Document::parse(text.clone());
        prop_assert_eq!(document.text(), &text);
        let mut end = 0;
        for block in document.blocks() {
            prop_assert_eq!(block.range.start, end);
            end = block.range.end;
        }
        prop_assert_eq!(end, text.len());
        for word in document.lines().flat_map(|line| &line.words) {
            let there = &text[word.range.clone()];
            prop_assert!(there == word.text || there.contains(['\'', '"']), "{there}");
        }
    }

    #[test]
    fn a_line_that_is_added_adds_a_line_and_nothing_else(text in markdown(), words in words(), in_fence in any::<bool>()) {
        let mut document = Document::parse(text.clone());
        let before: Vec<Vec<String>> =
            document.lines().map(|line| said(line).into_iter().map(str::to_owned).collect()).collect();
        let fence = document.last_lines().filter(|_| in_fence);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match document.append_line(fence, &words) {
            Ok(change) => {
                prop_assert!(change.edits().iter().all(|edit| edit.range.is_empty()));
                let undo = document.apply(&change).unwrap();
                let after: Vec<Vec<&str>> = document.lines().map(said).collect();
                prop_assert_eq!(after.len(), before.len() + 1);
                prop_assert_eq!(after.iter().filter(|line| **line == words).count(),
                    before.iter().filter(|line| **line == words).count() + 1);
                document.apply(&undo).unwrap();
                prop_assert_eq!(document.text(), &text);
            }
            Err(refusal) => {
                // A block that is open swallows what comes after it.
                prop_assert_eq!(refusal, Refusal::NoEnd);
                prop_assert!(text.contains("'open"));
            }
        }
    }

    #[test]
    fn a_word_that_is_set_changes_that_word_and_can_be_taken_back(
        text in markdown(), which in any::<Index>(), word in words(),
    ) {
        let mut document = Document::parse(text.clone());
        let all: Vec<_> = document.lines().flat_map(|line| &line.words).cloned().collect();
        if all.is_empty() || !document.problems().is_empty() {
            return Ok(());
        }
        let place = which.index(all.len());
        let change = document.set_word(&all[place], &word[0]).unwrap();
        prop_assert_eq!(change.edits().len(), 1);
        let undo = document.apply(&change).unwrap();
        let after: Vec<String> = document.lines().flat_map(|line| said(line)).map(str::to_owned).collect();
        let mut expected: Vec<String> = all.iter().map(|word| word.text.clone()).collect();
        expected[place].clone_from(&word[0]);
        prop_assert_eq!(after, expected);
        document.apply(&undo).unwrap();
        prop_assert_eq!(document.text(), &text);
    }

    #[test]
    fn a_line_that_is_taken_out_takes_nothing_else_with_it(text in markdown(), which in any::<Index>()) {
        let mut document = Document::parse(text.clone());
        let lines: Vec<Line> = document.lines().cloned().collect();
        if lines.is_empty() {
            return Ok(());
        }
        let place = which.index(lines.len());
        let change = document.remove_line(&lines[place]).unwrap();
        let undo = document.apply(&change).unwrap();
        let mut expected: Vec<Vec<&str>> = lines.iter().map(said).collect();
        expected.remove(place);
        prop_assert_eq!(document.lines().map(said).collect::<Vec<_>>(), expected);
        document.apply(&undo).unwrap();
        prop_assert_eq!(document.text(), &text);
    }

    #[test]
    fn changes_of_any_kind_are_taken_back_and_made_again_one_by_one(
        text in markdown(), edits in proptest::collection::vec(edit(), 1..8),
    ) {
        let mut document = Document::parse(text.clone());
        let (mut made, mut undo) = (vec![document.clone()], Vec::new());
        for change in edits.iter() {
            let Some(change) = change.change(&document) else { continue };
            let label = change.label().to_owned();
            undo.push(document.apply(&change).unwrap());
            prop_assert_eq!(undo.last().map(Change::label), Some(label.as_str()));
            prop_assert_eq!(&document, &Document::parse(document.text()), "what is found is what a fresh reading finds");
            made.push(document.clone());
        }
        let mut redo = Vec::new();
        for (change, before) in undo.iter().zip(&made).rev() {
            redo.push(document.apply(change).unwrap());
            prop_assert_eq!(&document, before);
        }
        prop_assert_eq!(document.text(), &text);
        for (change, after) in redo.iter().rev().zip(&made[1..]) {
            document.apply(change).unwrap();
            prop_assert_eq!(&document, after);
        }
    }

    #[test]
    fn words_that_are_written_are_read_as_they_were(words in words()) {
        let line: Vec<String> = words.iter().map(|word| written(word)).collect();
        let document = Document::parse(format!("```revacnn\n{}\n```\n", line.join(" ")));
        let lines: Vec<Vec<&str>> = document.lines().map(said).collect();
        let expected: Vec<&str> = words.iter().map(String::as_str).collect();
        prop_assert_eq!(lines, vec![expected]);
        prop_assert!(document.problems().is_empty());
    }

    #[test]
    fn any_text_at_all_is_a_document(text in any::<String>()) {
        let document = Document::parse(text.clone());
        prop_assert_eq!(document.text(), &text);
    }
}

#[test]
fn lines_continue_and_comments_are_no_words() {
    let document = Document::parse(PIECES[2]);
    let lines: Vec<Vec<&str>> = document.lines().map(said).collect();
    let fork = ["fork", "base@epoch:3", "slow", "--epochs", "6", "--edit", "set learning-rate 0.5", "--edit"];
    assert_eq!(lines[0][..8], fork);
    assert_eq!((lines[0][8], &lines[1][..]), ("freeze conv1", &["cursor", "t", "slow@fork"][..]));
    let roles: Vec<Role> = document.lines().map(Line::role).collect();
    assert_eq!(roles, [Role::Training, Role::Input]);
    let view = Document::parse("```revacnn\nplot network base.$n@$t --image $image --x $t\n```");
    assert_eq!(view.lines().next().unwrap().uses(), ["n", "t", "image"]);
}

#[test]
fn fences_have_names_and_what_lacks_one_is_a_problem_in_its_place() {
    let text = format!("{}{}{}{}", PIECES[5], PIECES[6], PIECES[7], PIECES[16]);
    let document = Document::parse(text.clone());
    let names: Vec<&str> = document
        .blocks()
        .iter()
        .filter_map(|block| match &block.kind {
            BlockKind::Sql { name, .. } | BlockKind::Network { name, .. } => Some(&text[name.clone()]),
            _ => None,
        })
        .collect();
    assert_eq!(names, ["best", "", "small"]);
    let problems: Vec<(&str, &str)> =
        document.problems().iter().map(|problem| (&text[problem.range.clone()], problem.message.as_str())).collect();
    assert_eq!(
        problems,
        [
            ("```sql revacnn", "expected `sql revacnn NAME`, found `sql revacnn`"),
            ("'open", "expected a second ' on this line, found its end"),
        ]
    );
}

#[test]
fn only_fences_at_the_first_column_count_and_prose_keeps_the_others() {
    for piece in [8, 9, 10, 11, 12, 13] {
        let document = Document::parse(PIECES[piece]);
        assert!(document.blocks().iter().all(|block| block.kind == BlockKind::Prose), "{}", PIECES[piece]);
    }
}

#[test]
fn a_change_of_another_text_is_refused_and_changes_nothing() {
    let edit = |range, new: &str| TextEdit { range, new: new.to_owned() };
    let mut document = Document::parse("short é");
    let far = Change::new("far", vec![edit(40..41, "x")]).unwrap();
    let within_a_letter = Change::new("within", vec![edit(7..7, "x")]).unwrap();
    for change in [far, within_a_letter] {
        assert!(matches!(document.apply(&change), Err(Refusal::NotHere { .. })));
    }
    assert!(Change::new("twice", vec![edit(0..3, "a"), edit(2..4, "b")]).is_err());
    let line = Document::parse(PIECES[1]).lines().next().unwrap().clone();
    assert!(document.remove_line(&line).is_err());
    assert_eq!(document.append_line(None, &["a\nb"]), Err(Refusal::NoLine { found: vec!["a\nb".to_owned()] }));
    assert_eq!(document.append_line(Some(0), &["plot"]), Err(Refusal::NoLines { block: 0 }));
    assert_eq!(document.text(), "short é");
}
