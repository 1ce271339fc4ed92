//! Rows that a statement returned.

use std::{fmt, ops::Range, sync::Arc};

use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::{DataRowBody, RowDescriptionBody};
use postgres_types::{FromSql, Kind, Type};

use crate::store::postgres::error::{ProtocolError, QueryError};

/// The types of a statement's columns.
pub(super) type Columns = Arc<[Type]>;

/// Reads the types of the columns from a statement's description.
pub(super) fn columns(body: &RowDescriptionBody) -> Result<Columns, ProtocolError> {
    let mut columns = Vec::new();
    let mut fields = body.fields();
    while let Some(field) = fields.next().map_err(|error| ProtocolError::new(&error))? {
        // Types that the library does not know are read by nobody.
        columns.push(Type::from_oid(field.type_oid()).unwrap_or(Type::UNKNOWN));
    }
    Ok(columns.into())
}

/// What a statement did, by its command tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tag {
    /// The transaction is committed.
    Commit,
    /// The transaction is rolled back, also as the answer to a COMMIT.
    Rollback,
    /// Any other statement.
    #[default]
    Other,
}

/// Memory of a row beside its bytes, and of each of its values.
const ROW_BYTES: usize = size_of::<DataRowBody>();
const VALUE_BYTES: usize = size_of::<Option<Range<usize>>>();

/// The result of one statement.
#[derive(Clone, Default)]
pub struct Rows {
    columns: Option<Columns>,
    /// The rows as they came.
    bodies: Vec<DataRowBody>,
    /// Where each value stands in its row's bytes, row by row; `None` for NULL.
    values: Vec<Option<Range<usize>>>,
    affected: u64,
    tag: Tag,
}

impl Rows {
    pub(super) fn new(columns: Option<Columns>) -> Self {
        Self { columns, ..Self::default() }
    }

    /// Adds a row, and returns the bytes that it takes.
    pub(super) fn push(&mut self, body: DataRowBody) -> Result<usize, ProtocolError> {
        let expected = self.width();
        let before = self.values.len();
        let mut ranges = body.ranges();
        while let Some(range) = ranges.next().map_err(|error| ProtocolError::new(&error))? {
            self.values.push(range);
        }
        if expected == 0 || self.values.len() - before != expected {
            return Err(ProtocolError::new(&"a row with other columns than described"));
        }
        let bytes = body.buffer().len() + ROW_BYTES + expected * VALUE_BYTES;
        self.bodies.push(body);
        Ok(bytes)
    }

    pub(super) fn complete(&mut self, tag: &str) {
        self.affected = tag.rsplit(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0);
        self.tag = match tag {
            "COMMIT" => Tag::Commit,
            "ROLLBACK" => Tag::Rollback,
            _ => Tag::Other,
        };
    }

    pub(super) fn tag(&self) -> Tag {
        self.tag
    }

    fn width(&self) -> usize {
        self.columns.as_ref().map_or(0, |columns| columns.len())
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bodies.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bodies.is_empty()
    }

    /// Number of rows that the statement inserted, updated, deleted or selected.
    #[must_use]
    pub fn affected(&self) -> u64 {
        self.affected
    }

    /// The rows in their order.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        let width = self.width().max(1);
        let columns = self.columns.as_deref().unwrap_or_default();
        let values = self.values.chunks(width);
        self.bodies.iter().zip(values).map(move |(body, values)| Row {
            columns,
            bytes: body.buffer(),
            values,
        })
    }

    /// The first row.
    #[must_use]
    pub fn first(&self) -> Option<Row<'_>> {
        self.iter().next()
    }

    /// The only row.
    ///
    /// # Errors
    ///
    /// There is none, or there are several: [`QueryError::Fatal`].
    pub fn one(&self) -> Result<Row<'_>, QueryError> {
        match (self.first(), self.len()) {
            (Some(row), 1) => Ok(row),
            (_, rows) => Err(QueryError::Fatal(format!("{rows} rows instead of one").into())),
        }
    }
}

/// Leaves the values out: they are mail.
impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("rows", &self.len()).field("affected", &self.affected).finish()
    }
}

/// A row.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    columns: &'a [Type],
    bytes: &'a [u8],
    values: &'a [Option<Range<usize>>],
}

impl<'a> Row<'a> {
    /// The value of a column, counted from 0. NULL is read as an `Option`.
    ///
    /// # Errors
    ///
    /// There is no such column, or its value is of another type: [`QueryError::Fatal`].
    pub fn get<T: FromSql<'a>>(&self, index: usize) -> Result<T, QueryError> {
        let unreadable = |reason: &dyn fmt::Display| {
            QueryError::Fatal(format!("column {index} of a result: {reason}").into())
        };
        let (Some(column), Some(value)) = (self.columns.get(index), self.values.get(index)) else {
            return Err(unreadable(&"there is no such column"));
        };
        if !T::accepts(column) {
            return Err(unreadable(&format_args!("it has the type {column}")));
        }
        let value = value.clone().and_then(|range| self.bytes.get(range));
        if value.is_some_and(|value| claims_too_much(column, value)) {
            return Err(unreadable(&"an array with a false length"));
        }
        T::from_sql_nullable(column, value).map_err(|error| unreadable(&error))
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("columns", &self.columns).finish_non_exhaustive()
    }
}

/// Whether an array claims to have more elements than its bytes can hold. The library would make
/// room for them before it reads them.
fn claims_too_much(column: &Type, value: &[u8]) -> bool {
    if !matches!(column.kind(), Kind::Array(_)) {
        return false;
    }
    let word = |index: usize| {
        let bytes = value.get(index * 4..)?.first_chunk::<4>()?;
        Some(i32::from_be_bytes(*bytes))
    };
    // Dimensions, NULLs, the type; of each dimension, its length and its lower bound.
    let dimensions = word(0).and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
    let most = value.len() / 4;
    if dimensions > most {
        return true;
    }
    let lengths = (0..dimensions).map(|dimension| word(3 + 2 * dimension).unwrap_or(i32::MAX));
    let elements = lengths.map(|length| usize::try_from(length).unwrap_or(0));
    elements.fold(1usize, usize::saturating_mul) > most.max(1)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use postgres_protocol::message::backend::Message;
    use postgres_types::{IsNull, ToSql};

    use super::*;

    fn body(values: &[Option<&[u8]>]) -> DataRowBody {
        let mut content = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
        for value in values {
            let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap());
            content.extend(length.to_be_bytes());
            content.extend(value.unwrap_or_default());
        }
        let mut bytes = BytesMut::from(&b"D"[..]);
        bytes.extend_from_slice(&u32::try_from(content.len() + 4).unwrap().to_be_bytes());
        bytes.extend_from_slice(&content);
        match Message::parse(&mut bytes).unwrap().unwrap() {
            Message::DataRow(body) => body,
            _ => panic!("a row"),
        }
    }

    fn rows(columns: &[Type], values: &[Option<&[u8]>]) -> Rows {
        let mut rows = Rows::new(Some(columns.into()));
        rows.push(body(values)).unwrap();
        rows
    }

    #[test]
    fn values_are_read_by_their_types() {
        let values: [Option<&[u8]>; 3] = [Some(&[0, 0, 0, 0, 0, 0, 0, 7]), None, Some(b"thor")];
        let rows = rows(&[Type::INT8, Type::INT8, Type::TEXT], &values);
        let row = rows.one().unwrap();
        assert_eq!(row.get::<i64>(0), Ok(7));
        assert_eq!(row.get::<Option<i64>>(1), Ok(None));
        assert_eq!(row.get::<&str>(2), Ok("thor"));
    }

    #[test]
    fn a_wrong_type_or_column_is_an_error() {
        let rows = rows(&[Type::INT8, Type::TEXT], &[Some(&[1]), None]);
        let row = rows.one().unwrap();
        assert!(row.get::<i64>(0).is_err(), "cut");
        assert!(row.get::<&str>(0).is_err(), "another type");
        assert!(row.get::<Vec<i64>>(0).is_err(), "no array");
        assert!(row.get::<&str>(1).is_err(), "NULL");
        assert!(row.get::<&str>(2).is_err(), "no column");
    }

    #[test]
    fn arrays_are_read_unless_their_length_is_false() {
        let mut bytes = BytesMut::new();
        let array = vec![5i64, 6, 7];
        assert!(matches!(array.to_sql(&Type::INT8_ARRAY, &mut bytes).unwrap(), IsNull::No));
        let whole = rows(&[Type::INT8_ARRAY], &[Some(&bytes)]);
        assert_eq!(whole.one().unwrap().get::<Vec<i64>>(0), Ok(array));
        for (position, byte) in [(12, 0x7f), (0, 0x7f), (13, 1)] {
            let mut wrong = bytes.to_vec();
            wrong[position] = byte;
            let wrong = rows(&[Type::INT8_ARRAY], &[Some(&wrong)]);
            assert!(wrong.one().unwrap().get::<Vec<i64>>(0).is_err(), "{position}");
        }
        let empty: Vec<i64> = vec![];
        let mut bytes = BytesMut::new();
        assert!(matches!(empty.to_sql(&Type::INT8_ARRAY, &mut bytes).unwrap(), IsNull::No));
        let rows = rows(&[Type::INT8_ARRAY], &[Some(&bytes)]);
        assert_eq!(rows.one().unwrap().get::<Vec<i64>>(0), Ok(empty));
    }

    #[test]
    fn a_row_with_other_columns_than_described_is_refused() {
        let mut rows = Rows::new(Some([Type::INT8].as_slice().into()));
        assert!(rows.push(body(&[None, None])).is_err());
        assert!(Rows::new(None).push(body(&[])).is_err());
    }
}
