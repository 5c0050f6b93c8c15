//! `vestibule domain …`: the operator's word about email domains.

use clap::Subcommand;

use super::CliError;
use crate::audit::Context;
use crate::directory::accounts;
use crate::directory::domains::{self, DomainName, NewDomain};
use crate::kernel::Kernel;

#[derive(Subcommand)]
pub(super) enum DomainCommand {
    /// Verify a domain for an account without a DNS record. Adds the domain if the account does not have it.
    Verify {
        /// The domain, such as example.com.
        domain: String,
        /// Short name (slug) of the account.
        #[arg(long)]
        account: String,
    },
}

pub(super) async fn run(kernel: &Kernel, command: DomainCommand) -> Result<(), CliError> {
    let DomainCommand::Verify { domain, account } = command;
    let account = super::find_account(kernel, &account).await?;
    let context = Context::system(&account.id);
    let name = DomainName::parse("domain", &domain)?;
    let mut tx = kernel.db.begin().await?;
    // Who runs the server may know whose the domain is.
    if let Some(owner) =
        domains::account_of(&mut tx, name.as_str()).await?.filter(|owner| *owner != account.id)
    {
        let slug = accounts::by_id(&mut tx, &owner).await?.map(|owner| owner.slug).unwrap_or_default();
        let name = name.as_str();
        return Err(
            format!("{name} is verified by the account {slug}; it must be deleted there first").into()
        );
    }
    let found = match domains::by_name(&mut tx, &account.id, &name).await? {
        Some(found) => found,
        None => domains::create(&mut tx, &context, NewDomain { name, connections: Vec::new() }).await?,
    };
    let verified = domains::verify_by_operator(&mut tx, &context, &found.id).await?;
    tx.commit().await?;
    println!("Verified the domain {} for the account {}.", verified.domain, account.slug);
    Ok(())
}
