//! `vestibule serve`: runs the server until it receives a signal.

use tokio::signal::unix::{SignalKind, signal};

use super::CliError;
use crate::kernel::{Clock, Config, log, open_files};
use crate::web::{HttpServer, ensure_setup_link};

pub(super) async fn run(config: Config) -> Result<(), CliError> {
    log::start(config.log.format, &config.log.level);
    open_files::raise_limit();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let server = HttpServer::bind(config, Clock::system()).await?;
    let kernel = server.app().kernel.clone();
    let link = ensure_setup_link(&kernel).await?;
    println!("Vestibule listens on http://{}", server.address());
    println!("Public URL: {}", kernel.urls.origin());
    if let Some(link) = link {
        println!(
            "\nNo account exists yet. Create one with this link (works once, expires in a day):\n\n  {link}\n"
        );
    }
    drop(kernel);
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("shutting down; requests in progress are finished first");
    };
    Ok(server.run(stop).await?)
}
