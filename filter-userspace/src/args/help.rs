//! The longer help texts: examples first.

pub(super) const AFTER_HELP: &str = "\
Examples:
  interdict run --interface eth0 --orders /etc/interdict/orders.d --regions regions.csv
  interdict order apply milan.toml          takes effect in the kernel before it returns
  interdict explain kickasstorrents.to --client 203.0.113.7
  interdict simulate capture.pcapng --orders orders.d --regions regions.csv

Exit codes: 0 done, 1 failed, 2 usage, 3 problems found, 69 unavailable, 70 refused by the verifier,
75 the agent does not run, 77 not permitted, 78 bad configuration, order or region file.";

pub(super) const RUN_HELP: &str = "\
Examples:
  interdict run --interface eth0                        with /etc/interdict/config.toml
  interdict run --interface eth0 --mode observe         counts what would happen, changes nothing
  interdict run --interface eth0 --interface eth1 --orders ./orders.d --regions ./regions.csv

Signals: HUP reads everything again; TERM and INT detach and end (with --keep: end, and leave the filter attached).
Orders and regions are also watched: a changed file takes effect within a second or two.";

pub(super) const ORDER_HELP: &str = "\
Examples:
  interdict order apply milan.toml
  interdict order list
  interdict order lift IT-MI-2022-0001";

pub(super) const SIMULATE_HELP: &str = "\
One JSON line a frame:
  {\"frame\":1,\"verdict\":\"answer\",\"reason\":null,\"name\":\"www.example.com\",\"region\":\"IT\",\"order\":\"IT-MI-2022-0001\",\"rcode\":\"NXDOMAIN\"}

Example:
  interdict simulate queries.pcap --orders orders.d --regions regions.csv --write out.pcap

Needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, and no agent. Exit 3: the kernel and the host's engine disagree.";
