//! A DNS server: Knot DNS, authoritative for the zones of a test, whose records change while it runs.

use std::fmt::Write as _;
use std::net::{TcpListener, UdpSocket};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use vestibule::kernel::config::DnsServer;

use super::peers::Ending;

pub struct Knot {
    dir: TempDir,
    port: u16,
    process: Option<Ending>,
}

impl Knot {
    /// Starts a server for these zones. It refuses questions about other names.
    pub fn start(zones: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("dir");
        let port = free_port();
        let root = dir.path().display();
        let mut config = format!(
            "server:\n  rundir: {root}\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  \
             background-workers: 1\ncontrol:\n  listen: {root}/knot.sock\ndatabase:\n  storage: {root}/db\n\
             template:\n  - id: default\n    storage: {root}\n    file: \"%s.zone\"\n    zonefile-sync: -1\n    \
             journal-content: none\nzone:\n"
        );
        for zone in zones {
            writeln!(config, "  - domain: {zone}").expect("a string takes it");
            let records = format!("@ 60 SOA ns.{zone}. admin.{zone}. 1 60 60 3600 60\n@ 60 NS ns.{zone}.\n");
            std::fs::write(dir.path().join(format!("{zone}.zone")), records).expect("zone");
        }
        std::fs::write(dir.path().join("knot.conf"), config).expect("configuration");
        let mut knot = Self { dir, port, process: None };
        knot.restart();
        knot
    }

    /// Starts it again. The zones are as they were at first.
    pub fn restart(&mut self) {
        self.process = None;
        let child = Command::new("knotd")
            .arg("-c")
            .arg(self.dir.path().join("knot.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Knot DNS is missing: run 'make peers'");
        self.process = Some(Ending(child));
        // Each question is a process of its own, so this is some seconds.
        assert!((0..2_000).any(|_| self.tell(&["status"])), "Knot DNS starts");
    }

    /// Its address, for the configuration.
    pub fn address(&self) -> DnsServer {
        format!("127.0.0.1:{}", self.port).try_into().expect("an address")
    }

    fn tell(&self, arguments: &[&str]) -> bool {
        let socket = self.dir.path().join("knot.sock");
        let done = Command::new("knotc").arg("-s").arg(socket).args(arguments).output().expect("knotc");
        done.status.success()
    }

    /// Publishes exactly these TXT records at `name` of the zone.
    pub fn publish(&self, zone: &str, name: &str, texts: &[&str]) {
        assert!(self.tell(&["zone-begin", zone]), "{zone}");
        // There may be none yet.
        self.tell(&["zone-unset", zone, name, "TXT"]);
        for text in texts {
            assert!(self.tell(&["zone-set", zone, name, "60", "TXT", &format!("\"{text}\"")]), "{text}");
        }
        assert!(self.tell(&["zone-commit", zone]), "{zone}");
    }

    /// Lets the zone expire: questions about it are answered with SERVFAIL.
    pub fn expire(&self, zone: &str) {
        assert!(self.tell(&["-f", "zone-purge", "+expire", zone]), "{zone}");
    }
}

/// A port that is free for UDP and TCP.
fn free_port() -> u16 {
    let free = |listener: TcpListener| {
        let port = listener.local_addr().expect("address").port();
        UdpSocket::bind(("127.0.0.1", port)).is_ok().then_some(port)
    };
    (0..100).find_map(|_| TcpListener::bind(("127.0.0.1", 0)).ok().and_then(free)).expect("a free port")
}
