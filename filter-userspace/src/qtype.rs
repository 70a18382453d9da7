//! Query types as people write them, in orders and on the command line.

/// Query types with a mnemonic of their own here; any other can be given as TYPEnnn.
const TYPES: &[(&str, u16)] = &[
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("NAPTR", 35),
    ("DNAME", 39),
    ("DS", 43),
    ("RRSIG", 46),
    ("NSEC", 47),
    ("DNSKEY", 48),
    ("TLSA", 52),
    ("SVCB", 64),
    ("HTTPS", 65),
    ("IXFR", 251),
    ("AXFR", 252),
    ("ANY", 255),
    ("CAA", 257),
];

/// A query type from its mnemonic, `TYPEnnn` (RFC 3597) or its number.
///
/// # Errors
/// When it is none of these.
pub fn parse(text: &str) -> Result<u16, String> {
    let upper = text.to_ascii_uppercase();
    if let Some((_, number)) = TYPES.iter().find(|(name, _)| *name == upper) {
        return Ok(*number);
    }
    let digits = upper.strip_prefix("TYPE").unwrap_or(&upper);
    digits
        .parse()
        .map_err(|_| format!("unknown query type {text}, expected a mnemonic such as A or HTTPS, or TYPEnnn"))
}

/// The mnemonic of a query type, else `TYPEnnn`.
#[must_use]
pub fn name(number: u16) -> String {
    TYPES
        .iter()
        .find(|(_, n)| *n == number)
        .map_or_else(|| format!("TYPE{number}"), |(mnemonic, _)| (*mnemonic).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_by_mnemonic_and_number() {
        assert_eq!(parse("https"), Ok(65));
        assert_eq!(parse("TYPE65280"), Ok(65280));
        assert_eq!(parse("28"), Ok(28));
        assert_eq!(name(28), "AAAA");
        assert_eq!(name(999), "TYPE999");
        assert!(parse("TYPE65536").is_err());
    }
}
