//! The inner end of the way out: a port on the fence's own loopback, every connection of which goes to the
//! proxy's socket as it comes. What may pass is decided at the other end.

use crate::command::orders::WayOut;
use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;

/// Listens, and passes on from threads of its own until the process ends.
pub(super) fn open(way_out: &WayOut) -> Result<(), String> {
    let port = way_out.port;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .map_err(|e| format!("port {port} of the way out can't be opened: {e}"))?;
    let socket = way_out.socket.clone();
    thread::Builder::new()
        .name("way out".to_owned())
        .spawn(move || {
            for connection in listener.incoming().flatten() {
                // The proxy bounds how many are open; one that can't be passed on is closed.
                let Ok(proxy) = UnixStream::connect(&socket) else {
                    continue;
                };
                let _ = pass_on(connection, proxy);
            }
        })
        .map_err(|e| format!("the way out has no thread: {e}"))?;
    Ok(())
}

/// Both directions, each until its end.
fn pass_on(connection: TcpStream, proxy: UnixStream) -> io::Result<()> {
    let (mut from_command, mut to_proxy) = (connection.try_clone()?, proxy.try_clone()?);
    let (mut from_proxy, mut to_command) = (proxy, connection);
    thread::Builder::new().spawn(move || {
        let _ = io::copy(&mut from_command, &mut to_proxy);
        let _ = to_proxy.shutdown(Shutdown::Write);
    })?;
    thread::Builder::new().spawn(move || {
        let _ = io::copy(&mut from_proxy, &mut to_command);
        let _ = to_command.shutdown(Shutdown::Both);
    })?;
    Ok(())
}
