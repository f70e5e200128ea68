//! The keyring: Secret Service on Linux and BSD, Keychain on macOS. Never the kernel's keyutils, which is not persistent.

use super::account::Account;
use crate::config::Env;
use crate::fault::{Fault, Result};
use crate::interrupt::Interrupt;
use crate::secret::Secret;

pub(super) use real::{delete, get, put};

fn refusal(why: &str) -> Fault {
    Fault::config(format!("no keyring available: {why}"))
        .with_hint("use --store file to keep the secret in a file that only you can read; cron and systemd need that, or credential:NAME")
}

#[cfg(feature = "keyring")]
mod real {
    use std::path::Path;
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    use keyring::Entry;
    use keyring::Error;

    use super::{Account, Env, Fault, Interrupt, Result, Secret, refusal};
    use crate::config::files::interrupted;

    const SERVICE: &str = "felhom";
    /// Time limit, including unlocking by a person.
    const LIMIT: Duration = Duration::from_secs(60);

    pub(in super::super) fn get(env: &Env, interrupt: &Interrupt, account: &Account) -> Result<Secret> {
        run(env, interrupt, account, |entry| entry.get_password().map(Secret::new))
    }

    pub(in super::super) fn put(env: &Env, interrupt: &Interrupt, account: &Account, secret: &Secret) -> Result<()> {
        let secret = secret.clone();
        run(env, interrupt, account, move |entry| entry.set_password(secret.reveal()))
    }

    /// Returns whether there was one.
    pub(in super::super) fn delete(env: &Env, interrupt: &Interrupt, account: &Account) -> Result<bool> {
        run(env, interrupt, account, |entry| match entry.delete_credential() {
            Err(Error::NoEntry) => Ok(false),
            other => other.map(|()| true),
        })
    }

    /// Runs in a thread, because D-Bus calls have no time limit.
    fn run<T: Send + 'static>(
        env: &Env,
        interrupt: &Interrupt,
        account: &Account,
        work: impl FnOnce(&Entry) -> keyring::Result<T> + Send + 'static,
    ) -> Result<T> {
        if !has_bus(env) {
            return Err(refusal("this session has no D-Bus session bus"));
        }
        let user = format!("{}/{}", account.context, account.token_id);
        within(LIMIT, interrupt, move || Entry::new(SERVICE, &user).and_then(|entry| work(&entry)).map_err(fault))
    }

    pub(super) fn within<T: Send + 'static>(
        limit: Duration,
        interrupt: &Interrupt,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || tell.send(work()));
        let until = Instant::now() + limit;
        let mut pause = Duration::from_millis(1);
        loop {
            match told.try_recv() {
                Ok(result) => return result,
                Err(mpsc::TryRecvError::Disconnected) => return Err(refusal("it gave up")),
                Err(mpsc::TryRecvError::Empty) if Instant::now() >= until => {
                    return Err(refusal(&format!("it did not answer within {} s", limit.as_secs())));
                }
                Err(mpsc::TryRecvError::Empty) => interrupt.wait(pause).map_err(interrupted)?,
            }
            pause = (pause * 2).min(Duration::from_millis(10));
        }
    }

    fn fault(error: Error) -> Fault {
        match error {
            Error::NoEntry => Fault::config("the keyring has no such secret")
                .with_hint("create a new one with `felhom role rotate`, or name another source with `felhom context edit`"),
            Error::NoStorageAccess(why) => refusal(&format!("it is locked or out of reach ({why})")),
            // Never their Display: some errors contain the bytes.
            Error::BadEncoding(_) => Fault::config("the secret in the keyring is not text"),
            Error::Ambiguous(_) => {
                Fault::config("the keyring has several secrets of that name").with_hint("delete all but one of them there")
            }
            other => refusal(&other.to_string()),
        }
    }

    /// Checked first, so that a session without a desktop fails at once with a clear message.
    fn has_bus(env: &Env) -> bool {
        if !cfg!(target_os = "linux") {
            return true;
        }
        env.os("DBUS_SESSION_BUS_ADDRESS").is_some()
            || env.absolute("XDG_RUNTIME_DIR").is_some_and(|dir| Path::new(&dir).join("bus").exists())
    }
}

/// Replacement in builds without keyring support.
#[cfg(not(feature = "keyring"))]
mod real {
    use super::{Account, Env, Interrupt, Result, Secret, refusal};

    const ABSENT: &str = "this felhom was built without one";

    pub(in super::super) fn get(_: &Env, _: &Interrupt, _: &Account) -> Result<Secret> {
        Err(refusal(ABSENT))
    }

    pub(in super::super) fn put(_: &Env, _: &Interrupt, _: &Account, _: &Secret) -> Result<()> {
        Err(refusal(ABSENT))
    }

    pub(in super::super) fn delete(_: &Env, _: &Interrupt, _: &Account) -> Result<bool> {
        Err(refusal(ABSENT))
    }
}

#[cfg(all(test, feature = "keyring"))]
#[path = "keyring_tests.rs"]
mod tests;
