//! Deterministic CBOR (RFC 8949 §4.2.1) of JSON values: what `fractional` hashes since its third generation.

use datalogic_rs::DataValue;
use datalogic_rs::datavalue::NumberValue;

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const TEXT: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;
const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;
const HALF: u8 = 0xf9;
const SINGLE: u8 = 0xfa;
const DOUBLE: u8 = 0xfb;

/// -2^63 and 2^64: between them a float without a fraction is written as an integer.
const INTEGERS: std::ops::Range<f64> = -9_223_372_036_854_775_808.0..18_446_744_073_709_551_616.0;

/// Writes a value down.
pub(super) fn encode(value: &DataValue<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(value, &mut bytes);
    bytes
}

fn write(value: &DataValue<'_>, bytes: &mut Vec<u8>) {
    match value {
        DataValue::Null => bytes.push(NULL),
        DataValue::Bool(truth) => bytes.push(if *truth { TRUE } else { FALSE }),
        DataValue::Number(NumberValue::Integer(number)) => write_integer(i128::from(*number), bytes),
        DataValue::Number(NumberValue::Float(number)) => write_float(*number, bytes),
        DataValue::String(text) => write_text(text, bytes),
        DataValue::Array(values) => {
            write_head(LIST, length(values.len()), bytes);
            for value in *values {
                write(value, bytes);
            }
        }
        DataValue::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().map(|(name, value)| (name, value)).collect();
            // Keys are sorted by their encoding, which begins with the length.
            fields.sort_by_key(|(name, _)| (name.len(), **name));
            write_head(MAP, length(fields.len()), bytes);
            for (name, value) in fields {
                write_text(name, bytes);
                write(value, bytes);
            }
        }
    }
}

fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn write_text(text: &str, bytes: &mut Vec<u8>) {
    write_head(TEXT, length(text.len()), bytes);
    bytes.extend_from_slice(text.as_bytes());
}

fn write_integer(number: i128, bytes: &mut Vec<u8>) {
    match u64::try_from(number) {
        Ok(number) => write_head(UNSIGNED, number, bytes),
        // -1 is written as 0, -2 as 1.
        Err(_) => write_head(NEGATIVE, u64::try_from(-1 - number).unwrap_or(u64::MAX), bytes),
    }
}

/// A major type and its number, in the fewest bytes that hold it.
fn write_head(major: u8, number: u64, bytes: &mut Vec<u8>) {
    let major = major << 5;
    if let Ok(number) = u8::try_from(number) {
        if number < 24 {
            bytes.push(major | number);
        } else {
            bytes.extend_from_slice(&[major | 24, number]);
        }
    } else if let Ok(number) = u16::try_from(number) {
        bytes.push(major | 25);
        bytes.extend_from_slice(&number.to_be_bytes());
    } else if let Ok(number) = u32::try_from(number) {
        bytes.push(major | 26);
        bytes.extend_from_slice(&number.to_be_bytes());
    } else {
        bytes.push(major | 27);
        bytes.extend_from_slice(&number.to_be_bytes());
    }
}

/// The shortest float that is the same number; an integer where there is one.
fn write_float(number: f64, bytes: &mut Vec<u8>) {
    if number.fract() == 0.0 && INTEGERS.contains(&number) {
        return write_integer(integer(number), bytes);
    }
    if let Some(half) = half(number) {
        bytes.push(HALF);
        return bytes.extend_from_slice(&half.to_be_bytes());
    }
    match single(number) {
        Some(single) => {
            bytes.push(SINGLE);
            bytes.extend_from_slice(&single.to_be_bytes());
        }
        None => {
            bytes.push(DOUBLE);
            bytes.extend_from_slice(&number.to_be_bytes());
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it has no fraction and is within 65 bits")]
const fn integer(number: f64) -> i128 {
    number as i128
}

/// The number in 32 bits, if nothing of it is lost.
fn single(number: f64) -> Option<u32> {
    #[expect(clippy::cast_possible_truncation, reason = "whether something is lost is what is asked")]
    let single = number as f32;
    (f64::from(single).to_bits() == number.to_bits()).then(|| single.to_bits())
}

/// The number in 16 bits, if nothing of it is lost: five bits of exponent, ten of the fraction.
fn half(number: f64) -> Option<u16> {
    if number.is_nan() {
        return Some(0x7e00);
    }
    let bits = single(number)?;
    let sign = bits >> 16 & 0x8000;
    let exponent = bits >> 23 & 0xff;
    let fraction = bits & 0x007f_ffff;
    let half = match exponent {
        // Infinity.
        255 => 0x7c00,
        // 2^-14 to 2^15: the fraction loses 13 bits, which must be empty.
        113..=142 if fraction.trailing_zeros() >= 13 => (exponent - 112) << 10 | fraction >> 13,
        // Below, the exponent is fixed and the leading one is written out.
        103..=112 => {
            let shift = 126 - exponent;
            let whole = fraction | 0x0080_0000;
            (whole.trailing_zeros() >= shift).then_some(whole >> shift)?
        }
        _ => return None,
    };
    u16::try_from(sign | half).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use datalogic_rs::bumpalo::Bump;

    #[track_caller]
    fn check(json: &str, expected: &str) {
        let arena = Bump::new();
        let value = DataValue::from_str(json, &arena).unwrap();
        let hex: String = encode(&value).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected, "{json}");
    }

    /// Hashed by the Python core 2.0.0 and the Rust engine 0.1.0.
    #[test]
    fn values_are_encoded_as_flagds_cores_encode_them() {
        check("1", "01");
        check("1.0", "01");
        check("0", "00");
        check("-0.0", "00");
        check("-1", "20");
        check("1.5", "f93e00");
        check("0.1", "fb3fb999999999999a");
        check("1e300", "fb7e37e43c8800759c");
        check("9007199254740993", "1b0020000000000001");
        check("true", "f5");
        check("false", "f4");
        check("null", "f6");
        check(r#"{"z": 1, "aa": 2}"#, "a2617a0162616102");
        check(r#"["flag-a", "user-1"]"#, "8266666c61672d6166757365722d31");
        check(r#""""#, "60");
        check(r#""日本語""#, "69e697a5e69cace8aa9e");
    }

    /// RFC 8949, appendix A.
    #[test]
    fn numbers_take_the_fewest_bytes() {
        check("23", "17");
        check("24", "1818");
        check("255", "18ff");
        check("256", "190100");
        check("1000000", "1a000f4240");
        check("1000000000000", "1b000000e8d4a51000");
        check("18446744073709551616", "fa5f800000");
        check("18446744073709549568", "1bfffffffffffff800");
        check("-9223372036854775808", "3b7fffffffffffffff");
        check("-24", "37");
        check("-25", "3818");
        check("-1000", "3903e7");
        check("100000.5", "fa47c35040");
        check("1.1", "fb3ff199999999999a");
        check("5.960464477539063e-8", "f90001");
        check("0.00006103515625", "f90400");
        check("0.000060975551605224609375", "f903ff");
        check("-4.1", "fbc010666666666666");
        check("-0.5", "f9b800");
        check("3.4028234663852886e+38", "fa7f7fffff");
        check("0.33325195312500", "f93555");
    }

    #[test]
    fn lists_and_objects_nest() {
        check("[]", "80");
        check("{}", "a0");
        check("[1,[2,3]]", "8201820203");
        check(r#"{"b":[1.0,null],"a":{}}"#, "a26161a061628201f6");
    }
}
