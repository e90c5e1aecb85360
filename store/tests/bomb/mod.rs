//! Small Parquet files that stand for gigabytes: a page of a good file is
//! replaced by one that says the same value over and over.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of this")]

#[path = "../fake/sealed.rs"]
#[allow(clippy::duplicate_mod, clippy::allow_attributes, reason = "some test files have it twice, others once")]
pub mod sealed;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, EncodingMask};
use parquet::file::metadata::page_index::PageIndexBuilder;
use parquet::file::metadata::{
    FileMetaData, OffsetIndexBuilder, PageIndexPolicy, ParquetMetaDataBuilder, ParquetMetaDataReader,
    ParquetMetaDataWriter,
};
use parquet::file::writer::TrackedWrite;

/// What a page is to stand for.
#[derive(Debug, Clone, Copy)]
pub enum Bomb {
    /// The first row's list has so many values, a dictionary's one.
    Values(i32),
    /// A page of as many values as before, that claims so many bytes.
    Bytes(i32),
    /// A dictionary with one text of so many bytes.
    Text(usize),
    /// A page of one row with so many values, that its index names so many
    /// times.
    Again(u64, usize),
}

fn varint(mut value: u64, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn number(value: i32) -> Vec<u8> {
    let mut bytes = vec![0x15];
    varint(u64::from(((value << 1) ^ (value >> 31)) as u32), &mut bytes);
    bytes
}

/// A page: its header in Thrift's compact protocol, and its body.
fn page(dictionary: bool, uncompressed: i32, values: i32, encoding: i32, body: &[u8]) -> Vec<u8> {
    let mut page = number(if dictionary { 2 } else { 0 });
    page.extend(number(uncompressed));
    page.extend(number(body.len() as i32));
    page.extend(sealed::checksum_field(body));
    // The header of its kind: field 7, or 5.
    page.push(if dictionary { 0x3c } else { 0x1c });
    page.extend(number(values));
    page.extend(number(encoding));
    if !dictionary {
        page.extend(number(3));
        page.extend(number(3));
    }
    page.extend([0, 0]);
    page.extend(body);
    page
}

/// Runs of equal levels, after their length.
fn levels(runs: &[(u64, u8)]) -> Vec<u8> {
    let mut encoded = Vec::new();
    for &(count, level) in runs {
        varint(count << 1, &mut encoded);
        encoded.push(level);
    }
    let mut bytes = (encoded.len() as u32).to_le_bytes().to_vec();
    bytes.extend(encoded);
    bytes
}

/// The pages of a column of one row group: levels by `repeated` and `defined`,
/// values from a dictionary of one.
fn pages(bomb: Bomb, rows: u64, nested: bool, defined: u8, entry: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let body = |values: u64| {
        let mut body = Vec::new();
        if nested {
            // As many rows as there are; the first one has all that is more.
            body.extend(levels(&[(1, 0), (values - rows, 1), (rows - 1, 0)]));
        }
        if defined > 0 {
            body.extend(levels(&[(values, defined)]));
        }
        // Indices of one bit.
        body.push(1);
        varint(values << 1, &mut body);
        body.push(0);
        body
    };
    let text = |length: usize| [&(length as u32).to_le_bytes()[..], &vec![b'x'; length]].concat();
    let entry = if let Bomb::Text(length) = bomb { text(length) } else { entry.to_vec() };
    let dictionary = page(true, entry.len() as i32, 1, 0, &entry);
    let data = match bomb {
        Bomb::Values(values) => {
            let body = body(values as u64);
            page(false, body.len() as i32, values, 8, &body)
        }
        Bomb::Bytes(bytes) => page(false, bytes, rows as i32, 8, &body(rows)),
        Bomb::Text(_) => {
            let body = body(rows);
            page(false, body.len() as i32, rows as i32, 8, &body)
        }
        Bomb::Again(values, _) => {
            let mut body = levels(&[(1, 0), (values - 1, 1)]);
            body.extend(levels(&[(values, defined)]));
            body.push(1);
            varint(values << 1, &mut body);
            body.push(0);
            page(false, body.len() as i32, values as i32, 8, &body)
        }
    };
    (dictionary, data)
}

/// Replaces a column's pages in the first row group of a file.
pub fn plant(path: &Path, column: &str, bomb: Bomb) {
    let mut bytes = fs::read(path).unwrap();
    let metadata = ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Required)
        .parse_and_finish(&File::open(path).unwrap())
        .unwrap();
    let schema = metadata.file_metadata().schema_descr_ptr();
    let place = schema.columns().iter().position(|known| known.path().parts()[0] == column).unwrap();
    let descriptor = schema.column(place);
    let rows = metadata.row_group(0).num_rows() as u64;
    let entry: &[u8] = match descriptor.physical_type() {
        parquet::basic::Type::INT64 => &[0; 8],
        parquet::basic::Type::BYTE_ARRAY => &[1, 0, 0, 0, b'x'],
        _ => &[0; 4],
    };
    let nested = descriptor.max_rep_level() > 0;
    let (dictionary, data) = pages(bomb, rows, nested, descriptor.max_def_level() as u8, entry);
    let start = bytes.len() as i64;
    bytes.extend(&dictionary);
    let first = bytes.len() as i64;
    bytes.extend(&data);
    let values = match bomb {
        Bomb::Values(values) => i64::from(values),
        _ => rows as i64,
    };

    let mut index = PageIndexBuilder::new(metadata.num_row_groups(), schema.num_columns());
    for group in 0..metadata.num_row_groups() {
        for column in 0..schema.num_columns() {
            let known = metadata.page_index_for_row_group(group).offset_index(column).cloned().unwrap();
            index.put_offset_index(known, group, column);
        }
    }
    let mut planted = OffsetIndexBuilder::new();
    let (times, each) = if let Bomb::Again(_, times) = bomb { (times, 1) } else { (1, rows as i64) };
    for _ in 0..times {
        planted.append_offset_and_size(first, data.len() as i32);
        planted.append_row_count(each);
    }
    let planted = planted.build();
    let mut checksum = crc32fast::Hasher::new();
    for (number, group) in metadata.row_groups().iter().enumerate() {
        for (column, chunk) in group.columns().iter().enumerate() {
            if (number, column) == (0, place) {
                sealed::add(&mut checksum, start, planted.page_locations());
            } else {
                let known = metadata.page_index_for_row_group(number);
                let known = known.offset_index(column).unwrap().page_locations();
                sealed::add(&mut checksum, chunk.byte_range().0 as i64, known);
            }
        }
    }
    index.put_offset_index(planted, 0, place);

    let file = metadata.file_metadata();
    let mut entries = file.key_value_metadata().cloned().unwrap();
    for entry in entries.iter_mut().filter(|entry| entry.key == sealed::INDEX_CHECKSUM) {
        entry.value = Some(format!("{:08x}", checksum.clone().finalize()));
    }
    let mut builder = ParquetMetaDataBuilder::new(FileMetaData::new(
        file.version(),
        file.num_rows(),
        file.created_by().map(str::to_owned),
        Some(entries),
        file.schema_descr_ptr(),
        None,
    ))
    .set_page_index(Some(Arc::new(index.build())));
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let mut columns = group.columns().to_vec();
        for (column, chunk) in columns.iter_mut().enumerate() {
            let mut changed = chunk.clone().into_builder().set_column_index_offset(None).set_column_index_length(None);
            if (number, column) == (0, place) {
                let length = (dictionary.len() + data.len()) as i64;
                changed = changed
                    .set_compression(Compression::UNCOMPRESSED)
                    .set_encodings_mask(EncodingMask::new_from_encodings(
                        [Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY].iter(),
                    ))
                    .set_dictionary_page_offset(Some(start))
                    .set_data_page_offset(first)
                    .set_total_compressed_size(length)
                    .set_total_uncompressed_size(length)
                    // What a footer claims is one thing, what pages hold another.
                    .set_num_values(values.min(rows as i64))
                    .clear_statistics();
            }
            *chunk = changed.build().unwrap();
        }
        builder = builder.add_row_group(group.clone().into_builder().set_column_metadata(columns).build().unwrap());
    }
    let mut target = TrackedWrite::new(File::create(path).unwrap());
    target.write_all(&bytes).unwrap();
    ParquetMetaDataWriter::new_with_tracked(target, &builder.build()).finish().unwrap();
}
