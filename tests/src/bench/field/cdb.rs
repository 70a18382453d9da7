//! Writes a constant database (cr.yp.to/cdb/cdb.txt) of names, for dnsdist.

use anyhow::Context;

use crate::frame::message::wire_name;

/// Octets of the table of tables at the start.
const HEADER: usize = 2048;

/// The database: every name on the wire as a key, with the data `1`.
pub(super) fn database<'a>(names: impl Iterator<Item = &'a str>) -> anyhow::Result<Vec<u8>> {
    let mut file = vec![0; HEADER];
    let mut tables: Vec<Vec<(u32, u32)>> = vec![Vec::new(); 256];
    for name in names {
        let key = wire_name(name);
        let hash = hash(&key);
        tables[hash as usize % 256].push((hash, offset(&file)?));
        file.extend(u32::try_from(key.len())?.to_le_bytes());
        file.extend(1u32.to_le_bytes());
        file.extend(key);
        file.push(b'1');
    }
    for (number, table) in tables.iter().enumerate() {
        let (start, size) = (offset(&file)?, table.len() * 2);
        let mut slots = vec![(0u32, 0u32); size];
        for (hash, place) in table {
            let mut slot = (*hash >> 8) as usize % size;
            while slots[slot].1 != 0 {
                slot = (slot + 1) % size;
            }
            slots[slot] = (*hash, *place);
        }
        for (hash, place) in slots {
            file.extend(hash.to_le_bytes());
            file.extend(place.to_le_bytes());
        }
        file[number * 8..][..4].copy_from_slice(&start.to_le_bytes());
        file[number * 8 + 4..][..4].copy_from_slice(&u32::try_from(size)?.to_le_bytes());
    }
    Ok(file)
}

fn offset(file: &[u8]) -> anyhow::Result<u32> {
    u32::try_from(file.len()).context("a constant database has at most 4 GiB")
}

fn hash(key: &[u8]) -> u32 {
    key.iter().fold(5381, |hash: u32, octet| (hash << 5).wrapping_add(hash) ^ u32::from(*octet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_where_the_format_says() {
        let file = database(["example.org", "www.example.com"].into_iter()).unwrap();
        let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
        let key = wire_name("www.example.com");
        let hash = hash(&key);
        let (table, slots) = (number(hash as usize % 256 * 8) as usize, number(hash as usize % 256 * 8 + 4));
        let slot = table + (hash >> 8) as usize % slots as usize * 8;
        assert_eq!(number(slot), hash);
        let record = number(slot + 4) as usize;
        assert_eq!(number(record) as usize, key.len());
        assert_eq!(&file[record + 8..][..key.len()], key);
    }
}
