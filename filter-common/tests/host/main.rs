//! The filter on the host.

mod model;
mod oracle;
mod table;
