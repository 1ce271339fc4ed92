//! A way to the server that can be closed for a while: what is sent waits.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
};

use super::House;

/// Forwards connections. The first one alone: the program has one.
pub struct Gate {
    pub address: SocketAddr,
    open: Arc<(Mutex<bool>, Condvar)>,
}

impl Gate {
    /// A way to the house's server, which its clients trust as they trust the server.
    pub fn of(house: &House) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let known = address.to_string().parse().unwrap();
        house.known().remember(&known, house.fingerprint()).unwrap();
        let open = Arc::new((Mutex::new(true), Condvar::new()));
        let (server, gate) = (house.address, Arc::clone(&open));
        thread::spawn(move || {
            let (client, _) = listener.accept().unwrap();
            let server = TcpStream::connect(server).unwrap();
            let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
            let other = Arc::clone(&gate);
            thread::spawn(move || forward(back.0, back.1, &other));
            forward(client, server, &gate);
        });
        Self { address, open }
    }

    /// Opens or closes it.
    pub fn set_open(&self, open: bool) {
        *self.open.0.lock().unwrap() = open;
        self.open.1.notify_all();
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, open: &(Mutex<bool>, Condvar)) {
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        let is_open = open.0.lock().unwrap();
        drop(open.1.wait_while(is_open, |is_open| !*is_open).unwrap());
        if to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
