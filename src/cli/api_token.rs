//! `vestibule api-token …`: creates API tokens.

use clap::Subcommand;

use super::CliError;
use crate::access::tokens::{self, NewToken, TokenOrigin, TokenOwner, TokenPurpose};
use crate::access::{PrincipalKind, Role, service_accounts};
use crate::audit::Context;
use crate::kernel::Kernel;

#[derive(Subcommand)]
pub(super) enum ApiTokenCommand {
    /// Create a service account with the role Account Admin, generate an API token for it and print only the
    /// token.
    Create {
        /// Short name (slug) of the account.
        #[arg(long)]
        account: String,
        /// Name of the service account and the token.
        #[arg(long)]
        name: Option<String>,
    },
}

pub(super) async fn run(kernel: &Kernel, command: ApiTokenCommand) -> Result<(), CliError> {
    let ApiTokenCommand::Create { account, name } = command;
    let account = super::find_account(kernel, &account).await?;
    let context = Context::system(&account.id);
    let mut tx = kernel.db.begin().await?;
    let name = name.unwrap_or_else(|| format!("command line {}", tx.now().display_minute()));
    let service_account = match service_accounts::by_name(&mut tx, &account.id, &name).await? {
        Some(robot) if robot.connection_id.is_none() => robot,
        Some(_) => {
            return Err(format!("{name} belongs to a SCIM connection; choose another --name").into());
        }
        None => service_accounts::create(&mut tx, &context, &name, Some(Role::AccountAdmin), None).await?,
    };
    let owner = TokenOwner { kind: PrincipalKind::ServiceAccount, id: &service_account.id, epoch: 0 };
    let new = NewToken {
        origin: TokenOrigin::Operator,
        owner,
        purpose: TokenPurpose::Api,
        connection_id: None,
        application_id: None,
        name: &name,
        expires_at: None,
    };
    let (_, secret) = tokens::create(&mut tx, &context, new).await?;
    tx.commit().await?;
    println!("{secret}");
    Ok(())
}
