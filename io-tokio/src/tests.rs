//! What only shows inside of the crate: the options on the sockets.

use crate::client::open;
use crate::socket::{Io, SocketRead};
use crate::{ListenOptions, Listener, SocketOptions};
use sealock_proto::session::Config;
use std::sync::Arc;

fn responder() -> Arc<Config> {
    let protocol = "Noise_NN_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
    Config::responder(&[protocol]).build().unwrap()
}

fn nodelay(io: &Io) -> bool {
    match io.0.get_ref() {
        SocketRead::Tcp(half) => half.as_ref().nodelay().unwrap(),
        #[cfg(unix)]
        SocketRead::Unix(_) => panic!("not TCP"),
    }
}

#[tokio::test]
async fn socket_options_apply_at_both_ends() {
    for on in [false, true] {
        let socket = SocketOptions::default().with_nodelay(on);
        let options = ListenOptions::default().with_socket(socket);
        let address = "127.0.0.1:0".parse().unwrap();
        let listener = Listener::bind(&address, responder(), options).await.unwrap();
        let client = open(listener.local_address(), &socket).await.unwrap();
        let server = listener.accept().await.unwrap();
        assert_eq!((nodelay(&client), nodelay(server.io())), (on, on));
        assert!(server.peer().unwrap().ip().is_loopback());
    }
}
