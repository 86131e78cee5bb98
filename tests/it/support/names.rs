//! A name server in process, and the binary run with it as the only one: in a mount namespace of its own, which only root can
//! make.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record {
    A,
    Aaaa,
}

/// What it answers.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// The addresses of the wanted kind among these, perhaps none.
    Addresses(Vec<IpAddr>),
    /// An error: 2 SERVFAIL, 3 NXDOMAIN.
    Code(u8),
    Silence,
}

/// A running name server.
pub(crate) struct Names {
    address: Ipv4Addr,
    log: Arc<Mutex<Vec<(String, Record)>>>,
}

impl Names {
    /// Answers by `script`, which sees the name, the kind of record, and how often exactly that was asked before. `None` where
    /// this machine does not allow it.
    pub(crate) fn start(script: impl Fn(&str, Record, usize) -> Reply + Send + 'static) -> Option<Self> {
        static LAST: AtomicU8 = AtomicU8::new(0);
        let [.., high, low] = std::process::id().to_be_bytes();
        let address = Ipv4Addr::new(127, high | 1, low, LAST.fetch_add(1, Ordering::Relaxed) + 1);
        let namespaces = Command::new("unshare")
            .args(["-m", "true"])
            .stderr(Stdio::null())
            .status();
        if !namespaces.is_ok_and(|status| status.success()) {
            return None;
        }
        let socket = UdpSocket::bind((address, 53)).ok()?;
        let log: Arc<Mutex<Vec<(String, Record)>>> = Arc::default();
        let seen = Arc::clone(&log);
        // It lives as long as the test binary, and sleeps when the test is over
        std::thread::spawn(move || {
            let mut packet = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut packet) {
                let Some((name, record, end)) = question(&packet[..length]) else {
                    continue;
                };
                let asked = (name, record);
                let before = seen.lock().unwrap().iter().filter(|old| **old == asked).count();
                seen.lock().unwrap().push(asked.clone());
                let reply = script(&asked.0, record, before);
                if let Some(answer) = answer(&packet[..end], record, &reply) {
                    drop(socket.send_to(&answer, client));
                }
            }
        });
        Some(Self { address, log })
    }

    /// How often a name was asked for.
    pub(crate) fn count(&self, name: &str, record: Record) -> usize {
        let log = self.log.lock().unwrap();
        log.iter()
            .filter(|(asked, kind)| asked == name && *kind == record)
            .count()
    }

    /// The same command where this is the only name server. `folder` takes a file.
    pub(crate) fn wrap(&self, folder: &Path, plain: &Command) -> Command {
        let file = folder.join("resolv.conf");
        let text = format!("nameserver {}\noptions timeout:1 attempts:1\n", self.address);
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new("unshare");
        command
            .args([
                "-m",
                "sh",
                "-c",
                "mount --bind \"$1\" /etc/resolv.conf && shift && exec \"$@\"",
                "sh",
            ])
            .arg(&file)
            .arg(plain.get_program())
            .args(plain.get_args())
            .current_dir(folder)
            .env_clear()
            .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    }
}

/// Name and kind of the only question, and where it ends.
fn question(packet: &[u8]) -> Option<(String, Record, usize)> {
    let mut labels = Vec::new();
    let mut at = 12;
    loop {
        let length = usize::from(*packet.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(packet.get(at..at + length)?).into_owned());
        at += length;
    }
    let record = match packet.get(at..at + 4)? {
        [0, 1, ..] => Record::A,
        [0, 28, ..] => Record::Aaaa,
        _ => return None,
    };
    Some((labels.join("."), record, at + 4))
}

fn answer(question: &[u8], record: Record, reply: &Reply) -> Option<Vec<u8>> {
    let (code, addresses) = match reply {
        Reply::Silence => return None,
        Reply::Code(code) => (*code, Vec::new()),
        Reply::Addresses(all) => {
            let wanted = all.iter().filter(|ip| ip.is_ipv4() == (record == Record::A));
            (0, wanted.copied().collect())
        }
    };
    let mut out = question.to_vec();
    out[2..4].copy_from_slice(&[0x81, 0x80 | code]);
    out[6..12].copy_from_slice(&[0, u8::try_from(addresses.len()).unwrap(), 0, 0, 0, 0]);
    for address in addresses {
        let (kind, bytes) = match address {
            IpAddr::V4(ip) => (1, ip.octets().to_vec()),
            IpAddr::V6(ip) => (28, ip.octets().to_vec()),
        };
        // The name of the question, internet, no time to live
        out.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 0, 0]);
        out.push(u8::try_from(bytes.len()).unwrap());
        out.extend(bytes);
    }
    Some(out)
}
