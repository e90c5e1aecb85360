//! An HTTP server on this machine that answers as a test says, well or badly.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What a client asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// The path.
    pub(crate) path: String,
    /// The first byte that is wanted, where it is not all.
    pub(crate) from: Option<usize>,
}

/// What is sent, to the last byte; then the connection is closed.
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// What follows.
    pub(crate) then: Then,
}

/// What becomes of a connection after the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Close,
    /// Zeros until the client has gone.
    Zeros,
    /// Nothing, for longer than any test takes.
    Silence,
}

/// A server, until the test ends.
pub(crate) struct Server {
    pub(crate) address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers each request by a function of it and its number, from 0.
    pub(crate) fn new(answer: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (noted, answer) = (Arc::clone(&requests), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (noted, answer) = (Arc::clone(&noted), Arc::clone(&answer));
                thread::spawn(move || serve(&stream, &noted, &*answer));
            }
        });
        Self { address, requests }
    }

    /// What was asked for so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic").clone()
    }
}

fn serve(mut stream: &TcpStream, noted: &Mutex<Vec<Request>>, answer: &dyn Fn(&Request, usize) -> Answer) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let from = head.iter().find_map(|line| {
        let (name, value) = line.split_once(": bytes=")?;
        name.eq_ignore_ascii_case("range").then(|| value.trim_end_matches('-').parse().expect("a number"))
    });
    let request = Request { path, from };
    let number = {
        let mut noted = noted.lock().expect("no panic");
        noted.push(request.clone());
        noted.len() - 1
    };
    let Answer { head, body, then } = answer(&request, number);
    // A client may go before all is sent.
    let _ = stream.write_all(format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n").as_bytes());
    let _ = stream.write_all(&body);
    match then {
        Then::Close => {}
        Then::Zeros => while stream.write_all(&[0; 4096]).is_ok() {},
        Then::Silence => thread::sleep(Duration::from_secs(3_600)),
    }
}

impl Answer {
    /// A status line with headers, and a body.
    pub(crate) fn new(head: impl Into<String>, body: &[u8]) -> Self {
        Self { head: head.into(), body: body.to_vec(), then: Then::Close }
    }

    /// All of a file, whatever was asked for.
    pub(crate) fn whole(file: &[u8]) -> Self {
        Self::new(format!("200 OK\r\nContent-Length: {}", file.len()), file)
    }

    /// What was asked for.
    pub(crate) fn part(file: &[u8], from: Option<usize>) -> Self {
        let Some(from) = from else { return Self::whole(file) };
        let (length, last) = (file.len() - from, file.len() - 1);
        let range = format!("206 Partial Content\r\nContent-Length: {length}\r\nContent-Range: bytes {from}-{last}");
        Self::new(format!("{range}/{}", file.len()), &file[from..])
    }

    /// The same, with a connection that breaks off after so many bytes of the body.
    pub(crate) fn cut(mut self, bytes: usize) -> Self {
        self.body.truncate(bytes);
        self
    }
}
