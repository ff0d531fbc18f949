//! What performance claims rest on: see `docs/performance.md`.
