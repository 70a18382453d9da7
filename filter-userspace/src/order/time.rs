//! Dates, times and durations of the order file (ISO 8601), exact to the second.
//!
//! A time always carries its UTC offset: blocking too early is as wrong as too late, and a time without an offset does
//! not say when. Where a bare date stands for a time, it is that day's first second in UTC.

use std::fmt;

use jiff::civil::Date;
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp};
use serde::de::{Error as _, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

/// When an order was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The instant.
    pub at: Timestamp,
    /// The offset it was written with; days of a deadline are counted by it.
    pub offset: Offset,
}

impl Received {
    /// The instant a duration after it.
    pub(super) fn plus(self, span: Span) -> Option<Timestamp> {
        let zoned = self.at.to_zoned_datetime(TimeZone::fixed(self.offset));
        zoned.checked_add(span).ok().map(|zoned| zoned.timestamp())
    }
}

/// When effect must be given.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deadline {
    /// So long after the order was received.
    After(Span),
    /// At this time.
    At(Timestamp),
}

/// A date, or a time with its offset, as the file has it.
#[derive(Clone, Copy, Debug)]
enum Stamp {
    Date(Date),
    Time(Received),
}

/// Text of a string or of a TOML date-time.
struct StampText(String);

impl<'de> Deserialize<'de> for StampText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StampText, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = StampText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date or a time with its UTC offset, such as \"2022-07-18T00:00:00+02:00\"")
            }

            fn visit_str<E>(self, text: &str) -> Result<StampText, E> {
                Ok(StampText(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<StampText, A::Error> {
                let datetime = toml::value::Datetime::deserialize(MapAccessDeserializer::new(map))?;
                Ok(StampText(datetime.to_string()))
            }
        }
        deserializer.deserialize_any(Texts)
    }
}

fn stamp(text: &str) -> Result<Stamp, String> {
    let wrong = || {
        format!(
            "`{text}` is neither a date nor a time; expected such as 2022-07-18 or 2022-07-18T00:00:00+02:00; correct it"
        )
    };
    let pieces = DateTimeParser::new().parse_pieces(text).map_err(|_| wrong())?;
    let Some(time) = pieces.time() else {
        return if text.len() == 10 { Ok(Stamp::Date(pieces.date())) } else { Err(wrong()) };
    };
    let Some(offset) = pieces.to_numeric_offset() else {
        return Err(format!("the time `{text}` has no UTC offset; expected one such as +02:00 or Z; add it"));
    };
    let at = offset.to_timestamp(pieces.date().to_datetime(time)).map_err(|_| wrong())?;
    Ok(Stamp::Time(Received { at, offset }))
}

fn first_second(date: Date) -> Result<Received, String> {
    let at = Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).map_err(|error| error.to_string())?;
    Ok(Received { at, offset: Offset::UTC })
}

/// A day.
pub(super) fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
    let StampText(text) = StampText::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    match stamp(&text).map_err(D::Error::custom)? {
        Stamp::Date(date) => Ok(Some(date)),
        Stamp::Time(time) => Ok(Some(time.at.to_zoned_datetime(TimeZone::fixed(time.offset)).date())),
    }
}

/// A time, or a day for its first second in UTC.
pub(super) fn received<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Received>, D::Error> {
    let StampText(text) = StampText::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    match stamp(&text).map_err(D::Error::custom)? {
        Stamp::Date(date) => first_second(date).map(Some).map_err(D::Error::custom),
        Stamp::Time(time) => Ok(Some(time)),
    }
}

/// A time that decides, so a day alone is refused.
pub(super) fn exact<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let StampText(text) = StampText::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    exact_time(&text).map(Some).map_err(D::Error::custom)
}

fn exact_time(text: &str) -> Result<Timestamp, String> {
    match stamp(text)? {
        Stamp::Time(time) => Ok(time.at),
        Stamp::Date(date) => Err(format!(
            "`{text}` is a day; expected a time, which says when that day begins; write such as {date}T00:00:00+02:00"
        )),
    }
}

/// An ISO 8601 duration, or a time.
pub(super) fn deadline<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Deadline>, D::Error> {
    let StampText(text) = StampText::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    if !text.starts_with('P') {
        return exact_time(&text).map(|at| Some(Deadline::At(at))).map_err(D::Error::custom);
    }
    let span = text.parse::<Span>().map_err(|_| {
        D::Error::custom(format!(
            "`{text}` is not a duration; expected ISO 8601 such as \"P30D\" or \"PT30M\"; correct it"
        ))
    })?;
    Ok(Some(Deadline::After(span)))
}

/// The first second of a day, in UTC.
pub(super) fn day_start(date: Date) -> Option<Timestamp> {
    first_second(date).ok().map(|received| received.at)
}
