//! Text in `.npz` files, which `NumPy` stores with a fixed width.

use std::io::Read;

use ndarray_npy::{ReadDataError, ReadableElement};
use py_literal::Value as PyValue;

/// Longer texts are no description of anything.
const MOST: usize = 1 << 20;

/// Text of fixed width as `NumPy` stores it: `<U` and the number of characters, four bytes each, zeros at the end.
///
/// It can be read, not written: the width belongs to the type, and is not known before the text is. Files of this project have
/// texts as bytes (`u1`, UTF-8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(pub String);

impl ReadableElement for Text {
    fn read_to_end_exact_vec<R: Read>(
        mut reader: R,
        type_desc: &PyValue,
        len: usize,
    ) -> Result<Vec<Self>, ReadDataError> {
        let PyValue::String(kind) = type_desc else { return Err(ReadDataError::WrongDescriptor(type_desc.clone())) };
        let width = kind.strip_prefix("<U").and_then(|n| n.parse::<usize>().ok()).filter(|n| *n <= MOST);
        let Some(width) = width else { return Err(ReadDataError::WrongDescriptor(type_desc.clone())) };
        let mut texts = Vec::new();
        for _ in 0..len {
            let mut bytes = vec![0; 4 * width];
            reader.read_exact(&mut bytes)?;
            let characters = bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            let text: Option<String> = characters.take_while(|c| *c != 0).map(char::from_u32).collect();
            let refuse = || ReadDataError::ParseData("text that is not Unicode".into());
            texts.push(Self(text.ok_or_else(refuse)?));
        }
        Ok(texts)
    }
}
