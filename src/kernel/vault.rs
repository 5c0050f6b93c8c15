//! Envelope encryption with AES-256-GCM for secrets that are needed in clear text, such as client secrets.
//!
//! A data key encrypts the secrets and the master key encrypts the data keys. The database holds both kinds
//! of ciphertext and never the master key. The associated data of each ciphertext names the row it belongs
//! to, so that a ciphertext cannot be moved to another row.
//!
//! The key file holds one base64 key per line. The first encrypts; the others only decrypt. To rotate, put
//! a new key on the first line, restart the nodes one by one, then remove the old line.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sqlx::Row as _;

use super::{Clock, Database, ids, random};

/// Why keys could not be loaded or used. The texts are shown on the console.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key file cannot be read or created.
    #[error("secrets.master_key_file {path}: {source}")]
    File {
        /// The path of the key file.
        path: String,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// Other users of the machine may read the key file.
    #[error("secrets.master_key_file {0}: other users can read this file; run chmod 600 on it")]
    Exposed(String),
    /// A line of the file is not a base64 key of 32 bytes.
    #[error("secrets.master_key_file {0}: line {1} is not a base64-encoded key of 32 bytes")]
    Malformed(String, usize),
    /// The database was encrypted with another master key.
    #[error("the master key does not match this database; restore the key file that belongs to it")]
    WrongKey,
    /// A ciphertext is damaged or belongs to another row.
    #[error("a stored secret cannot be decrypted")]
    Damaged,
    /// A query failed.
    #[error("{0}")]
    Database(#[from] sqlx::Error),
}

/// Encrypts and decrypts secrets.
#[derive(Clone)]
pub struct Vault(Arc<Keys>);

struct Keys {
    /// The first encrypts; all decrypt.
    masters: Vec<[u8; 32]>,
    active: String,
    data: RwLock<HashMap<String, [u8; 32]>>,
    db: Database,
}

impl Vault {
    /// Loads or creates the master key and the data keys.
    pub async fn open(file: &Path, db: &Database, clock: &Clock) -> Result<Self, Error> {
        let masters = load_masters(file)?;
        let mut tx = db.begin().await?;
        let mut data = HashMap::new();
        let mut active = None;
        for (id, wrapped) in data_keys(&mut tx).await? {
            let (key, master) = unwrap_data_key(&masters, &id, &wrapped)?;
            if master > 0 {
                let fresh = seal_with(&masters[0], &id, &key)?;
                sqlx::query("UPDATE data_keys SET wrapped = $1 WHERE id = $2")
                    .bind(fresh)
                    .bind(&id)
                    .execute(&mut *tx)
                    .await?;
            }
            data.insert(id.clone(), key);
            active = Some(id);
        }
        let active = if let Some(active) = active {
            active
        } else {
            let (id, key) = (ids::new_id(clock.now()), random::bytes::<32>());
            sqlx::query("INSERT INTO data_keys (id, wrapped, created_at) VALUES ($1, $2, $3)")
                .bind(&id)
                .bind(seal_with(&masters[0], &id, &key)?)
                .bind(clock.now())
                .execute(&mut *tx)
                .await?;
            data.insert(id.clone(), key);
            id
        };
        tx.commit().await?;
        Ok(Self(Arc::new(Keys { masters, active, data: RwLock::new(data), db: db.clone() })))
    }

    /// Encrypts `secret` for the row that `bound_to` names, such as `connections/ID/key`.
    pub fn seal(&self, bound_to: &str, secret: &[u8]) -> Result<String, Error> {
        let id = &self.0.active;
        let key = self.cached_data_key(id).ok_or(Error::Damaged)?;
        Ok(format!("v1.{id}.{}", seal_with(&key, bound_to, secret)?))
    }

    /// Decrypts what [`Vault::seal`] made for the same row.
    pub async fn open_sealed(&self, bound_to: &str, sealed: &str) -> Result<Vec<u8>, Error> {
        let (id, text) =
            sealed.strip_prefix("v1.").and_then(|rest| rest.split_once('.')).ok_or(Error::Damaged)?;
        let key = match self.cached_data_key(id) {
            Some(key) => key,
            // Another node created this data key after this one started. Boxed because it is rare and would
            // make every caller's future larger.
            None => Box::pin(self.fetch(id)).await?,
        };
        open_with(&key, bound_to, text)
    }

    fn cached_data_key(&self, id: &str) -> Option<[u8; 32]> {
        self.0.data.read().unwrap_or_else(PoisonError::into_inner).get(id).copied()
    }

    async fn fetch(&self, id: &str) -> Result<[u8; 32], Error> {
        let row = sqlx::query("SELECT wrapped FROM data_keys WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *self.0.db.read().await?)
            .await?
            .ok_or(Error::Damaged)?;
        let (key, _) = unwrap_data_key(&self.0.masters, id, &row.try_get::<String, _>(0)?)?;
        self.0.data.write().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), key);
        Ok(key)
    }
}

async fn data_keys(tx: &mut super::Tx) -> Result<Vec<(String, String)>, sqlx::Error> {
    sqlx::query_as("SELECT id, wrapped FROM data_keys ORDER BY id").fetch_all(&mut **tx).await
}

fn unwrap_data_key(masters: &[[u8; 32]], id: &str, wrapped: &str) -> Result<([u8; 32], usize), Error> {
    for (index, master) in masters.iter().enumerate() {
        if let Ok(key) = open_with(master, id, wrapped) {
            return Ok((key.try_into().map_err(|_| Error::Damaged)?, index));
        }
    }
    Err(Error::WrongKey)
}

/// Returns base64 of nonce, ciphertext and tag.
fn seal_with(key: &[u8; 32], bound_to: &str, secret: &[u8]) -> Result<String, Error> {
    let cipher = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| Error::Damaged)?;
    let mut text = secret.to_vec();
    let nonce = cipher
        .seal_in_place_append_tag(Aad::from(bound_to.as_bytes()), &mut text)
        .map_err(|_| Error::Damaged)?;
    Ok(STANDARD.encode([nonce.as_ref().as_slice(), &text].concat()))
}

fn open_with(key: &[u8; 32], bound_to: &str, sealed: &str) -> Result<Vec<u8>, Error> {
    let bytes = STANDARD.decode(sealed).map_err(|_| Error::Damaged)?;
    let (nonce, text) = bytes.split_at_checked(NONCE_LEN).ok_or(Error::Damaged)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Error::Damaged)?;
    let cipher = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| Error::Damaged)?;
    let mut text = text.to_vec();
    let plain =
        cipher.open_in_place(nonce, Aad::from(bound_to.as_bytes()), &mut text).map_err(|_| Error::Damaged)?;
    Ok(plain.to_vec())
}

/// Options for a file that only its owner may read and write.
pub(super) fn private_file_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

fn load_masters(path: &Path) -> Result<Vec<[u8; 32]>, Error> {
    let shown = path.display().to_string();
    let io = |source| Error::File { path: shown.clone(), source };
    match File::open(path) {
        Ok(mut file) => {
            if file.metadata().map_err(io)?.permissions().mode() & 0o077 != 0 {
                return Err(Error::Exposed(shown));
            }
            let mut text = String::new();
            file.read_to_string(&mut text).map_err(io)?;
            parse_masters(&text).map_err(|line| Error::Malformed(shown, line))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = random::bytes::<32>();
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                std::fs::create_dir_all(folder).map_err(io)?;
            }
            // `create_new`: when two processes start at once, one creates the key and the other fails
            // instead of overwriting it.
            let mut file = private_file_options().write(true).create_new(true).open(path).map_err(io)?;
            writeln!(file, "{}", STANDARD.encode(key)).and_then(|()| file.sync_all()).map_err(io)?;
            Ok(vec![key])
        }
        Err(error) => Err(io(error)),
    }
}

fn parse_masters(text: &str) -> Result<Vec<[u8; 32]>, usize> {
    let keys = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(n, line)| STANDARD.decode(line.trim()).ok().and_then(|k| k.try_into().ok()).ok_or(n + 1))
        .collect::<Result<Vec<[u8; 32]>, usize>>()?;
    if keys.is_empty() { Err(1) } else { Ok(keys) }
}

#[cfg(test)]
#[path = "vault_tests.rs"]
mod tests;
