//! JSON values in which no name occurs twice within an object: a map would silently keep one of the two.

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};
use std::fmt;

/// Repetitions that are told at once; a body has room for a hundred thousand.
const NOTED_MAX: usize = 32;

/// The JSON pointers (RFC 6901) of the names that the reader met again. They are put together from the inside
/// out, so that a text without repetitions pays nothing for them.
#[derive(Debug, Default)]
pub(crate) struct Repetitions {
    pub(crate) pointers: Vec<String>,
}

impl Repetitions {
    /// Reads the value that stands under a name, which `name` tells when it is needed.
    pub(crate) fn below<T, E>(
        &mut self,
        name: impl Fn() -> String,
        read: impl FnOnce(Strict<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let before = self.pointers.len();
        let value = read(Strict(self))?;
        for inner in self.pointers.iter_mut().skip(before) {
            inner.insert_str(0, &pointer(&name()));
        }
        Ok(value)
    }

    fn note(&mut self, name: &str) {
        if self.pointers.len() < NOTED_MAX {
            self.pointers.push(pointer(name));
        }
    }
}

/// The JSON pointer of a name, cut where the name is absurdly long.
pub(crate) fn pointer(name: &str) -> String {
    let name: String = name.chars().take(128).collect();
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// A value, read strictly.
#[derive(Debug)]
pub(crate) struct Strict<'a>(&'a mut Repetitions);

/// Reads a text, in which no name may be repeated.
///
/// # Errors
/// Text that is not JSON, or in which a name is repeated.
pub(crate) fn from_text(text: &str) -> Result<Value, serde_json::Error> {
    struct Whole(Value);
    impl<'de> Deserialize<'de> for Whole {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let mut repetitions = Repetitions::default();
            let value = Strict(&mut repetitions).deserialize(deserializer)?;
            match repetitions.pointers.first() {
                Some(pointer) => Err(D::Error::custom(format!("`{pointer}` is given more than once"))),
                None => Ok(Self(value)),
            }
        }
    }
    serde_json::from_str::<Whole>(text).map(|whole| whole.0)
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("the number is too large"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let index = items.len();
            match self.0.below(|| index.to_string(), |strict| list.next_element_seed(strict))? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            let value = self.0.below(|| name.clone(), |strict| object.next_value_seed(strict))?;
            match map.entry(name) {
                Entry::Vacant(entry) => drop(entry.insert(value)),
                Entry::Occupied(mut entry) => {
                    self.0.note(entry.key());
                    entry.insert(value);
                }
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::from_text;
    use serde_json::Value;

    #[test]
    fn values_are_those_of_any_other_reader() {
        let text = r#"{"a":[1,-2,1.5,1e300,18446744073709551615,18446744073709551616],"b":{"c":null,"d":[true,{}]},
                       "e":"\u00e4\n","z":"","":[[]]}"#;
        assert_eq!(from_text(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        for text in ["", "{", "1e999", "[1,]", "{} {}", "{\"a\":nul}"] {
            assert!(from_text(text).is_err(), "{text}");
        }
        let (deep, fine) = ("[".repeat(100_000), format!("{}{}", "[".repeat(100), "]".repeat(100)));
        assert!(from_text(&deep).is_err() && from_text(&fine).is_ok());
    }

    #[test]
    fn a_repeated_name_is_told_with_its_place() {
        for (text, pointer) in [
            (r#"{"a":1,"a":1}"#, "`/a`"),
            (r#"{"a":[{},{"b":1,"c":2,"b":3}]}"#, "`/a/1/b`"),
            (r#"{"a":{"b~/c":{},"b~/c":{}}}"#, "`/a/b~0~1c`"),
            (r#"{"a":1,"\u0061":2}"#, "`/a`"),
        ] {
            let error = from_text(text).unwrap_err().to_string();
            assert!(error.contains(pointer), "{text}: {error}");
        }
        assert!(from_text(r#"{"a":{"b":1},"c":{"b":1},"d":[{"b":1},{"b":2}],"A":1}"#).is_ok());
    }
}
