//! Password hashes: argon2id, off the async threads, a few at a time.
//!
//! A hash takes tens of milliseconds of a core and megabytes of memory. A flood of sign-ins must take neither
//! from people who talk, so a few run, some wait, and the rest is refused at once (`AT_ONCE`, `WAITING`).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use super::Error;
use crate::telemetry;

/// Hashes that run at once. One leaves the second core of a small server to voice.
const AT_ONCE: usize = 1;

/// Sign-ins that wait for their hash, some seconds of work. One more is told to come back.
const WAITING: usize = 32;

/// What one hash costs.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Memory in KiB, at least 8.
    pub memory_kib: u32,
    /// Passes over it, at least 1.
    pub passes: u32,
}

/// The hasher.
pub struct Passwords {
    cost: Cost,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Passwords {
    /// A hasher that spends `cost` on each.
    pub fn new(cost: Cost) -> Self {
        Self { cost, turns: Arc::new(Semaphore::new(AT_ONCE)), waiting: AtomicUsize::new(0) }
    }

    /// A PHC string of `password` with a new salt.
    pub async fn hash(&self, password: String) -> Result<String, Error> {
        let cost = self.cost;
        self.run(move || hash(cost, &password)).await?
    }

    /// Whether `password` is the one behind `stored`. Without one (nobody has that name) it takes as long and
    /// says no, so that the time tells nothing.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, Error> {
        let cost = self.cost;
        self.run(move || match stored {
            Some(stored) => {
                let parsed = PasswordHash::new(&stored).map_err(|error| Error::Hashing(error.to_string()))?;
                Ok(Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
            }
            None => hash(cost, &password).map(|_| false),
        })
        .await?
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let _place = Place::take(&self.waiting)?;
        // The semaphore is never closed.
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| Error::Busy)?;
        telemetry::PASSWORD_HASHES.add();
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        })
        .await
        .map_err(|error| Error::Hashing(error.to_string()))
    }
}

/// A place in the queue, given back also when the caller goes away.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self, Error> {
        let place = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) >= AT_ONCE + WAITING {
            telemetry::HASHING_BUSY.add();
            return Err(Error::Busy);
        }
        Ok(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn hash(cost: Cost, password: &str) -> Result<String, Error> {
    let fail = |error: &dyn std::fmt::Display| Error::Hashing(error.to_string());
    let params = Params::new(cost.memory_kib, cost.passes, 1, None).map_err(|error| fail(&error))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    Ok(argon2.hash_password(password.as_bytes()).map_err(|error| fail(&error))?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 8, passes: 1 };

    #[tokio::test]
    async fn a_hash_knows_its_password_and_no_other() {
        let passwords = Passwords::new(CHEAP);
        let stored = passwords.hash("correct horse battery".to_owned()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{stored}");
        assert!(passwords.verify("correct horse battery".to_owned(), Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify("correct horse batterz".to_owned(), Some(stored)).await.unwrap());
        assert!(!passwords.verify("correct horse battery".to_owned(), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_flood_is_refused_and_the_queue_recovers() {
        let passwords = Arc::new(Passwords::new(CHEAP));
        let hold = passwords.turns.clone().acquire_owned().await.unwrap();
        let flood: Vec<_> = (0..100)
            .map(|_| {
                let passwords = passwords.clone();
                tokio::spawn(async move { passwords.hash("correct horse battery".to_owned()).await.is_ok() })
            })
            .collect();
        while passwords.waiting.load(Ordering::Relaxed) < AT_ONCE + WAITING {
            tokio::task::yield_now().await;
        }
        drop(hold);
        let mut served = 0;
        for task in flood {
            served += usize::from(task.await.unwrap());
        }
        assert!((AT_ONCE + WAITING..100).contains(&served), "{served} of 100 were served");
        assert!(passwords.hash("correct horse battery".to_owned()).await.is_ok());
    }
}
