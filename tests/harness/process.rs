//! The real binary as a process, for behaviour that only a process has, such as `kill -9`.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::Client;

/// A running `vestibule serve`, which is killed when this value is dropped.
pub struct Process {
    child: Child,
    pub url: String,
    /// The first-run link, if it printed one.
    pub link: Option<String>,
}

/// A command of the binary with its files in `dir` and its data in `database`.
pub fn vestibule(dir: &Path, database: &str) -> Command {
    vestibule_by(Command::new(env!("CARGO_BIN_EXE_vestibule")), dir, database)
}

/// The same for a command that runs the binary.
pub fn vestibule_by(mut command: Command, dir: &Path, database: &str) -> Command {
    command
        .current_dir(dir)
        .env("VESTIBULE_DATABASE__URL", database)
        .env("VESTIBULE_SERVER__LISTEN", "127.0.0.1:0")
        .env("VESTIBULE_SERVER__TRUSTED_PROXIES", "[\"127.0.0.0/8\"]")
        .env("VESTIBULE_SECRETS__MASTER_KEY_FILE", dir.join("master.key"));
    command
}

/// The binary with limits that the shell's `ulimit` sets, such as `-n 1024`.
pub fn vestibule_within(limit: &str, dir: &Path, database: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("ulimit {limit} && exec \"$0\" \"$@\"")).arg(env!("CARGO_BIN_EXE_vestibule"));
    vestibule_by(shell, dir, database)
}

impl Process {
    pub fn start(dir: &Path, database: &str, public_url: Option<&str>) -> Self {
        let mut command = vestibule(dir, database);
        if let Some(url) = public_url {
            command.env("VESTIBULE_SERVER__PUBLIC_URL", url);
        }
        Self::start_by(command, dir)
    }

    /// Starts the server with a command that has its files in `dir`.
    pub fn start_by(mut command: Command, dir: &Path) -> Self {
        let mut child = command.arg("serve").stdout(Stdio::piped()).spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let mut url = None;
        let mut link = None;
        // The server always prints two lines, and below them the first-run link if there is no account yet.
        while let Some(Ok(line)) = lines.next() {
            if let Some(found) = line.strip_prefix("Vestibule listens on ") {
                url = Some(found.to_owned());
            } else if line.trim().starts_with("http") {
                link = Some(line.trim().to_owned());
                break;
            } else if line.starts_with("Public URL: ") && super::process::has_account(dir) {
                break;
            }
        }
        // The pipe is read to its end, so that later output does not block the process.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url: url.expect("the address it listens on"), link }
    }

    pub fn client(&self) -> Client {
        Client::new(&self.url)
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("gone");
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM.
    pub fn ask_to_stop(&self) {
        let kill = Command::new("kill").arg(self.id().to_string()).status().expect("kill");
        assert!(kill.success());
    }

    /// Sends SIGTERM and returns the exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        self.ask_to_stop();
        self.child.wait().expect("gone").code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Whether [`run`] has created an account in `dir`; it leaves a marker file.
pub fn has_account(dir: &Path) -> bool {
    dir.join("has-account").exists()
}

/// Runs a command of the binary and returns what it printed.
pub fn run(dir: &Path, database: &str, arguments: &[&str]) -> String {
    let output = vestibule(dir, database).args(arguments).output().expect("the binary runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    if arguments.first() == Some(&"account") {
        std::fs::write(dir.join("has-account"), "").expect("mark");
    }
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}
