//! Canonical JSON (RFC 8785), written in one pass: one value has one byte string, so digests and records can be
//! compared.
//!
//! The bytes are those of `serde_jcs`, which the property tests below hold. That one fills a buffer and a map for every
//! object, and most of what reading a story costs is writing its records again to see that they are canonical.

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::cell::RefCell;
use std::cmp::Ordering;
use std::io::{self, Write};

/// Integers up to here are written alike as integers and as the doubles that RFC 8785 knows (section 3.2.2.3).
const EXACT_MAX: u64 = 1 << 53;
/// Room to begin with, in bytes: most records fit.
const FIRST_BYTES: usize = 1024;

/// Canonical bytes of a value.
///
/// # Errors
/// When the value can't be JSON: a map whose keys are no strings.
pub(crate) fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let out = RefCell::new(Vec::with_capacity(FIRST_BYTES));
    let sorting = Sorting {
        out: &out,
        objects: Vec::new(),
    };
    value.serialize(&mut Serializer::with_formatter(Shared(&out), sorting))?;
    Ok(out.into_inner())
}

/// The written bytes, which the formatter sorts in place.
struct Shared<'a>(&'a RefCell<Vec<u8>>);

impl Write for Shared<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where a member of an object was written: its quoted key, and all of it.
struct Member {
    start: usize,
    key_end: usize,
    end: usize,
}

/// Writes compactly, and puts the members of an object in order when it ends.
struct Sorting<'a> {
    out: &'a RefCell<Vec<u8>>,
    /// The objects that are open, the innermost last.
    objects: Vec<Vec<Member>>,
}

impl Sorting<'_> {
    fn member(&mut self) -> &mut Member {
        let object = self.objects.last_mut();
        object
            .and_then(|members| members.last_mut())
            .expect("because a key begins before it ends and before its value")
    }
}

impl Formatter for Sorting<'_> {
    fn begin_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.objects.push(Vec::new());
        writer.write_all(b"{")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        let start = self.out.borrow().len();
        let members = self.objects.last_mut();
        members.expect("because keys are in an object").push(Member {
            start,
            key_end: start,
            end: start,
        });
        Ok(())
    }

    fn end_object_key<W: Write + ?Sized>(&mut self, _writer: &mut W) -> io::Result<()> {
        self.member().key_end = self.out.borrow().len();
        Ok(())
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, _writer: &mut W) -> io::Result<()> {
        self.member().end = self.out.borrow().len();
        Ok(())
    }

    fn end_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        let members = self
            .objects
            .pop()
            .expect("because an object begins before it ends");
        sort(&mut self.out.borrow_mut(), members);
        writer.write_all(b"}")
    }

    fn write_u64<W: Write + ?Sized>(&mut self, writer: &mut W, value: u64) -> io::Result<()> {
        match value <= EXACT_MAX {
            true => write!(writer, "{value}"),
            false => number(writer, &value),
        }
    }

    fn write_i64<W: Write + ?Sized>(&mut self, writer: &mut W, value: i64) -> io::Result<()> {
        match value.unsigned_abs() <= EXACT_MAX {
            true => write!(writer, "{value}"),
            false => number(writer, &value),
        }
    }

    fn write_u128<W: Write + ?Sized>(&mut self, writer: &mut W, value: u128) -> io::Result<()> {
        number(writer, &value)
    }

    fn write_i128<W: Write + ?Sized>(&mut self, writer: &mut W, value: i128) -> io::Result<()> {
        number(writer, &value)
    }

    fn write_f32<W: Write + ?Sized>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        number(writer, &value)
    }

    fn write_f64<W: Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        number(writer, &value)
    }
}

/// A number that isn't a small integer, in the spelling of ECMAScript.
fn number<W: Write + ?Sized, N: Serialize>(writer: &mut W, value: &N) -> io::Result<()> {
    writer.write_all(&serde_jcs::to_vec(value).map_err(io::Error::other)?)
}

/// Puts the last object's members in the order of their keys; of two with the same key the later one stays.
fn sort(out: &mut Vec<u8>, mut members: Vec<Member>) {
    let Some(first) = members.first().map(|member| member.start) else {
        return;
    };
    let key = |member: &Member| member.start - first + 1..member.key_end - first - 1;
    let compare = |old: &[u8], a: &Member, b: &Member| order(&old[key(a)], &old[key(b)]);
    let written = &out[first..];
    if members.is_sorted_by(|a, b| compare(written, a, b) == Ordering::Less) {
        return;
    }
    let old = out.split_off(first);
    members.sort_by(|a, b| compare(&old, a, b));
    let mut members = members.iter().peekable();
    while let Some(member) = members.next() {
        let next = members.peek();
        if next.is_some_and(|next| compare(&old, member, next) == Ordering::Equal) {
            continue;
        }
        out.extend_from_slice(&old[member.start - first..member.end - first]);
        if next.is_some() {
            out.push(b',');
        }
    }
}

/// The order of two keys as they are between their quotes: that of their UTF-16 code units (RFC 8785 section 3.2.3).
fn order(a: &[u8], b: &[u8]) -> Ordering {
    let plain = |key: &[u8]| key.iter().all(|byte| byte.is_ascii() && *byte != b'\\');
    if plain(a) && plain(b) {
        return a.cmp(b);
    }
    units(a).cmp(&units(b))
}

fn units(key: &[u8]) -> Vec<u16> {
    let quoted = [b"\"", key, b"\""].concat();
    let text: String = serde_json::from_slice(&quoted).expect("because it was written as JSON text just now");
    text.encode_utf16().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (0..200_u64).prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 60, 6, |inner| {
            let key = prop_oneof!["[a-c]{0,3}", any::<String>(), "[\u{e000}-\u{10ffff}]{1,2}"];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec((key, inner), 0..6)
                    .prop_map(|members| Value::Object(Map::from_iter(members))),
            ]
        })
    }

    /// Members in the order in which they are given.
    struct Given(Vec<(String, Value)>);

    impl Serialize for Given {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
        }
    }

    proptest! {
        #[test]
        fn the_bytes_are_those_of_the_reference(value in any_value()) {
            prop_assert_eq!(to_vec(&value).unwrap(), serde_jcs::to_vec(&value).unwrap());
        }

        #[test]
        fn members_are_sorted_whatever_their_order(
            members in proptest::collection::vec((any::<String>(), any_value()), 0..8),
        ) {
            let given = Given(members);
            prop_assert_eq!(to_vec(&given).unwrap(), serde_jcs::to_vec(&given).unwrap());
        }

        #[test]
        fn short_keys_that_repeat_are_written_once(
            members in proptest::collection::vec(("[ab]{0,2}", 0..9_u8), 0..8),
        ) {
            let given = Given(members.into_iter().map(|(key, value)| (key, Value::from(value))).collect());
            prop_assert_eq!(to_vec(&given).unwrap(), serde_jcs::to_vec(&given).unwrap());
        }
    }

    #[test]
    fn keys_are_in_the_order_of_their_utf_16_units() {
        // The example of RFC 8785 section 3.2.3.
        let value = json!({
            "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh",
            "1": "One", "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control",
            "\u{f6}": "Latin Small Letter O With Diaeresis",
        });
        let text = String::from_utf8(to_vec(&value).unwrap()).unwrap();
        let place = |word: &str| text.find(word).unwrap();
        let words = ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"];
        assert!(words.is_sorted_by_key(|word| place(word)), "{text}");
    }

    #[test]
    fn numbers_are_spelled_as_ecmascript_does() {
        let value = json!([9_007_199_254_740_992_u64, u64::MAX, i64::MIN, -3, 1e30, 0.5]);
        let text = String::from_utf8(to_vec(&value).unwrap()).unwrap();
        assert_eq!(
            text,
            "[9007199254740992,18446744073709552000,-9223372036854776000,-3,1e+30,0.5]"
        );
    }
}
