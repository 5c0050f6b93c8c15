//! `vestibule scim-token …`: creates provisioning tokens.

use clap::Subcommand;

use super::CliError;
use crate::access::tokens::TokenOrigin;
use crate::audit::Context;
use crate::idp::connections::{self, ConnectionKind, NewConnection};
use crate::kernel::{Kernel, ids};
use crate::provisioning;

#[derive(Subcommand)]
pub(super) enum ScimTokenCommand {
    /// Generate a token for a SCIM connection and print only the token. Creates the connection if it does not
    /// exist.
    Create {
        /// Short name (slug) of the account.
        #[arg(long)]
        account: String,
        /// Name of the connection.
        #[arg(long)]
        connection: String,
    },
}

pub(super) async fn run(kernel: &Kernel, command: ScimTokenCommand) -> Result<(), CliError> {
    let ScimTokenCommand::Create { account, connection: name } = command;
    let account = super::find_account(kernel, &account).await?;
    let context = Context::system(&account.id);
    let mut tx = kernel.db.begin().await?;
    let connection = match connections::by_name(&mut tx, &account.id, &name).await? {
        Some(connection) if connection.kind() == Some(ConnectionKind::Scim) => connection,
        Some(_) => {
            return Err(format!("{name} is an SSO connection; choose another --connection").into());
        }
        None => {
            let new = NewConnection::scim(ids::new_id(kernel.clock.now()), &name);
            connections::create(&mut tx, &context, new).await?
        }
    };
    let (_, secret) =
        provisioning::create_token(&mut tx, &context, &connection, TokenOrigin::Operator, &name, None)
            .await?;
    tx.commit().await?;
    println!("{secret}");
    Ok(())
}
