//! A server on this machine that answers as a test says, honestly or not.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the server says to one request.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<String>,
    pub body: Vec<u8>,
    /// Content-Length, true or not; [`UNSAID`] for none.
    pub declared: usize,
    pub then: Then,
}

/// No Content-Length.
pub const UNSAID: usize = usize::MAX;

/// What the server does when it has sent the body.
#[derive(PartialEq)]
pub enum Then {
    Close,
    Stall,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), declared: 0, then: Then::Close }
    }

    pub fn whole(body: &[u8]) -> Self {
        Self { body: body.to_vec(), declared: body.len(), ..Self::status(200) }
    }

    pub fn header(mut self, header: impl Into<String>) -> Self {
        self.headers.push(header.into());
        self
    }

    /// The connection is cut, or says nothing more, when half of the body is sent.
    pub fn half(mut self, then: Then) -> Self {
        self.body.truncate(self.body.len() / 2);
        Self { then, ..self }
    }
}

/// As a good server answers.
pub fn honest(file: &[u8], request: &Request) -> Reply {
    match request.from {
        None => Reply::whole(file),
        Some(from) if from >= file.len() => {
            Reply::status(416).header(format!("Content-Range: bytes */{}", file.len()))
        }
        Some(from) => Reply { status: 206, ..Reply::whole(&file[from..]) }.header(format!(
            "Content-Range: bytes {from}-{}/{}",
            file.len() - 1,
            file.len()
        )),
    }
}

/// The same by a server that says which version of the file it is, and goes on with no other.
pub fn tagged(file: &[u8], request: &Request) -> Reply {
    let tag = format!("\"{}\"", basin_core::file::digest(file));
    let is_same = request.headers.get("if-range").is_none_or(|known| *known == tag);
    let from = request.from.filter(|_| is_same);
    honest(file, &Request { from, ..request.clone() }).header(format!("ETag: {tag}"))
}

#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// `GET` or `HEAD`.
    pub method: String,
    /// With its query.
    pub path: String,
    /// By their names in small letters.
    pub headers: HashMap<String, String>,
    /// First byte of the range that is asked for, which goes to the end.
    pub from: Option<usize>,
    /// How many requests for this path came before.
    pub before: usize,
}

/// Answers until the test ends.
pub struct Server {
    pub address: String,
    pub requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&requests), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                thread::spawn(move || serve(stream.unwrap(), &log, &*answer));
            }
        });
        Self { address, requests }
    }

    /// First bytes of the ranges that were asked of a path.
    pub fn asked(&self, path: &str) -> Vec<Option<usize>> {
        let requests = self.requests.lock().unwrap();
        requests.iter().filter(|request| request.path == path).map(|request| request.from).collect()
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<Request>>, answer: &dyn Fn(&Request) -> Reply) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let first = lines.next().unwrap();
    let [method, path] = [0, 1].map(|at| first.split(' ').nth(at).unwrap().to_owned());
    let headers: HashMap<String, String> = lines
        .take_while(|line| !line.is_empty())
        .map(|line| {
            line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned())).unwrap()
        })
        .collect();
    let from = headers
        .get("range")
        .map(|range| range.strip_prefix("bytes=").unwrap().split_once('-').unwrap().0.parse().unwrap());
    let request = {
        let mut log = log.lock().unwrap();
        let before = log.iter().filter(|earlier| earlier.path == path).count();
        log.push(Request { method, path, headers, from, before });
        log.last().unwrap().clone()
    };
    let reply = answer(&request);
    let mut head = format!("HTTP/1.1 {} Said\r\n", reply.status);
    if reply.declared != UNSAID {
        head += &format!("Content-Length: {}\r\n", reply.declared);
    }
    for header in &reply.headers {
        head += &format!("{header}\r\n");
    }
    // The client may hang up whenever it likes.
    let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes());
    if request.method != "HEAD" {
        let _ = stream.write_all(&reply.body);
    }
    if reply.then == Then::Stall {
        let _ = stream.read(&mut [0]);
    }
}
