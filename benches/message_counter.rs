//! Finds the ends of gRPC messages in a stream of bytes, and looks at nothing else.

/// Bytes in front of each message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// Where in a stream's bytes we are.
#[derive(Debug, Clone, Default)]
pub struct MessageCounter {
    prefix: [u8; PREFIX_BYTES],
    prefix_length: usize,
    remaining: usize,
}

impl MessageCounter {
    /// Takes the next bytes, and answers how many messages ended in them.
    pub fn take(&mut self, mut bytes: &[u8]) -> u64 {
        let mut ended = 0;
        while let Some((first, rest)) = bytes.split_first() {
            if self.prefix_length < PREFIX_BYTES {
                if let Some(place) = self.prefix.get_mut(self.prefix_length) {
                    *place = *first;
                }
                self.prefix_length += 1;
                bytes = rest;
                if self.prefix_length == PREFIX_BYTES {
                    let [_, a, b, c, d] = self.prefix;
                    self.remaining = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
                }
            } else {
                let taken = self.remaining.min(bytes.len());
                self.remaining -= taken;
                bytes = bytes.get(taken..).unwrap_or_default();
            }
            if self.prefix_length == PREFIX_BYTES && self.remaining == 0 {
                self.prefix_length = 0;
                ended += 1;
            }
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_not_matter_where_the_bytes_are_cut() {
        let stream = [0, 0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9];
        for size in 1..=stream.len() {
            let mut counter = MessageCounter::default();
            assert_eq!(stream.chunks(size).map(|piece| counter.take(piece)).sum::<u64>(), 3);
        }
    }
}
