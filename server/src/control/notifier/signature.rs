//! The signature of a webhook, by which its receiver knows who has sent it, and when.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::outbound::secret::Secret;

/// The header that carries it.
pub const HEADER: &str = "mycelia-signature";

/// `t=UNIX,v1=HEX`: the moment in seconds since 1970, and HMAC-SHA256 under the secret over `UNIX.BODY`. The moment is
/// signed too, so that a message that somebody has recorded cannot be sent again much later.
#[must_use]
pub fn sign(secret: &Secret, unix_seconds: i64, body: &[u8]) -> String {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()) else {
        return String::new();
    };
    mac.update(unix_seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    let code = mac.finalize().into_bytes();
    let hex: String = code.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={unix_seconds},v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(secret: &str, at: i64, body: &str, hex: &str) {
        assert_eq!(sign(&Secret::new(secret), at, body.as_bytes()), format!("t={at},v1={hex}"));
    }

    /// Computed by Python's `hmac.new(secret, b"%d.%s" % (at, body), "sha256").hexdigest()`.
    #[test]
    fn signatures_are_those_of_another_implementation() {
        check(
            "whsec",
            1790000000,
            r#"{"id":"1"}"#,
            "a4a002d9dffee3ad33ccf0ec1335c2235d12067105c60c700011234ed0fbb450",
        );
        check(
            "a much longer secret than the sixty-four bytes that one block of SHA-256 holds, so that it is hashed",
            0,
            r#""#,
            "84ccf8a12cf48b13436fd3928c576d6882a0a7d780aeb89bb8c63d84dbd47973",
        );
        check("k", -1, r#"ä"#, "44d14ab7149086643fc961a2d99dff0aa34fc5e7f21915c135fd3ed547cb8bce");
    }
}
