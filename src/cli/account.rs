//! `vestibule account …`: creates accounts.

use std::io::Read as _;

use clap::Subcommand;

use super::CliError;
use crate::access::{PrincipalKind, Role, bind_role};
use crate::audit::Context;
use crate::directory::accounts::{self, PasswordSettings};
use crate::directory::users::{self, ChangeAuthority, Profile};
use crate::kernel::Kernel;
use crate::signin::SignIn;
use crate::signin::password::{self, Password, PasswordChangeReason, PersonalTerms};
use crate::web::create_first_password_link;

#[derive(Subcommand)]
pub(super) enum AccountCommand {
    /// Create an account and its first administrator.
    Create {
        /// Short name (slug) of the account: lowercase letters, digits and hyphens.
        slug: String,
        /// Display name of the account; default: the short name.
        #[arg(long)]
        name: Option<String>,
        /// Email address of the administrator, also used as the username.
        #[arg(long)]
        admin_email: String,
        /// Read the administrator's password from standard input instead of printing a link.
        #[arg(long)]
        admin_password_stdin: bool,
    },
}

pub(super) async fn run(kernel: &Kernel, command: AccountCommand) -> Result<(), CliError> {
    let AccountCommand::Create { slug, name, admin_email, admin_password_stdin } = command;
    let hash = if admin_password_stdin { Some(read_password(kernel, &admin_email).await?) } else { None };
    let mut tx = kernel.db.begin().await?;
    let name = name.unwrap_or_else(|| slug.clone());
    let account = accounts::create(&mut tx, &slug, &name, |id| Context::system(id)).await?;
    let context = Context::system(&account.id);
    let profile = Profile {
        user_name: admin_email.clone(),
        email: Some(admin_email),
        active: true,
        ..Profile::default()
    };
    let user = users::create(&mut tx, &context, ChangeAuthority::Local, profile).await?;
    bind_role(&mut tx, &context, PrincipalKind::User, &user.id, &user.user_name, Role::AccountAdmin).await?;
    let link = match hash {
        Some(hash) => {
            password::set(kernel, &mut tx, &context, &user, &hash, PasswordChangeReason::First).await?;
            None
        }
        None => Some(create_first_password_link(kernel, &mut tx, &user).await?),
    };
    tx.commit().await?;
    println!("Created the account {slug} with the administrator {}.", user.user_name);
    if let Some(link) = link {
        println!("The administrator chooses a password here (works once, expires in a day):\n\n  {link}\n");
    }
    Ok(())
}

async fn read_password(kernel: &Kernel, email: &str) -> Result<String, CliError> {
    let mut text = String::new();
    std::io::stdin().take(4096).read_to_string(&mut text)?;
    let typed = Password::new(text.trim_end_matches(['\n', '\r']));
    let (signin, person) = (SignIn::new(kernel.clone()), PersonalTerms::new(&[email]));
    Ok(password::prepare(&signin, &PasswordSettings::default(), &typed, &person, None).await?)
}
