//! An answer that has no room is cut in one order: the order's text, then the record, then the error code. Header,
//! question and OPT record always fit, for they were in the query.

use filter_common::host::Room;
use tests::answer::{self, Reply};
use tests::frame::query;
use tests::hex::Octets;
use tests::policy::Compiled;
use tests::run::Host;
use tests::scenario::Settings;

/// The answer to a query whose frame has this many octets of trailer to give away.
fn reply(host: &Host<'_>, trailer: usize, cookie: bool) -> Reply {
    let mut frame = query("www.kickasstorrents.to").with_opt();
    if cookie {
        frame.dns.opt[0].options =
            vec!["cookie:a0a1a2a3a4a5a6a7b0b1b2b3b4b5b6b7".to_owned().try_into().unwrap()];
    }
    frame.trailer = Octets(vec![0; trailer]);
    let frame = frame.build();
    let seen = host.run_with(&frame, Room::Nowhere);
    assert!(seen.frame.len() <= frame.len());
    answer::check(&frame, &seen.frame, true)
        .unwrap_or_else(|what| panic!("{trailer} octets: {what}: {seen:?}"))
}

#[test]
fn text_goes_first_then_the_record_then_the_code() {
    let policy = Compiled::read("standard").unwrap();
    let host = Host::new(&Settings::default(), &policy);
    // octets that the parts of the answer need beyond the query
    let (ede, text, soa) = (6, 22, 34);
    for cookie in [false, true] {
        for trailer in 0..80 {
            let reply = reply(&host, trailer, cookie);
            let (has_text, has_soa) = match trailer {
                n if n >= soa + ede + text => (true, true),
                n if n >= soa + ede => (false, true),
                _ => (false, false),
            };
            let code = reply.ede.as_ref().map(|(code, _)| *code);
            let shown = reply.ede.as_ref().is_some_and(|(_, text)| !text.is_empty());
            assert_eq!((shown, reply.soa.is_some()), (has_text, has_soa), "{trailer} octets: {reply:?}");
            assert_eq!(code, (trailer >= ede).then_some(16), "{trailer} octets: {reply:?}");
            assert_eq!((reply.rcode, reply.has_opt, reply.cookie.is_some()), (3, true, cookie), "{reply:?}");
        }
    }
}
