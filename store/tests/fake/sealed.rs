//! Files with the checksums that belong to them, whoever wrote them: what a
//! hostile or a buggy writer makes, which no checksum tells from an honest one.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of this")]

use std::fs::{self, File};
use std::path::Path;

use bytes::Bytes;
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::{KeyValue, PageIndexPolicy, ParquetMetaDataReader};
use parquet::file::page_index::offset_index::{OffsetIndexMetaData, PageLocation};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

/// The footer's entry with the checksum of the index.
pub const INDEX_CHECKSUM: &str = "revacnn.index_checksum";

/// The footer's entry with the checksum of the pages' headers.
const HEADER_CHECKSUM: &str = "revacnn.header_checksum";

/// Gives every page of a file its checksum, and the file that of its index;
/// entries of the footer are replaced by those that are given.
pub fn seal(path: &Path, entries: &[(&str, &str)]) {
    let bytes = Bytes::from(fs::read(path).unwrap());
    let metadata = ParquetMetaDataReader::new()
        .with_column_index_policy(PageIndexPolicy::Optional)
        .with_offset_index_policy(PageIndexPolicy::Required)
        .parse_and_finish(&bytes)
        .unwrap();
    let known = metadata.file_metadata().key_value_metadata().cloned().unwrap_or_default();
    let replaced = |entry: &KeyValue| {
        entries.iter().any(|(key, _)| *key == entry.key)
            || [INDEX_CHECKSUM, HEADER_CHECKSUM].contains(&entry.key.as_str())
    };
    let kept = known.into_iter().filter(|entry| !replaced(entry));
    let given = entries.iter().map(|(key, value)| KeyValue::new((*key).to_owned(), (*value).to_owned()));
    let properties = WriterProperties::builder().set_key_value_metadata(Some(kept.chain(given).collect())).build();
    let schema = metadata.file_metadata().schema_descr().root_schema_ptr();
    let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema, properties.into()).unwrap();
    let (mut checksum, mut headers) = (crc32fast::Hasher::new(), crc32fast::Hasher::new());
    for (place, group) in metadata.row_groups().iter().enumerate() {
        let index = metadata.page_index_for_row_group(place);
        let mut target = writer.next_row_group().unwrap();
        for (column, chunk) in group.columns().iter().enumerate() {
            let pages = index.offset_index(column).unwrap().page_locations();
            let (start, first) = (chunk.byte_range().0 as usize, pages[0].offset as usize);
            // What lies before the first page is a dictionary.
            let mut sealed = if first > start { sealed_page(&bytes[start..first], &mut headers) } else { Vec::new() };
            let data = sealed.len() as i64;
            let mut locations = Vec::new();
            for page in pages {
                let of = &bytes[page.offset as usize..][..page.compressed_page_size as usize];
                let (offset, of) = (sealed.len() as i64, sealed_page(of, &mut headers));
                locations.push(PageLocation { offset, compressed_page_size: of.len() as i32, ..page.clone() });
                sealed.extend(of);
            }
            add(&mut checksum, 0, &locations);
            let metadata = chunk
                .clone()
                .into_builder()
                .set_total_compressed_size(sealed.len() as i64)
                .set_dictionary_page_offset((data > 0).then_some(0))
                .set_data_page_offset(data)
                .build()
                .unwrap();
            let unencoded_byte_array_data_bytes =
                index.offset_index(column).unwrap().unencoded_byte_array_data_bytes.clone();
            let close = ColumnCloseResult {
                bytes_written: sealed.len() as u64,
                rows_written: group.num_rows() as u64,
                metadata,
                bloom_filter: None,
                column_index: index.column_index(column).cloned(),
                offset_index: Some(OffsetIndexMetaData { page_locations: locations, unencoded_byte_array_data_bytes }),
            };
            target.append_column(&Bytes::from(sealed), close).unwrap();
        }
        target.close().unwrap();
    }
    for (key, sum) in [(INDEX_CHECKSUM, checksum), (HEADER_CHECKSUM, headers)] {
        writer.append_key_value_metadata(KeyValue::new(key.to_owned(), format!("{:08x}", sum.finalize())));
    }
    writer.close().unwrap();
}

/// Adds the pages of a chunk to the checksum of a file's index.
pub fn add(checksum: &mut crc32fast::Hasher, start: i64, pages: &[PageLocation]) {
    for page in pages {
        checksum.update(&(page.offset - start).to_le_bytes());
        checksum.update(&page.compressed_page_size.to_le_bytes());
        checksum.update(&page.first_row_index.to_le_bytes());
    }
}

/// A page with its checksum: the fourth field of its header, of which the first
/// three are numbers.
fn sealed_page(page: &[u8], headers: &mut crc32fast::Hasher) -> Vec<u8> {
    let mut place = 0;
    let number = |place: &mut usize| {
        let first = *place + 1;
        *place = first + page[first..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
        page[first..*place].iter().rev().fold(0_u64, |value, byte| value << 7 | u64::from(byte & 0x7f)) >> 1
    };
    number(&mut place);
    number(&mut place);
    let length = number(&mut place) as usize;
    let data = &page[page.len() - length..];
    let mut sealed = page[..place].to_vec();
    sealed.extend(checksum_field(data));
    // The field that follows is one nearer, unless there was a checksum before.
    if page[place] == 0x15 {
        number(&mut place);
        sealed.push(page[place]);
    } else {
        sealed.push(page[place] - 0x10);
    }
    sealed.extend(&page[place + 1..]);
    headers.update(&sealed[..sealed.len() - length]);
    sealed
}

/// The field of a page's header with its checksum, in Thrift's compact protocol.
pub fn checksum_field(data: &[u8]) -> Vec<u8> {
    let checksum = crc32fast::hash(data) as i32;
    let mut rest = ((checksum << 1) ^ (checksum >> 31)) as u32;
    let mut field = vec![0x15];
    while rest >= 0x80 {
        field.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    field.push(rest as u8);
    field
}
