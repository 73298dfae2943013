//! WebSocket without TLS.

use crate::process::{Running, Stdin, run, start};

const DRIVERS: [&str; 3] = ["tokio", "smol", "std"];

fn listen(more: &[&str], stdin: Stdin) -> (Running, String) {
    let mut listener = start(&[&["ws", "listen", "127.0.0.1:0"], more].concat(), stdin);
    let line = listener.line("listening on ");
    (listener, line.rsplit(' ').next().unwrap().to_owned())
}

fn echo(more: &[&str]) -> (Running, String) {
    listen(&[&["--echo"], more].concat(), Stdin::Bytes(Vec::new()))
}

#[test]
fn bytes_pass_both_ways_between_any_two_drivers_compressed_and_not() {
    let sent: Vec<u8> = (0..700_000_u32).map(|at| (at / 3) as u8).collect();
    for there in DRIVERS {
        let (listener, address) = echo(&["--driver", there, "--deflate"]);
        for (here, more) in [("tokio", None), ("smol", Some("--deflate")), ("std", Some("--deflate"))] {
            let url = format!("ws://{address}/echo?a=1");
            let connect = ["ws", "connect", &url, "--driver", here];
            let connect = connect.into_iter().chain(more).collect::<Vec<_>>();
            assert!(run(&connect, &sent).expect(0, &[]).out == sent, "{there} {here}");
        }
        assert!(listener.stop().err.contains("a client asks for /echo"));
    }
}

#[test]
fn a_listener_without_echo_is_standard_input_and_output() {
    let (listener, address) = listen(&["--text"], Stdin::Open);
    run(&["ws", "connect", &address, "--text"], "from hére".as_bytes()).expect(0, &[]);
    assert_eq!(listener.end().expect(0, &[]).text(), "from hére");
    let (listener, address) = listen(&[], Stdin::Bytes(b"from there".to_vec()));
    let client = start(&["ws", "connect", &address], Stdin::Open);
    assert_eq!(client.end().expect(0, &[]).text(), "from there");
    listener.end().expect(0, &[]);
}

#[test]
fn what_cannot_be_sent_or_taken_is_said_with_what_to_do() {
    let (listener, address) = echo(&["--max-message", "1KiB"]);
    let url = format!("ws://{address}");
    let large = vec![b'x'; 64 * 1024];
    for (args, stdin, code, said) in [
        (&["--text"][..], &b"\xff\xfe"[..], 1, &["not UTF-8", "--text"][..]),
        (&[], &large, 1, &["1009"]),
        (&["--subprotocol", "a b"], b"", 2, &["a b", "token"]),
    ] {
        run(&[&["ws", "connect", &url], args].concat(), stdin).expect(code, said);
    }
    listener.stop();
    for (address, said) in [
        ("http://127.0.0.1/", "ws://"),
        ("ws://127.0.0.1:x/", "port"),
        ("ws://127.0.0.1/a b", "percent-encode"),
    ] {
        run(&["ws", "connect", address], b"").expect(2, &[said]);
    }
}

#[test]
fn a_server_that_speaks_something_else_is_named_as_such() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        for answer in ["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "SSH-2.0-other\r\n\r\n"] {
            let (mut stream, _) = other.accept().unwrap();
            std::io::Write::write_all(&mut stream, answer.as_bytes()).unwrap();
            // Until the client has left.
            let _ = std::io::Read::read_to_end(&mut stream, &mut Vec::new());
        }
    });
    run(&["ws", "connect", &address], b"").expect(1, &["200"]);
    run(&["ws", "connect", &address], b"").expect(1, &["not HTTP/1.1"]);
    server.join().unwrap();
}
