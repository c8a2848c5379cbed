//! Bytes as text: base64 with `+`, `/` and padding (RFC 4648, § 4), for formats that people read.

use alloc::string::String;
use alloc::vec::Vec;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// What stands for nothing, at the end.
const PADDING: u8 = b'=';
/// What is no digit, in the table of values.
const NONE: u8 = 0xff;

/// The value of each digit.
const VALUES: [u8; 256] = {
    let (mut values, mut i) = ([NONE; 256], 0);
    while i < DIGITS.len() {
        values[DIGITS[i] as usize] = i as u8;
        i += 1;
    }
    values
};

/// Returns four digits for each three bytes, and for the rest.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            let value = bits >> (18 - 6 * digit) & 0x3f;
            text.push(char::from(if digit <= three.len() { DIGITS[value as usize] } else { PADDING }));
        }
    }
    text
}

/// Returns the bytes that [`encode`] gives this text for; `None` if there are none.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut fours = text.chunks_exact(4).peekable();
    while let Some(four) = fours.next() {
        // Two digits are a byte and four bits that are 0, three are two bytes and two bits that are 0.
        let digits = match *four {
            [_, _, PADDING, PADDING] if fours.peek().is_none() => 2,
            [_, _, _, PADDING] if fours.peek().is_none() => 3,
            _ => 4,
        };
        let mut bits = 0_u32;
        for &digit in &four[..digits] {
            let value = VALUES[usize::from(digit)];
            if value == NONE {
                return None;
            }
            bits = bits << 6 | u32::from(value);
        }
        bits <<= 6 * (4 - digits);
        if bits & ((1 << (8 * (4 - digits))) - 1) != 0 {
            return None;
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[1..digits]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_the_standard_are_as_they_are_there() {
        let examples = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        for (n, text) in examples.into_iter().enumerate() {
            assert_eq!(encode(&b"foobar"[..n]), text);
            assert_eq!(decode(text).as_deref(), Some(&b"foobar"[..n]));
        }
    }

    #[test]
    fn one_text_stands_for_given_bytes() {
        for wrong in ["Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Z===", "====", "Zm9\n", "Zm9v ", "Zm-_", "é==="] {
            assert_eq!(decode(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
    }
}
