//! Numbers of a volume: a list, or an object with a number for each index, which is how browsers
//! write an array of floats.

use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// The numbers, each written with as few digits as give it back.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub(super) struct Numbers(pub(super) Vec<f32>);

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Numbers;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("numbers, or an object with a number for each index")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Numbers, A::Error> {
        let mut numbers = Vec::new();
        while let Some(number) = list.next_element::<f32>()? {
            push(&mut numbers, number)?;
        }
        Ok(Numbers(numbers))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Numbers, A::Error> {
        let mut numbers = Vec::new();
        while let Some((index, number)) = map.next_entry::<String, f32>()? {
            if index != numbers.len().to_string() {
                let found: String = index.chars().take(20).collect();
                return Err(A::Error::custom(format!("expected the number {}, found `{found}`", numbers.len())));
            }
            push(&mut numbers, number)?;
        }
        Ok(Numbers(numbers))
    }
}

fn push<E: Error>(numbers: &mut Vec<f32>, number: f32) -> Result<(), E> {
    if !number.is_finite() {
        return Err(E::custom(format!("expected numbers that float32 can hold, found another at {}", numbers.len())));
    }
    numbers.push(number);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_and_an_object_of_indices_are_the_same_numbers() {
        let read = |text: &str| serde_json::from_str::<Numbers>(text);
        let list = read("[0.1, -2, 3e-9]").unwrap();
        assert_eq!(read("{\"0\":0.1,\"1\":-2,\"2\":3e-9}").unwrap(), list);
        for bad in ["[null]", "[1e300]", "{\"1\":0.1}", "{\"0\":1,\"0\":2}", "3", "[\"a\"]"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_number_is_written_so_that_it_comes_back_to_the_bit() {
        let mut bits = 0x0000_0001_u32;
        for _ in 0..100_000 {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let number = f32::from_bits(bits);
            if !number.is_finite() {
                continue;
            }
            let text = serde_json::to_string(&Numbers(vec![number])).unwrap();
            let read: Numbers = serde_json::from_str(&text).unwrap();
            assert_eq!(read.0[0].to_bits(), bits, "{text}");
        }
    }
}
