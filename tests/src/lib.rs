//! Integration tests: see house layout.
