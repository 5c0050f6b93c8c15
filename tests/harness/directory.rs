//! Third-party directories: OpenLDAP's slapd on free ports, and a Samba Active Directory domain controller
//! on its own loopback address, because its ports are fixed.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::peers::{Ending, free_port};

pub const BASE: &str = "dc=acme,dc=example";
pub const ADMIN: &str = "cn=admin,dc=acme,dc=example";
pub const PASSWORD: &str = "a password of theirs";

/// A certificate authority for test servers.
pub struct Authority {
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("certificate");
        Self { pem: certificate.pem(), issuer: Issuer::new(params, key) }
    }

    /// A certificate for a host and its key, valid until the end of `year`.
    fn issue(&self, host: &str, year: i32) -> (String, String) {
        let key = KeyPair::generate().expect("key");
        let mut params = CertificateParams::new(vec![host.to_owned()]).expect("a name");
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 12, 31);
        let certificate = params.signed_by(&key, &self.issuer).expect("certificate");
        (certificate.pem(), key.serialize_pem())
    }
}

/// A slapd with TLS and the `memberOf` overlay.
pub struct Slapd {
    pub authority: Authority,
    dir: TempDir,
    tls: u16,
    plain: u16,
    process: Option<Ending>,
}

impl Slapd {
    /// Starts a server that has these entries below [`BASE`].
    pub fn start(ldif: &str) -> Self {
        Self::start_as("localhost", 2120, ldif)
    }

    /// Starts a server with a certificate for `host` that expires at the end of `year`.
    pub fn start_as(host: &str, year: i32, ldif: &str) -> Self {
        Self::start_with(host, year, ldif, ["", ""])
    }

    /// Starts a server with the `ppolicy` overlay, whose default policy is `cn=policy` below [`BASE`].
    pub fn with_password_policy(ldif: &str) -> Self {
        let overlay = format!("overlay ppolicy\nppolicy_default cn=policy,{BASE}\nppolicy_use_lockout\n");
        Self::start_with("localhost", 2120, ldif, ["moduleload ppolicy\n", &overlay])
    }

    /// Starts a server with more lines before and after its database in the configuration.
    fn start_with(host: &str, year: i32, ldif: &str, [modules, overlays]: [&str; 2]) -> Self {
        let missing = "slapd is missing: run 'make peers'";
        let authority = Authority::new();
        let dir = tempfile::tempdir().expect("dir");
        let at = |name: &str| dir.path().join(name).display().to_string();
        let (certificate, key) = authority.issue(host, year);
        std::fs::create_dir(at("db")).expect("dir");
        std::fs::write(at("ca.pem"), &authority.pem).expect("written");
        std::fs::write(at("cert.pem"), certificate).expect("written");
        std::fs::write(at("key.pem"), key).expect("written");
        let schema = |name: &str| format!("include /etc/ldap/schema/{name}.schema\n");
        let config = format!(
            "{}{}{}loglevel 0\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\nmoduleload memberof\n{modules}pidfile {}\nargsfile {}\n\
             TLSCACertificateFile {}\nTLSCertificateFile {}\nTLSCertificateKeyFile {}\nsizelimit 500\n\
             database mdb\nmaxsize 4294967296\nsuffix {BASE}\nrootdn {ADMIN}\nrootpw {PASSWORD:?}\ndirectory {}\n\
             dbnosync\nindex objectClass,mail,uid,member,entryUUID eq\naccess to * by anonymous auth by * read\n\
             limits dn.exact=\"cn=reader,{BASE}\" size.soft=500 size.hard=500 size.prtotal=unlimited\n\
             overlay memberof\nmemberof-refint TRUE\n{overlays}",
            schema("core"),
            schema("cosine"),
            schema("inetorgperson"),
            at("pid"),
            at("args"),
            at("ca.pem"),
            at("cert.pem"),
            at("key.pem"),
            at("db"),
        );
        std::fs::write(at("slapd.conf"), config).expect("written");
        std::fs::write(at("data.ldif"), format!("{}{ldif}", root())).expect("written");
        let loaded = Command::new("/usr/sbin/slapadd")
            .args(["-q", "-f", &at("slapd.conf"), "-l", &at("data.ldif")])
            .output()
            .expect(missing);
        assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
        let mut slapd = Self { authority, dir, tls: free_port(), plain: free_port(), process: None };
        slapd.run();
        slapd
    }

    /// Starts a server whose entries may have the attributes with which several directories close accounts:
    /// `shadowExpire`, `pwdAccountLockedTime` and `nsAccountLock`.
    pub fn with_closed_accounts(ldif: &str) -> Self {
        let attributes = "include /etc/ldap/schema/nis.schema\nmoduleload ppolicy\nattributetype \
             ( 2.16.840.1.113730.3.1.610 NAME 'nsAccountLock' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )\n";
        Self::start_with("localhost", 2120, ldif, [attributes, ""])
    }

    /// Starts the process on the same ports and data, also after [`Self::kill`].
    pub fn run(&mut self) {
        let child = Command::new("/usr/sbin/slapd")
            .arg("-f")
            .arg(self.dir.path().join("slapd.conf"))
            .args(["-h", &format!("ldaps://127.0.0.1:{} ldap://127.0.0.1:{}", self.tls, self.plain)])
            .args(["-d", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("slapd starts");
        self.process = Some(Ending(child));
        let listens = || std::net::TcpStream::connect(("127.0.0.1", self.tls)).is_ok();
        while !listens() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    pub fn kill(&mut self) {
        self.process = None;
    }

    pub fn url(&self) -> String {
        format!("ldaps://localhost:{}", self.tls)
    }

    pub fn plain_url(&self) -> String {
        format!("ldap://localhost:{}", self.plain)
    }

    /// A connection that is bound as the administrator.
    pub async fn admin(&self) -> Ldap {
        connect(&self.plain_url(), (ADMIN, PASSWORD)).await
    }

    /// Replaces the values of an attribute of an entry.
    pub async fn replace(&self, dn: &str, attribute: &str, value: &str) {
        let change = vec![ldap3::Mod::Replace(attribute, HashSet::from([value]))];
        self.admin().await.modify(dn, change).await.expect("changed").success().expect("changed");
    }
}

async fn connect(url: &str, (dn, password): (&str, &str)) -> Ldap {
    let settings = LdapConnSettings::new().set_conn_timeout(Duration::from_secs(5)).set_no_tls_verify(true);
    let (driver, mut ldap) = LdapConnAsync::with_settings(settings, url).await.expect("the directory");
    ldap3::drive!(driver);
    ldap.simple_bind(dn, password).await.expect("bind").success().expect("bound");
    ldap
}

/// The root, an entry that may search, and units for people and groups.
fn root() -> String {
    let unit = |name: &str| format!("dn: ou={name},{BASE}\nobjectClass: organizationalUnit\nou: {name}\n\n");
    format!(
        "dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Acme\ndc: acme\n\n\
         dn: cn=reader,{BASE}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: reader\n\
         userPassword: {PASSWORD}\n\n{}{}{}",
        unit("people"),
        unit("moved"),
        unit("groups"),
    )
}

/// An entry of a person with `memberOf` values for these groups.
pub fn person(uid: &str, groups: &[&str]) -> String {
    let mut text = format!(
        "dn: uid={uid},ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid} Builder\nsn: Builder\n\
         givenName: {uid}\nmail: {uid}@acme.example\nuserPassword: {PASSWORD}\n"
    );
    for group in groups {
        writeln!(text, "memberOf: cn={group},ou=groups,{BASE}").expect("text");
    }
    text + "\n"
}

/// A group whose members have these DNs relative to [`BASE`].
pub fn group(name: &str, members: &[String]) -> String {
    let mut text = format!(
        "dn: cn={name},ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: {name}\ndescription: The {name}\n"
    );
    for member in members {
        writeln!(text, "member: {member},{BASE}").expect("text");
    }
    text + "\n"
}

/// A Samba Active Directory domain controller.
pub struct Samba {
    pub authority: Authority,
    address: String,
    _process: Ending,
    _dir: TempDir,
}

pub const REALM_BASE: &str = "DC=acme,DC=example";
pub const DC_ADMIN: &str = "Administrator@acme.example";
pub const DC_PASSWORD: &str = "Passw0rd-of-theirs";

impl Samba {
    pub fn start() -> Self {
        let [a, b] = vestibule::kernel::random::bytes::<2>();
        let address = format!("127.66.{a}.{}", b.clamp(1, 250));
        let dir = tempfile::tempdir().expect("dir");
        let dc = dir.path().join("dc");
        let authority = Authority::new();
        let (certificate, key) = authority.issue(&address, 2120);
        let at = |name: &str| dir.path().join(name).display().to_string();
        std::fs::write(at("cert.pem"), certificate).expect("written");
        std::fs::write(at("key.pem"), key).expect("written");
        std::fs::write(at("ca.pem"), &authority.pem).expect("written");
        std::fs::create_dir(at("run")).expect("dir");
        let only_owner = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(at("key.pem"), only_owner).expect("mode");
        let mut provision = Command::new("samba-tool");
        provision.args(["domain", "provision", "--realm=ACME.EXAMPLE", "--domain=ACME", "--server-role=dc"]);
        provision.args(["--dns-backend=NONE", "--host-name=dc1", &format!("--host-ip={address}")]);
        provision.args([format!("--adminpass={DC_PASSWORD}"), format!("--targetdir={}", dc.display())]);
        for option in [
            "server services = ldap".to_owned(),
            "bind interfaces only = yes".to_owned(),
            format!("interfaces = {address}/8"),
            // Several controllers may run at once, so each has its own directories.
            format!("pid directory = {}", at("run")),
            format!("ncalrpc dir = {}", at("run")),
            format!("tls keyfile = {}", at("key.pem")),
            format!("tls certfile = {}", at("cert.pem")),
            format!("tls cafile = {}", at("ca.pem")),
        ] {
            provision.arg(format!("--option={option}"));
        }
        let done = provision.output().expect("Samba is missing: run 'make peers'");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        // Provisioning reduces `interfaces` to the bare address, so the prefix length is put back.
        let config = dc.join("etc/smb.conf");
        let text = std::fs::read_to_string(&config).expect("smb.conf");
        let text = text.replace(&format!("interfaces = {address}\n"), &format!("interfaces = {address}/8\n"));
        std::fs::write(&config, text).expect("written");
        let child = Command::new("samba")
            .args(["-i", "-M", "single", "--debug-stdout", "-s"])
            .arg(&config)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Samba starts");
        let samba = Self { authority, address, _process: Ending(child), _dir: dir };
        let listens = || std::net::TcpStream::connect((samba.address.as_str(), 636)).is_ok();
        let begun = std::time::Instant::now();
        while !listens() {
            assert!(
                begun.elapsed() < Duration::from_mins(1),
                "Samba does not listen on port 636 of {}: that takes root, or net.ipv4.ip_unprivileged_port_start=0",
                samba.address
            );
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        samba
    }

    pub fn url(&self) -> String {
        format!("ldaps://{}", self.address)
    }

    /// A connection that is bound as the administrator.
    pub async fn admin(&self) -> Ldap {
        connect(&self.url(), (DC_ADMIN, DC_PASSWORD)).await
    }
}
