//! The identity of a store, without which a revision means nothing.
//!
//! Drawn when a store is created and drawn anew when a backup is restored. The only chance in the state floor.

use std::fmt;

/// The identity of a store: 16 random bytes, written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch([u8; 16]);

/// The text is not an epoch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an epoch: expected 32 hexadecimal digits")]
pub struct EpochError;

impl Epoch {
    /// A new identity.
    #[must_use]
    pub fn draw() -> Self {
        Self(uuid::Uuid::new_v4().into_bytes())
    }

    /// Takes the bytes that [`Epoch::to_bytes`] gave.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The form in which it is stored and sent.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// Reads what `Display` printed, in either case of letters.
    ///
    /// # Errors
    /// When the text is not 32 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, EpochError> {
        // from_str_radix would take a sign as well.
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(EpochError);
        }
        u128::from_str_radix(text, 16).map(|number| Self(number.to_be_bytes())).or(Err(EpochError))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_read_as_it_is_printed() {
        let epoch = Epoch::draw();
        assert_eq!(Epoch::parse(&epoch.to_string()), Ok(epoch));
        assert_eq!(Epoch::from_bytes(epoch.to_bytes()), epoch);
        assert_ne!(Epoch::draw(), epoch);
    }

    #[test]
    fn other_text_is_no_epoch() {
        for bad in ["", "0", "g0000000000000000000000000000000", "+0000000000000000000000000000000"] {
            assert_eq!(Epoch::parse(bad), Err(EpochError), "{bad:?}");
        }
    }
}
