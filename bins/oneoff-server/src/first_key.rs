//! How a server with keys gets its first one: from a file that a secret store provides, or by a link in the log.

use crate::settings::Settings;
use crate::start::Server;
use oneoff::{Clock as _, SystemClock, SystemRandom, api_key};
use oneoff_domain::{Actor, Context, KeyScope, Random as _};
use oneoff_storage::NewApiKey;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// For how long a setup link is good.
const LINK_LASTS: Duration = Duration::from_secs(3600);
/// More than a key has, so that reading a wrong file ends early.
const FILE_MAX_BYTES: u64 = 1024;
/// What nobody but the owner may: secret stores let a group read, as the server does not own what they mount.
const EXPOSING: u32 = 0o037;

/// Why the key of the file cannot be used. No text repeats what is in it.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// It cannot be read.
    #[error("cannot read BOOTSTRAP_KEY_FILE={}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is a directory, a pipe or the like.
    #[error("BOOTSTRAP_KEY_FILE={} is no regular file: let the secret store write the key to one", path.display())]
    NoFile {
        /// What it names.
        path: PathBuf,
    },
    /// Everybody may read it, or others than its owner change it.
    #[error(
        "others may {what} BOOTSTRAP_KEY_FILE={path} (mode {mode:04o}), which only its owner may write and at most its \
         group read: run `chmod 600 {path}`, or let the secret store provide it with mode 0440 (in Kubernetes \
         `defaultMode: 0440` of the volume, which is 0644 otherwise)",
        what = if mode & 0o007 == 0 { "change" } else { "read" },
        path = path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It holds something else.
    #[error(
        "BOOTSTRAP_KEY_FILE={} holds no API key: it should hold one line of `oneoff_` and 64 random hexadecimal digits \
         (`printf oneoff_ && openssl rand -hex 32`), or a key that `oneoff-server keys create` printed; one with a wrong \
         digit is refused",
        path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The database refused it.
    #[error("the key of BOOTSTRAP_KEY_FILE cannot be stored")]
    Store(#[source] oneoff::ServiceError),
}

/// The key of the file, to be stored. Read before the server starts, which a bad file keeps from starting.
///
/// # Errors
/// [`BootstrapError`], whose text says what to do.
pub fn read(path: &Path) -> Result<NewApiKey, BootstrapError> {
    let unreadable = |source| BootstrapError::Read { path: path.to_owned(), source };
    // To open a pipe would wait for whoever writes to it, perhaps for ever.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(BootstrapError::NoFile { path: path.to_owned() });
    }
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
    if mode & EXPOSING != 0 {
        return Err(BootstrapError::Exposed { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    let malformed = || BootstrapError::Malformed { path: path.to_owned() };
    let read = file.take(FILE_MAX_BYTES).read_to_string(&mut text);
    read.map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => malformed(),
        _ => unreadable(error),
    })?;
    let key = text.trim();
    if !api_key::is_well_formed(key) || api_key::is_mistyped(key) {
        return Err(malformed());
    }
    Ok(NewApiKey {
        id: format!("{:016x}{:016x}", SystemRandom.next_u64(), SystemRandom.next_u64()),
        name: "bootstrap".to_owned(),
        key_hash: api_key::hash_api_key(key),
        key_prefix: api_key::key_prefix(key).to_owned(),
        scopes: vec![KeyScope::Admin.to_string()],
        project_ids: None,
        expires_at: None,
    })
}

/// Stores the key of the file unless it is known, and shows a setup link where there is no key at all.
///
/// # Errors
/// [`BootstrapError::Store`].
pub async fn provide(
    server: &Server,
    settings: &Settings,
    bootstrap: Option<NewApiKey>,
) -> Result<(), BootstrapError> {
    let service = server.service();
    let context = || Context::new(Actor::System);
    if let Some(key) = bootstrap {
        let (key, is_new) = service.ensure_api_key(context(), key).await.map_err(BootstrapError::Store)?;
        let (name, prefix) = (&key.name, &key.key_prefix);
        match (is_new, key.is_valid(SystemClock.now())) {
            (true, _) => tracing::info!(name, prefix, "the key of BOOTSTRAP_KEY_FILE is stored"),
            (false, true) => {}
            (false, false) => tracing::warn!(
                name,
                prefix,
                "the key of BOOTSTRAP_KEY_FILE was revoked or has expired, and stays so: put another one there"
            ),
        }
        return Ok(());
    }
    if !settings.auth_enabled || server.found().has_api_keys {
        return Ok(());
    }
    let token = api_key::generate_token(&SystemRandom);
    let expires_at = SystemClock.now().saturating_add(LINK_LASTS);
    let made = service.make_setup_link(context(), api_key::hash_api_key(token.expose()), expires_at).await;
    let known_as = settings.public_url.as_deref().unwrap_or_else(|| server.url());
    if made.map_err(BootstrapError::Store)? {
        // What stands behind `#` is in no log of a proxy, and not sent with a request for the page.
        tracing::warn!(
            setup_link = format!("{known_as}/setup#{}", token.expose()),
            expires_at = %expires_at,
            "AUTH_ENABLED=true and there is no API key yet, so every request is refused: open the link to make the first \
             one, once and within the hour, or run `oneoff-server keys create --admin` with the same database; this \
             server need not stop"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn file(text: &str, mode: u32) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn a_file_that_a_group_may_read_is_read() {
        let key = api_key::generate_api_key(&SystemRandom);
        for mode in [0o400, 0o600, 0o440, 0o640] {
            let read = read(file(key.expose(), mode).path());
            assert!(read.is_ok(), "{mode:04o}: {read:?}");
        }
    }

    #[test]
    fn a_key_of_either_version_is_read() {
        let old = format!("oneoff_{}", "0123456789abcdef".repeat(4));
        let new = api_key::generate_api_key(&SystemRandom);
        for key in [old.as_str(), new.expose()] {
            let read = read(file(&format!("{key}\n"), 0o600).path()).unwrap();
            assert_eq!(read.key_hash, api_key::hash_api_key(key));
            assert_eq!(read.scopes, ["admin"]);
        }
    }

    #[test]
    fn what_others_may_read_or_is_no_key_is_refused_and_not_repeated() {
        let key = api_key::generate_api_key(&SystemRandom);
        for (mode, what) in [
            (0o644, "others may read"),
            (0o444, "others may read"),
            (0o604, "others may read"),
            (0o602, "others may read"),
            (0o660, "others may change"),
            (0o620, "others may change"),
        ] {
            let error = read(file(key.expose(), mode).path()).unwrap_err().to_string();
            assert!(error.contains("chmod 600") && error.contains(what), "{error}");
            assert!(error.contains("defaultMode: 0440") && !error.contains(key.expose().as_str()), "{error}");
        }
        let wrong_end = format!("{}g", &key.expose()[..78]);
        for text in
            ["", "hunter2", "oneoff_", &key.expose()[..70], &wrong_end, &"oneoff_".repeat(300), "\u{0}"]
        {
            let error = read(file(text, 0o600).path()).unwrap_err();
            assert!(matches!(error, BootstrapError::Malformed { .. }), "{text}: {error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        assert!(matches!(read(Path::new("/nonexistent/key")), Err(BootstrapError::Read { .. })));
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(read(directory.path()), Err(BootstrapError::NoFile { .. })));
    }
}
