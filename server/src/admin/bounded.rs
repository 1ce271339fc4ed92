//! Reads an array of JSON that has a bound: a longer one is refused at its first item too many, and
//! not after all are in memory.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};

/// Reads at most `MAX` items.
///
/// # Errors
///
/// There are more, or one of them is not valid.
pub(super) fn items<'de, D, T, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_seq(Items::<T, MAX>(PhantomData))
}

struct Items<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Items<T, MAX> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of at most {MAX}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
        let mut read = Vec::new();
        while let Some(item) = items.next_element()? {
            if read.len() == MAX {
                return Err(A::Error::custom(format_args!("there are more than {MAX}")));
            }
            read.push(item);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Eq)]
    struct Three(#[serde(deserialize_with = "items::<_, _, 3>")] Vec<u8>);

    #[test]
    fn an_array_is_read_up_to_its_bound() {
        assert_eq!(serde_json::from_str::<Three>("[1,2,3]").unwrap(), Three(vec![1, 2, 3]));
        // What comes after the item too many is not looked at.
        let error = serde_json::from_str::<Three>("[1,2,3,4,\"").unwrap_err();
        assert!(error.to_string().contains("more than 3"), "{error}");
    }
}
