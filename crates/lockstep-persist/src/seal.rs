//! Encryption of what is saved: XChaCha20-Poly1305, with a random nonce of 24 bytes before the ciphertext. The topic's name
//! and the schema's version are authenticated, so that no topic's data can be passed off as another's.

use chacha20poly1305::{
    Key, XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate, KeyInit, Payload},
};
use lockstep_core::{Seal, TopicName};
use std::fmt;

const NONCE: usize = 24;

/// A key of 32 bytes that encrypts what is saved of a topic. The app supplies it, for example from the system's keyring;
/// it is never written, logged or sent to a window. Whoever loses it loses what was saved with it.
///
/// ```
/// use lockstep_core::Persisted;
/// use lockstep_persist::EncryptionKey;
///
/// let key = EncryptionKey::generate();
/// let persisted = Persisted::new().encrypted(key);
/// ```
#[derive(Clone)]
pub struct EncryptionKey(XChaCha20Poly1305, Box<Key>);

/// Bytes that are no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidKey;

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key has 32 bytes")
    }
}

impl std::error::Error for InvalidKey {}

impl EncryptionKey {
    /// The key with these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        let key = Key::from(bytes);
        Self(XChaCha20Poly1305::new(&key), Box::new(key))
    }

    /// A new key, from the system's source of randomness.
    ///
    /// # Panics
    /// If the system has none.
    pub fn generate() -> Self {
        Self::new(Key::generate().into())
    }

    /// The key's bytes, for the keyring.
    pub fn to_bytes(&self) -> [u8; 32] {
        (*self.1).into()
    }
}

impl TryFrom<&[u8]> for EncryptionKey {
    type Error = InvalidKey;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidKey> {
        bytes.try_into().map(Self::new).map_err(|_| InvalidKey)
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionKey(…)")
    }
}

fn authenticated(topic: &TopicName, version: u32) -> Vec<u8> {
    format!("lockstep 1\n{topic}\n{version}").into_bytes()
}

impl Seal for EncryptionKey {
    fn seal(&self, topic: &TopicName, version: u32, data: &[u8]) -> Result<Vec<u8>, String> {
        let nonce = XNonce::try_generate().map_err(|_| "the system has no randomness".to_owned())?;
        let aad = authenticated(topic, version);
        let sealed = self.0.encrypt(&nonce, Payload { msg: data, aad: &aad });
        let sealed = sealed.map_err(|_| "it is too big to be encrypted".to_owned())?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    fn open(&self, topic: &TopicName, version: u32, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let aad = authenticated(topic, version);
        self.0.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: &aad }).ok()
    }
}
