//! OPT records of a test's query (RFC 6891), right and wrong.

use ipnet::IpNet;
use serde::Deserialize;

use crate::hex::{self, Octets};

/// An OPT record.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Opt {
    /// Owner's octets; the root is the right one.
    pub owner: Octets,
    /// The sender's UDP payload size.
    pub size: u16,
    /// Extended RCODE.
    pub rcode: u8,
    /// EDNS version.
    pub version: u8,
    /// DNSSEC OK.
    pub dnssec_ok: bool,
    /// Options in order.
    pub options: Vec<EdnsOption>,
    /// RDLENGTH instead of the right one.
    pub length: Option<u16>,
}

impl Default for Opt {
    fn default() -> Opt {
        Opt {
            owner: Octets(vec![0]),
            size: 1232,
            rcode: 0,
            version: 0,
            dnssec_ok: false,
            options: Vec::new(),
            length: None,
        }
    }
}

/// One option: `cookie:HEX`, `ecs:PREFIX[/SCOPE]`, `padding:OCTETS`, `ede:CODE`, `nsid` or `CODE:HEX`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct EdnsOption {
    /// Its code.
    pub code: u16,
    /// Its data.
    pub data: Vec<u8>,
}

impl EdnsOption {
    /// A client subnet (RFC 7871 section 6): only the address octets that the prefix needs.
    #[must_use]
    pub fn client_subnet(prefix: IpNet) -> EdnsOption {
        let (family, octets): (u16, Vec<u8>) = match prefix {
            IpNet::V4(v4) => (1, v4.network().octets().to_vec()),
            IpNet::V6(v6) => (2, v6.network().octets().to_vec()),
        };
        let mut data = family.to_be_bytes().to_vec();
        data.extend([prefix.prefix_len(), 0]);
        data.extend(&octets[..usize::from(prefix.prefix_len()).div_ceil(8)]);
        EdnsOption { code: 8, data }
    }
}

impl TryFrom<String> for EdnsOption {
    type Error = String;

    fn try_from(text: String) -> Result<EdnsOption, String> {
        let (kind, value) = text.split_once(':').unwrap_or((&text, ""));
        let fault = |error: String| format!("EDNS option {text:?}: {error}");
        Ok(match kind {
            "cookie" => EdnsOption { code: 10, data: hex::parse(value)? },
            "ecs" => EdnsOption::client_subnet(value.parse().map_err(|e| fault(format!("{e}")))?),
            "padding" => {
                EdnsOption { code: 12, data: vec![0; value.parse().map_err(|e| fault(format!("{e}")))?] }
            }
            "nsid" => EdnsOption { code: 3, data: Vec::new() },
            "ede" => {
                let code: u16 = value.parse().map_err(|e| fault(format!("{e}")))?;
                EdnsOption { code: 15, data: code.to_be_bytes().to_vec() }
            }
            code => {
                let code = code.parse().map_err(|_| fault("its kind is not known".to_owned()))?;
                EdnsOption { code, data: hex::parse(value)? }
            }
        })
    }
}

impl Opt {
    /// The record's octets.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let mut data = Vec::new();
        for option in &self.options {
            data.extend(option.code.to_be_bytes());
            data.extend((option.data.len() as u16).to_be_bytes());
            data.extend(&option.data);
        }
        let mut record = self.owner.0.clone();
        record.extend(41_u16.to_be_bytes());
        record.extend(self.size.to_be_bytes());
        record.extend([self.rcode, self.version, u8::from(self.dnssec_ok) << 7, 0]);
        record.extend(self.length.unwrap_or(data.len() as u16).to_be_bytes());
        record.extend(data);
        record
    }
}
