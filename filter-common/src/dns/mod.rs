//! RFC words about a DNS message: its header, the first question's name, its EDNS. Nothing here knows of policy.

pub mod edns;
pub mod header;
pub mod name;
pub mod question;
