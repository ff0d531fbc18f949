//! The only place where wire types turn into core types and back.
