//! The headers of Parquet pages, in Thrift's compact protocol, as far as they
//! say how much memory a page takes, and what its encoding and its checksum are. The Parquet library keeps its own reader
//! of them to itself, and reserves what they claim.
//!
//! Source: the Thrift compact protocol's specification, and `parquet.thrift`
//! of the Parquet format.

/// Structures within structures that are followed.
const DEEPEST: u32 = 16;

/// What a page's header claims.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageHeader {
    pub(crate) is_dictionary: bool,
    /// Bytes once decompressed, levels and all.
    pub(crate) uncompressed_bytes: u64,
    /// Bytes that follow the header.
    pub(crate) compressed_bytes: u64,
    /// CRC-32 of those bytes, where there is one.
    pub(crate) checksum: Option<u32>,
    /// Values, nulls included: entries of a column of lists.
    pub(crate) values: u64,
    pub(crate) encoding: u64,
    /// Encodings of the levels; none of a dictionary.
    pub(crate) level_encodings: [Option<u64>; 2],
    /// Bytes of the header itself.
    pub(crate) length: usize,
}

impl PageHeader {
    /// Reads the header that a page begins with; `None` where it makes no
    /// sense.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader { bytes };
        let mut header = Self::default();
        let (mut of_data, mut of_dictionary, mut of_data_2) = (None, None, None);
        let mut kind = None;
        reader.fields(|reader, field, of| {
            match (field, of) {
                (1, I32) => kind = Some(reader.number()?),
                (2, I32) => header.uncompressed_bytes = reader.number()?,
                (3, I32) => header.compressed_bytes = reader.number()?,
                (4, I32) => header.checksum = Some(i32::try_from(reader.signed()?).ok()? as u32),
                (5, STRUCT) => of_data = Some(reader.counts(2)?),
                (7, STRUCT) => of_dictionary = Some(reader.counts(2)?),
                (8, STRUCT) => of_data_2 = Some(reader.counts(4)?),
                _ => reader.skip(of, DEEPEST)?,
            }
            Some(())
        })?;
        header.is_dictionary = kind? == 2;
        let counts = match kind? {
            0 => of_data,
            2 => of_dictionary,
            3 => of_data_2,
            _ => None,
        };
        let Counts { values, encoding, others } = counts?;
        (header.values, header.encoding) = (values, encoding);
        if kind == Some(0) {
            header.level_encodings = others;
        }
        header.length = bytes.len() - reader.bytes.len();
        Some(header)
    }
}

/// The number of page locations that an offset index claims; `None` where it
/// makes no sense.
pub(crate) fn page_locations(bytes: &[u8]) -> Option<u64> {
    let mut reader = Reader { bytes };
    let header = reader.byte()?;
    // The first field, a list of structures.
    if header != 0x10 | LIST { None } else { reader.list().map(|(count, _)| count) }
}

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// What a page's own header claims.
struct Counts {
    values: u64,
    encoding: u64,
    /// The two numbers after the encoding.
    others: [Option<u64>; 2],
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(first)
    }

    fn take(&mut self, count: u64) -> Option<()> {
        self.bytes = self.bytes.get(usize::try_from(count).ok()?..)?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A number that is not below zero.
    fn number(&mut self) -> Option<u64> {
        u64::try_from(self.signed()?).ok()
    }

    /// Goes through a structure's fields: number and type.
    fn fields(&mut self, mut each: impl FnMut(&mut Self, i64, u8) -> Option<()>) -> Option<()> {
        let mut field = 0_i64;
        loop {
            let header = self.byte()?;
            if header == 0 {
                return Some(());
            }
            field = match header >> 4 {
                0 => self.signed()?,
                delta => field.checked_add(i64::from(delta))?,
            };
            each(self, field, header & 0xf)?;
        }
    }

    /// The first field of a page's own header, its number of values, its
    /// encoding, which is another, and the two after that.
    fn counts(&mut self, encoding: i64) -> Option<Counts> {
        let (mut values, mut encoded, mut others) = (None, None, [None; 2]);
        self.fields(|reader, field, of| {
            match (field, of) {
                (1, I32) => values = Some(reader.number()?),
                (field, I32) if field == encoding => encoded = Some(reader.number()?),
                (field, I32) if field == encoding + 1 => others[0] = Some(reader.number()?),
                (field, I32) if field == encoding + 2 => others[1] = Some(reader.number()?),
                _ => reader.skip(of, DEEPEST)?,
            }
            Some(())
        })?;
        Some(Counts { values: values?, encoding: encoded?, others })
    }

    /// Length and element type.
    fn list(&mut self) -> Option<(u64, u8)> {
        let header = self.byte()?;
        let count = if header >> 4 == 15 { self.varint()? } else { u64::from(header >> 4) };
        Some((count, header & 0xf))
    }

    fn skip(&mut self, of: u8, depth: u32) -> Option<()> {
        let deeper = depth.checked_sub(1)?;
        match of {
            TRUE | FALSE => Some(()),
            BYTE => self.take(1),
            I16 | I32 | I64 => self.varint().map(drop),
            DOUBLE => self.take(8),
            BINARY => {
                let length = self.varint()?;
                self.take(length)
            }
            LIST | SET => {
                let (count, of) = self.list()?;
                // Each takes a byte at least.
                (count <= self.bytes.len() as u64).then_some(())?;
                (0..count).try_for_each(|_| self.element(of, deeper))
            }
            MAP => {
                let count = self.varint()?;
                (count <= self.bytes.len() as u64).then_some(())?;
                if count == 0 {
                    return Some(());
                }
                let kinds = self.byte()?;
                (0..count).try_for_each(|_| {
                    self.element(kinds >> 4, deeper)?;
                    self.element(kinds & 0xf, deeper)
                })
            }
            STRUCT => self.fields(|reader, _, of| reader.skip(of, deeper)),
            _ => None,
        }
    }

    /// [`skip`](Self::skip) within a list, where truth takes a byte.
    fn element(&mut self, of: u8, depth: u32) -> Option<()> {
        if matches!(of, TRUE | FALSE) { self.take(1) } else { self.skip(of, depth) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A data page: type 0, 1,000 bytes, 90 compressed, 300 values, encoding 9,
    /// levels RLE, with statistics that are skipped.
    const DATA: [u8; 24] = [
        0x15, 0, 0x15, 0xd0, 0x0f, 0x15, 0xb4, 0x01, 0x2c, 0x15, 0xd8, 0x04, 0x15, 0x12, 0x15, 6, 0x15, 6, 0x1c, 0x18,
        0, 0, 0, 0,
    ];

    #[test]
    fn a_header_says_what_its_page_takes() {
        let header = PageHeader {
            is_dictionary: false,
            uncompressed_bytes: 1000,
            compressed_bytes: 90,
            checksum: None,
            values: 300,
            encoding: 9,
            level_encodings: [Some(3), Some(3)],
            length: 24,
        };
        assert_eq!(PageHeader::read(&DATA), Some(header));
        // The same with a checksum, and the field after it one step nearer.
        let mut with_checksum = DATA.to_vec();
        with_checksum.splice(8..9, [0x15, 1, 0x1c]);
        let header = PageHeader { checksum: Some(u32::MAX), length: 26, ..header };
        assert_eq!(PageHeader::read(&with_checksum), Some(header));
        // A dictionary: type 2, 20 bytes, field 7, 5 values, plain.
        let dictionary = [0x15, 4, 0x15, 40, 0x15, 40, 0x4c, 0x15, 10, 0x15, 0, 0, 0];
        let header = PageHeader {
            is_dictionary: true,
            uncompressed_bytes: 20,
            compressed_bytes: 20,
            values: 5,
            length: 13,
            ..PageHeader::default()
        };
        assert_eq!(PageHeader::read(&dictionary), Some(header));
    }

    #[test]
    fn what_makes_no_sense_is_no_header() {
        for length in 0..DATA.len() {
            assert_eq!(PageHeader::read(&DATA[..length]), None, "{length}");
        }
        // Deeper and deeper, and a list longer than the file.
        assert_eq!(PageHeader::read(&[0x1c; 100_000]), None);
        assert_eq!(PageHeader::read(&[0xf9, 0xf3, 0xff, 0xff, 0xff, 0x07]), None);
        assert_eq!(PageHeader::read(&[0x15, 0, 0x15, 1]), None, "fewer than no bytes");
        assert_eq!(page_locations(&[0x19, 0x2c, 0x16]), Some(2));
        assert_eq!(page_locations(&[0x19, 0xfc, 0x80, 0x80, 0x80, 0x80, 4]), Some(1 << 30));
        assert_eq!(page_locations(&[0x15, 2]), None);
    }
}
