//! The dotted paths of all settings, told by the types themselves: deserialising a type asks for its fields by name.

use std::cell::Cell;

use serde::de::value::{Error, StrDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, Visitor,
};

/// One setting, or a group of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setting {
    /// Dotted path, such as `train.epochs`.
    pub path: String,
    /// How its value is written.
    pub kind: Kind,
}

/// How the value of a setting is written after `path=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// As it is: names, paths, and the variants of enumerations.
    Text,
    /// As JSON: numbers, lists, groups of settings.
    Json,
}

/// The settings of a type that lies at `path`, groups and what is inside them. What a list or an enumeration with content holds
/// has no path.
pub fn settings<T: DeserializeOwned>(path: &str) -> Vec<Setting> {
    let mut found = Vec::new();
    collect::<T>(path, &mut Vec::new(), &mut found);
    found
}

fn collect<T: DeserializeOwned>(path: &str, inside: &mut Vec<&'static str>, found: &mut Vec<Setting>) {
    let shape = Cell::new(Shape::Json);
    // Ends in an error by design, as soon as the shape is told.
    T::deserialize(Probe { inside, shape: &shape }).err();
    for field in shape.get().fields() {
        let path = if path.is_empty() { (*field).to_owned() } else { format!("{path}.{field}") };
        inside.push(field);
        collect::<T>(&path, inside, found);
        inside.pop();
    }
    let kind = if matches!(shape.get(), Shape::Text) { Kind::Text } else { Kind::Json };
    if !path.is_empty() {
        found.push(Setting { path: path.to_owned(), kind });
    }
}

/// What a type asks for.
#[derive(Clone, Copy)]
enum Shape {
    Fields(&'static [&'static str]),
    Text,
    Json,
}

impl Shape {
    fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Fields(fields) => fields,
            _ => &[],
        }
    }
}

/// A deserializer that goes down the fields `inside`, notes what the type there asks for, and gives nothing.
struct Probe<'a> {
    inside: &'a [&'static str],
    shape: &'a Cell<Shape>,
}

impl Probe<'_> {
    fn tell<T>(self, shape: Shape) -> Result<T, Error> {
        if self.inside.is_empty() {
            self.shape.set(shape);
        }
        Err(Error::custom("a probe has no values"))
    }
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.inside.is_empty() { self.tell(Shape::Fields(fields)) } else { visitor.visit_map(self) }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.tell(Shape::Text)
    }

    fn deserialize_str<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        self.tell(Shape::Text)
    }

    fn deserialize_string<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        self.tell(Shape::Text)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        self.tell(Shape::Text)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        self.tell(Shape::Json)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple tuple_struct map
        ignored_any
    }
}

/// The one field that the probe goes down.
impl<'de> MapAccess<'de> for Probe<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(field) = self.inside.first() else { return Ok(None) };
        let field: StrDeserializer<'_, Error> = field.into_deserializer();
        seed.deserialize(field).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(Probe { inside: self.inside.get(1..).unwrap_or_default(), shape: self.shape })
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the names count")]
    struct Outer {
        count: usize,
        #[serde(default)]
        inner: Option<Inner>,
        pair: Vec<(String, f64)>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only the names count")]
    struct Inner {
        #[serde(rename = "T_max")]
        t_max: f64,
        unit: Option<Unit>,
    }

    #[derive(Deserialize)]
    enum Unit {
        Percent,
    }

    #[test]
    fn every_field_has_a_path() {
        let found = settings::<Outer>("at");
        let found: Vec<(&str, Kind)> =
            found.iter().map(|setting| (&setting.path[..], setting.kind)).collect();
        let expected = [
            ("at.count", Kind::Json),
            ("at.inner.T_max", Kind::Json),
            ("at.inner.unit", Kind::Text),
            ("at.inner", Kind::Json),
            ("at.pair", Kind::Json),
            ("at", Kind::Json),
        ];
        assert_eq!(found, expected);
    }
}
