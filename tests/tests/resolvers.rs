//! tmp
use tests::harness::lab::{Lab, SERVER};
use tests::harness::servers::{Kind, Server};
#[test]
fn start() {
    let lab = Lab::new().unwrap();
    for kind in Kind::ALL {
        let t = std::time::Instant::now();
        match Server::start(kind, &lab.server, &SERVER) { Ok(_) => println!("{kind} ok {:?}", t.elapsed()), Err(e) => println!("{kind}: {e:#}") }
    }
}
