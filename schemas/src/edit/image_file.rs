//! Files that name training images: a line an image or a range of them, a table under a heading
//! with a column `image`, or what `revacnn samples --json` and `revacnn query --format json` write.

use serde_json::Value;

use super::ClassWord;
use crate::{ImageIndex, ImageSet, number};

/// The longest file of images that is read, in bytes: more than a line for each of a million images.
pub const MOST_IMAGE_BYTES: u64 = 1 << 24;

/// What a column holds beside images.
#[derive(Debug, Clone, Copy)]
struct Column {
    name: &'static str,
    expected: &'static str,
}

const CLASS: Column = Column { name: "class", expected: "a class by its name or its number from 0" };
const WEIGHT: Column = Column { name: "weight", expected: "a finite number of at least 0" };

/// A row: where it is, its images, and what stands in the column asked for.
struct Row {
    place: String,
    images: ImageSet,
    value: String,
}

/// The images of a file.
///
/// # Errors
/// The line that is wrong, what was expected of it and what was found.
pub(super) fn images(text: &str) -> Result<ImageSet, String> {
    let sets: Vec<ImageSet> = rows(text, None)?.into_iter().map(|row| row.images).collect();
    Ok(ImageSet::of_all(&sets))
}

/// The images of a file with the class of each.
///
/// # Errors
/// As [`images`], and an image that has two classes.
pub(super) fn classes(text: &str) -> Result<Vec<(ClassWord, ImageSet)>, String> {
    let class = |row: &Row| match row.value.is_empty() {
        true => Err(wrong(&row.place, CLASS.expected, "nothing")),
        false => Ok(ClassWord::of(&row.value)),
    };
    valued(rows(text, Some(CLASS))?, class)
}

/// The images of a file with the weight of each.
///
/// # Errors
/// As [`images`], and an image that has two weights.
pub(super) fn weights(text: &str) -> Result<Vec<(f32, ImageSet)>, String> {
    valued(rows(text, Some(WEIGHT))?, |row| {
        weight(&row.value).map_err(|found| wrong(&row.place, WEIGHT.expected, &found))
    })
}

/// A weight, or what was found in its place.
pub(super) fn weight(text: &str) -> Result<f32, String> {
    let found = number(text).ok().map(|value| value as f32).filter(|value| value.is_finite() && *value >= 0.0);
    // −0 is 0.
    found.map(|value| value + 0.0).ok_or_else(|| format!("`{}`", short(text)))
}

fn wrong(place: &str, expected: &str, found: &str) -> String {
    format!("{place}: expected {expected}, found {found}")
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Each row's images with its value. An image may come twice with the same one.
fn valued<T: PartialEq + Clone>(
    rows: Vec<Row>,
    value: impl Fn(&Row) -> Result<T, String>,
) -> Result<Vec<(T, ImageSet)>, String> {
    let values = rows.iter().map(&value).collect::<Result<Vec<T>, String>>()?;
    // By first image, so that each is compared with those that it may share images with.
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&row| (rows[row].images.first(), row));
    let mut reaches: Option<(usize, ImageIndex)> = None;
    for &row in &order {
        let (Some(first), Some(last)) = (rows[row].images.first(), rows[row].images.last()) else { continue };
        if let Some((other, end)) = reaches
            && first <= end
            && let Some(image) = rows[other].images.intersection(&rows[row].images).first()
            && values[other] != values[row]
        {
            let (earlier, later) = (&rows[other.min(row)], &rows[other.max(row)]);
            let said = format!("`{}`, where {} has `{}`", short(&later.value), earlier.place, short(&earlier.value));
            return Err(wrong(&later.place, &format!("one value for image {image}"), &said));
        }
        if reaches.is_none_or(|(_, end)| last > end) {
            reaches = Some((row, last));
        }
    }
    Ok(values.into_iter().zip(rows).map(|(value, row)| (value, row.images)).collect())
}

fn rows(text: &str, column: Option<Column>) -> Result<Vec<Row>, String> {
    let text = text.trim_start_matches('\u{feff}');
    let rows = if text.trim_start().starts_with('{') { of_json(text, column) } else { of_table(text, column) }?;
    match rows.is_empty() {
        true => Err("it names no image".to_owned()),
        false => Ok(rows),
    }
}

fn images_of(place: &str, text: &str) -> Result<ImageSet, String> {
    text.parse().map_err(|_| {
        let found = if text.is_empty() { "nothing".to_owned() } else { format!("`{}`", short(text)) };
        wrong(place, "an image's number, or a range such as 100-200", &found)
    })
}

/// Lines with commas between their fields. Without a heading the image is first, then the value.
fn of_table(text: &str, column: Option<Column>) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    let mut named: Option<(usize, Option<usize>)> = None;
    let mut is_first = true;
    for (number, line) in (1..).zip(text.lines()) {
        let place = format!("line {number}");
        let record = fields(line).ok_or_else(|| wrong(&place, "a quote that is closed", "an open one"))?;
        if record.iter().all(String::is_empty) {
            continue;
        }
        if std::mem::take(&mut is_first) {
            named = heading(&record, &place, column)?;
            if named.is_some() {
                continue;
            }
        }
        let (image, value) = match (named, column) {
            (Some(places), _) => places,
            (None, Some(column)) if record.len() != 2 => {
                let found = format!("`{}`", short(&record.join(",")));
                return Err(wrong(&place, &format!("an image and, after a comma, {}", column.expected), &found));
            }
            (None, Some(_)) => (0, Some(1)),
            (None, None) => {
                for field in &record {
                    let place = place.clone();
                    rows.push(Row { images: images_of(&place, field)?, value: String::new(), place });
                }
                continue;
            }
        };
        let field = |at: usize| record.get(at).cloned().unwrap_or_default();
        rows.push(Row {
            images: images_of(&place, &field(image))?,
            value: value.map(field).unwrap_or_default(),
            place,
        });
    }
    Ok(rows)
}

/// The fields of a line, with no blanks around them; `None` where a quote is open. In quotes a comma is one,
/// and two quotes are one.
fn fields(line: &str) -> Option<Vec<String>> {
    let (mut fields, mut field, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(std::mem::take(&mut field).trim().to_owned()),
            letter => field.push(letter),
        }
    }
    fields.push(field.trim().to_owned());
    (!is_quoted).then_some(fields)
}

/// The places of the columns that a first line names; `None` where it is no heading.
fn heading(record: &[String], place: &str, column: Option<Column>) -> Result<Option<(usize, Option<usize>)>, String> {
    // A class may be called so.
    if record.first().is_some_and(|field| field.parse::<ImageSet>().is_ok()) {
        return Ok(None);
    }
    let at = |name: &str| record.iter().position(|field| field.eq_ignore_ascii_case(name));
    match (at("image"), column) {
        (None, _) => Ok(None),
        (Some(image), None) => Ok(Some((image, None))),
        (Some(image), Some(column)) => match at(column.name) {
            Some(value) => Ok(Some((image, Some(value)))),
            None => {
                let found = format!("`{}`", short(&record.join(",")));
                Err(wrong(place, &format!("a column `{}` beside `image`", column.name), &found))
            }
        },
    }
}

/// A figure that is a table, or an object a row.
fn of_json(text: &str, column: Option<Column>) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for (index, value) in serde_json::Deserializer::from_str(text).into_iter::<Value>().enumerate() {
        let value = value.map_err(|error| format!("expected JSON: {error}"))?;
        let place = format!("object {}", index + 1);
        let table = value.get("table").unwrap_or(&value);
        match (table.get("columns").and_then(Value::as_array), table.get("rows").and_then(Value::as_array)) {
            (Some(columns), Some(all)) => {
                let at = |name: &str| {
                    let named = |column: &Value| column.get("name").and_then(Value::as_str) == Some(name);
                    columns.iter().position(named).ok_or_else(|| wrong(&place, &format!("a column `{name}`"), "none"))
                };
                let image = at("image")?;
                let value = column.map(|column| at(column.name)).transpose()?;
                for (row, cells) in all.iter().enumerate() {
                    let place = format!("row {}", row + 1);
                    let cell = |at: usize| plain(cells.get(at));
                    let images = images_of(&place, &cell(image))?;
                    rows.push(Row { images, value: value.map(cell).unwrap_or_default(), place });
                }
            }
            _ => {
                let of = |name: &str| match value.get(name) {
                    Some(_) => Ok(plain(value.get(name))),
                    None => Err(wrong(&place, &format!("a member `{name}`"), "none")),
                };
                let images = images_of(&place, &of("image")?)?;
                let value = column.map(|column| of(column.name)).transpose()?.unwrap_or_default();
                rows.push(Row { images, value, place });
            }
        }
    }
    Ok(rows)
}

fn plain(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_named_by_lines_tables_and_what_commands_write() {
        let figure = r#"{"table":{"title":"t","columns":[{"name":"image","numeric":true},{"name":"class"}],
            "rows":[["9","cat"],["3","dog"]]}}"#;
        for text in [
            "3\n9\n",
            "9\r\n\r\n3",
            "3, 9",
            " \n3\n,\n9",
            "\u{feff}image\n9\n3\n",
            "step,image,loss\n5,3,0.5\n5,9,1.5\n6,3,0.1",
            "Image , class\n 3 , cat\n9,\"a, b\"\n",
            figure,
            &figure.replace("\"9\"", "9").replace("\"3\"", "3"),
            "{\"image\":3}\n{\"loss\":1.5,\"image\":9}\n",
        ] {
            assert_eq!(images(text).map(|set| set.to_string()), Ok("3,9".to_owned()), "{text}");
        }
        assert_eq!(images("100-200\n5\n7-9").unwrap().to_string(), "5,7-9,100-200");
        let read = |text: &str| -> Vec<(String, String)> {
            classes(text).unwrap().into_iter().map(|(class, set)| (class.to_string(), set.to_string())).collect()
        };
        let pairs = [("cat".to_owned(), "9".to_owned()), ("dog".to_owned(), "3".to_owned())];
        assert_eq!(read("9,cat\n3,dog"), pairs);
        assert_eq!(read("class,image\ncat,9\ndog,3"), pairs);
        assert_eq!(read(figure), pairs);
        assert_eq!(read("3,\"hot, dog\"\n3,\"hot, dog\"")[0].0, "hot, dog");
        assert_eq!(read("3,\"a \"\"b\"\"\"")[0].0, "a \"b\"");
        let found = weights("image,weight\n3,0.5\n4-6,2e0\n4,2").unwrap();
        let found: Vec<(f32, String)> = found.into_iter().map(|(weight, set)| (weight, set.to_string())).collect();
        assert_eq!(found, [(0.5, "3".to_owned()), (2.0, "4-6".to_owned()), (2.0, "4".to_owned())]);
    }

    #[test]
    fn a_wrong_line_is_named_with_what_was_expected_and_found() {
        let told = |result: Result<(), String>| result.unwrap_err();
        for (text, says) in [
            ("", "it names no image"),
            ("\n \n", "it names no image"),
            ("3\nx\n", "line 2: expected an image's number, or a range such as 100-200, found `x`"),
            ("3\n-4", "line 2: expected an image's number"),
            ("3\n9-4", "found `9-4`"),
            ("loss\n3", "line 1: expected an image's number"),
            ("4294967296", "found `4294967296`"),
            ("{\"index\":3}", "object 1: expected a member `image`, found none"),
            ("{\"image\":null}", "object 1: expected an image's number, or a range such as 100-200, found `null`"),
            ("{\"image\":3", "expected JSON: EOF"),
            ("{\"columns\":[{\"name\":\"step\"}],\"rows\":[]}", "expected a column `image`, found none"),
            ("{\"columns\":[{\"name\":\"image\"}],\"rows\":[[\"3\"],[]]}", "row 2: expected an image's number"),
        ] {
            let error = told(images(text).map(drop));
            assert!(error.contains(says), "{text}: {error}");
        }
        for (text, says) in [
            ("3", "line 1: expected an image and, after a comma, a class by its name or its number from 0, found `3`"),
            ("3,cat,0.5", "found `3,cat,0.5`"),
            ("3,cat\n4,", "line 2: expected a class by its name or its number from 0, found nothing"),
            ("3,\"cat\n4,dog", "line 1: expected a quote that is closed, found an open one"),
            ("image,label\n3,cat", "line 1: expected a column `class` beside `image`, found `image,label`"),
            ("3,cat\n5,dog\n3,dog", "line 3: expected one value for image 3, found `dog`, where line 1 has `cat`"),
            ("3-9,cat\n1,dog\n5,dog", "line 3: expected one value for image 5, found `dog`, where line 1 has `cat`"),
            ("5,dog\n3-9,cat", "line 2: expected one value for image 5, found `cat`, where line 1 has `dog`"),
        ] {
            let error = told(classes(text).map(drop));
            assert!(error.contains(says), "{text}: {error}");
        }
        for bad in ["-1", "nan", "inf", "1e39", "x", ""] {
            let error = told(weights(&format!("3,1\n4,{bad}")).map(drop));
            assert!(
                error.contains(&format!("line 2: expected a finite number of at least 0, found `{bad}`")),
                "{error}"
            );
        }
    }
}
