//! A tiny resolver for machines without one: every name has the same address.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;

use super::netns::Namespace;
use super::resolver::{OWN_V4, OWN_V6};

/// Threads that answer, one an address; they end when this is dropped.
#[derive(Debug)]
pub struct Responder {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Responder {
    /// Starts it on these addresses.
    ///
    /// # Errors
    /// When a socket cannot be bound.
    pub fn start(server: &Namespace, addresses: &[&str]) -> anyhow::Result<Responder> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut responder = Responder { stop: Arc::clone(&stop), threads: Vec::new() };
        for address in addresses {
            let address = SocketAddr::new(address.parse()?, 53);
            let socket = server.enter(|| UdpSocket::bind(address))?.with_context(|| address.to_string())?;
            socket.set_read_timeout(Some(Duration::from_millis(50)))?;
            let stop = Arc::clone(&stop);
            responder.threads.push(std::thread::spawn(move || serve(&socket, &stop)));
        }
        Ok(responder)
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

fn serve(socket: &UdpSocket, stop: &AtomicBool) {
    let mut buffer = [0; 1500];
    while !stop.load(Ordering::Relaxed) {
        if let Ok((size, from)) = socket.recv_from(&mut buffer)
            && let Some(answer) = answer(&buffer[..size])
        {
            socket.send_to(&answer, from).ok();
        }
    }
}

/// The answer to a query for one name: its address for A and AAAA, nothing for other types.
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let mut end = 12;
    while *query.get(end)? != 0 {
        end += 1 + usize::from(*query.get(end)?);
    }
    let question = query.get(..end + 5)?;
    let address: Option<IpAddr> = match (question.get(end + 1)?, question.get(end + 2)?) {
        (0, 1) => OWN_V4.parse().ok(),
        (0, 28) => OWN_V6.parse().ok(),
        _ => None,
    };
    let mut answer = question.to_vec();
    answer[2] |= 0x80;
    answer[3] = 0x80;
    answer[4..12].copy_from_slice(&[0, 1, 0, u8::from(address.is_some()), 0, 0, 0, 0]);
    let (qtype, data) = match address {
        Some(IpAddr::V4(v4)) => (1, v4.octets().to_vec()),
        Some(IpAddr::V6(v6)) => (28, v6.octets().to_vec()),
        None => return Some(answer),
    };
    answer.extend([0xc0, 12, 0, qtype, 0, 1, 0, 0, 1, 44, 0, data.len() as u8]);
    answer.extend(data);
    Some(answer)
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::Message;

    use super::*;

    #[test]
    fn it_answers_with_the_address() {
        let query = crate::frame::query("www.example.org").dns.build();
        let answer = Message::from_vec(&answer(&query).unwrap()).unwrap();
        assert_eq!(answer.answers[0].data.to_string(), OWN_V4);
        assert_eq!(answer.metadata.id, 0x1234);
    }
}
