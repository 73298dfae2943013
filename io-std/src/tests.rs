//! What only shows inside of the crate, or only blocks here.

use crate::client::open;
use crate::socket::Io;
use crate::{Address, ConnectOptions, ListenOptions, Listener, Socket, SocketOptions};
use sealock_proto::session::Config;
use std::sync::Arc;
use std::thread;

fn responder() -> Arc<Config> {
    let protocol = "Noise_NN_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
    Config::responder(&[protocol]).build().unwrap()
}

fn nodelay(io: &Io) -> bool {
    match io.0.get_ref() {
        Socket::Tcp(socket) => socket.nodelay().unwrap(),
        #[cfg(unix)]
        Socket::Unix(_) => panic!("not TCP"),
    }
}

#[test]
fn socket_options_apply_at_both_ends() {
    for on in [false, true] {
        let socket = SocketOptions::default().with_nodelay(on);
        let options = ListenOptions::default().with_socket(socket);
        let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap(), responder(), options).unwrap();
        let client = open(listener.local_address(), &ConnectOptions::default().with_socket(socket)).unwrap();
        let server = listener.accept().unwrap().unwrap();
        assert_eq!((nodelay(&client), nodelay(server.0.io())), (on, on));
        assert!(server.peer().unwrap().ip().is_loopback());
    }
}

#[test]
fn a_waiting_listener_is_stopped_from_another_thread() {
    let path = std::env::temp_dir().join(format!("sealock-std-stop-{}.sock", std::process::id()));
    let mut addresses: Vec<Address> = vec!["127.0.0.1:0".parse().unwrap(), "0.0.0.0:0".parse().unwrap()];
    if cfg!(unix) {
        addresses.push(Address::unix(path));
    }
    for address in addresses {
        let listener = Listener::bind(&address, responder(), ListenOptions::default()).unwrap();
        let stopper = listener.stopper();
        let waiting = thread::spawn(move || {
            assert!(listener.accept().unwrap().is_none());
            assert!(listener.accept().unwrap().is_none(), "stopped is stopped");
            listener.stats().admitted
        });
        stopper.stop();
        assert_eq!(waiting.join().unwrap(), 0, "{address}");
    }
}
