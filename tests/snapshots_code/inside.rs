//! What has no address in the server and is asked of it directly. This is all that a change of its names breaks here.

use vestibule::kernel::Timestamp;

use crate::harness::{Backend, Server};

/// A Monday. The clock of all snapshots begins here, whenever they are taken.
const BEGIN: &str = "2030-03-04T09:00:00Z";

/// A server that may ask addresses on this machine. The words do not depend on the database.
pub async fn server() -> Server {
    let begin = Timestamp::parse(BEGIN).expect("a time");
    Server::start_at(Backend::Sqlite, begin, |config| {
        config.outgoing.allowed_networks = vec!["127.0.0.0/8".parse().expect("network")];
    })
    .await
}

/// The link that the server prints when there is no account yet.
pub async fn first_run(server: &Server) -> String {
    vestibule::web::ensure_setup_link(&server.kernel).await.expect("database").expect("a link")
}

/// What is done four times an hour: warnings of passwords that end.
pub async fn warn_of_ending_passwords(server: &Server) {
    vestibule::signin::password::mail_expiry_warnings(&server.kernel).await.expect("warns");
}

/// What is done twice a minute: metadata is read again, and certificates that end are told of.
pub async fn refresh_metadata(server: &Server) {
    while vestibule::idp::saml::metadata_refresh::refresh_one(&server.kernel).await.expect("refreshes") {}
}

/// A server that is reached by a host name, without which there are no passkeys.
pub async fn on_localhost() -> Server {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = free.local_addr().expect("address");
    drop(free);
    let public = format!("http://localhost:{}", address.port());
    let begin = Timestamp::parse(BEGIN).expect("a time");
    let mut server = Server::start_at(Backend::Sqlite, begin, |config| {
        config.server.listen = address;
        config.server.public_url = Some(public.parse().expect("url"));
    })
    .await;
    server.url = public;
    server
}
