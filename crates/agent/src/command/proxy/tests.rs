//! The proxy alone, through its socket: who passes, who does not, and that what passes arrives.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use tokio::net::TcpListener;

/// Every name leads to that address.
struct Always(SocketAddr);

#[async_trait]
impl Names for Always {
    async fn look_up(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![self.0])
    }
}

/// A server that answers every line with the same line.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut from, mut to) = client.into_split();
                tokio::io::copy(&mut from, &mut to).await.unwrap();
            });
        }
    });
    address
}

struct Scene {
    _folder: tempfile::TempDir,
    proxy: Proxy,
}

async fn scene(lets_through: fn(IpAddr) -> bool) -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let gatekeeper = Gatekeeper {
        hosts: vec![NetworkHost::parse("api.example.com").unwrap()],
        names: Arc::new(Always(echo().await)),
        lets_through,
    };
    Scene {
        proxy: Proxy::kept_by(folder.path(), gatekeeper).unwrap(),
        _folder: folder,
    }
}

impl Scene {
    async fn say(&self, text: &str) -> String {
        let mut client = UnixStream::connect(self.proxy.socket()).await.unwrap();
        client.write_all(text.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

const CONNECT: &str = "CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com\r\n\r\n";

#[tokio::test]
async fn a_named_host_is_reached_and_bytes_pass_unread() {
    let answer = scene(|_| true).await.say(&format!("{CONNECT}hello")).await;
    assert_eq!(answer, "HTTP/1.1 200 Connection established\r\n\r\nhello");
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_refused() {
    let answer = scene(is_public).await.say(CONNECT).await;
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
    assert!(
        answer.contains("127.0.0.1, which is not a public address"),
        "{answer}"
    );
}

#[tokio::test]
async fn nothing_but_the_named_host_and_port_passes() {
    let scene = scene(|_| true).await;
    for target in [
        "api.example.com:80",
        "api.example.com.evil.test:443",
        "evil.test:443",
        "xapi.example.com:443",
        "127.0.0.1:443",
        "[::1]:443",
        "api.example.com:443:443",
        "api.example.com\t:443",
    ] {
        let answer = scene.say(&format!("CONNECT {target} HTTP/1.1\r\n\r\n")).await;
        assert!(
            answer.starts_with("HTTP/1.1 403 Forbidden\r\n"),
            "{target}: {answer}"
        );
    }
    // The target counts, whatever the header fields say.
    let lying = "CONNECT evil.test:443 HTTP/1.1\r\nHost: api.example.com:443\r\n\r\n";
    assert!(scene.say(lying).await.starts_with("HTTP/1.1 403"));
}

#[tokio::test]
async fn other_requests_are_told_what_passes() {
    let scene = scene(|_| true).await;
    let plain = scene.say("GET http://api.example.com/ HTTP/1.1\r\n\r\n").await;
    assert!(
        plain.starts_with("HTTP/1.1 405") && plain.contains("use https"),
        "{plain}"
    );
    for text in [
        "\r\n\r\n",
        "hello\r\n\r\n",
        "CONNECT  HTTP/1.1\r\n\r\n",
        "CONNECT a HTTP/2\r\n\r\n",
        "CONNECT",
    ] {
        let answer = scene.say(text).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{text:?}: {answer}");
    }
    let endless = "x".repeat(HEAD_MAX_BYTES + 1);
    assert!(scene.say(&endless).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn it_ends_with_the_call() {
    let scene = scene(|_| true).await;
    let socket = scene.proxy.socket().to_owned();
    let mut open = UnixStream::connect(&socket).await.unwrap();
    open.write_all(CONNECT.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    open.read_exact(&mut head).await.unwrap();
    drop(scene.proxy);
    let mut rest = Vec::new();
    let _ = open.read_to_end(&mut rest).await;
    assert!(UnixStream::connect(&socket).await.is_err());
}

#[tokio::test]
async fn a_deep_folder_is_no_hindrance() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("d".repeat(120));
    fs::create_dir(&deep).unwrap();
    let names = Arc::new(Always(echo().await));
    let proxy = Proxy::open(&deep, Vec::new(), names)
        .map_err(|e| e.to_string())
        .unwrap();
    assert!(proxy.socket().exists());
}
