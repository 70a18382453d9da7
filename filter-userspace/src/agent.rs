//! To come.

mod notify;
