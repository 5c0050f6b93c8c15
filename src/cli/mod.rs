//! The command line. Errors are written for the administrator at the console: one sentence that says what
//! to do. Commands open the database beside a server that may be running.

mod account;
mod api_token;
mod doctor;
mod domain;
mod scim_token;
mod serve;
mod user;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::directory::accounts::{self, Account};
use crate::kernel::urls::Urls;
use crate::kernel::{Clock, Config, Kernel};

/// Self-hosted SSO (SAML, OIDC, LDAP), SCIM provisioning and MFA server.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    /// Configuration file; default: ./vestibule.toml, if it exists.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the server.
    Serve,
    /// Manage accounts.
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Manage API tokens.
    #[command(subcommand)]
    ApiToken(api_token::ApiTokenCommand),
    /// Manage SCIM tokens.
    #[command(subcommand)]
    ScimToken(scim_token::ScimTokenCommand),
    /// Manage email domains.
    #[command(subcommand)]
    Domain(domain::DomainCommand),
    /// Check the configuration, connections, certificates and clocks for problems that prevent sign-in.
    Doctor,
    /// Manage users.
    #[command(subcommand)]
    User(user::UserCommand),
}

/// The error that a command ends with.
type CliError = Box<dyn std::error::Error + Send + Sync>;

/// Runs the command line and returns the exit code.
pub async fn run() -> std::process::ExitCode {
    let cli = Cli::parse();
    match execute(cli).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vestibule: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn execute(cli: Cli) -> Result<(), CliError> {
    let config = Config::load(cli.config.as_deref())?;
    match cli.command {
        Command::Serve => serve::run(config).await,
        Command::Account(command) => account::run(&open_kernel(config).await?, command).await,
        Command::ApiToken(command) => api_token::run(&open_kernel(config).await?, command).await,
        Command::Domain(command) => domain::run(&open_kernel(config).await?, command).await,
        Command::Doctor => doctor::run(&open_kernel(config).await?).await,
        Command::User(command) => user::run(&open_kernel(config).await?, command).await,
        Command::ScimToken(command) => scim_token::run(&open_kernel(config).await?, command).await,
    }
}

/// Opens the database and keys beside a server that may be running. Links start with the configured public
/// address.
async fn open_kernel(config: Config) -> Result<Kernel, CliError> {
    let public = match &config.server.public_url {
        Some(url) => url.clone(),
        None => format!("http://{}", config.server.listen).parse()?,
    };
    Ok(Kernel::open(config, Clock::system(), Urls::new(&public)).await?)
}

async fn find_account(kernel: &Kernel, slug: &str) -> Result<Account, CliError> {
    let mut c = kernel.db.read().await?;
    let found = accounts::by_slug(&mut c, slug).await?;
    found.ok_or_else(|| {
        format!("there is no account named {slug}; create it with: vestibule account create {slug}").into()
    })
}
