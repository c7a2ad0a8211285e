//! A line between two ends that lets every question through and, from a moment on, no answer. Sees nothing of TLS. No promises.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// The line; dropped, it takes no more connections.
pub(crate) struct Slow {
    at: SocketAddr,
    over: Arc<AtomicBool>,
}

impl Slow {
    /// A line from this port of 127.0.0.1 to the same of 127.0.0.2. Connections that are open when this journal gets this many
    /// `intended` bring no answer any more. It is written before the change is sent, so the change arrives and its answer never does.
    pub(crate) fn before(port: u16, journal: PathBuf, many: usize) -> Self {
        let (at, target) = (SocketAddr::from(([127, 0, 0, 1], port)), SocketAddr::from(([127, 0, 0, 2], port)));
        let listener = TcpListener::bind(at).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let ends = over.clone();
        thread::spawn(move || {
            while let Ok((near, _)) = listener.accept() {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(far) = TcpStream::connect(target) else { return };
                let (near_too, far_too) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                thread::spawn(move || pass(near, far, || true));
                let (journal, late) = (journal.clone(), intended(&journal) >= many);
                thread::spawn(move || pass(far_too, near_too, || late || intended(&journal) < many));
            }
        });
        Self { at, over }
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts, so that it sees the end.
        let _ = TcpStream::connect(self.at);
    }
}

fn intended(journal: &Path) -> usize {
    fs::read_to_string(journal).unwrap_or_default().matches(r#""kind":"intended""#).count()
}

/// Hands bytes on while it may; what must not pass is swallowed, and the connection stays.
fn pass(mut from: TcpStream, mut to: TcpStream, may: impl Fn() -> bool) {
    let mut buffer = vec![0; 65536];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if may() && to.write_all(buffer.get(..count).unwrap_or_default()).is_err() {
            return;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}
