//! Certificates.

use std::sync::Arc;
use thiserror::Error;
use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    rustls::{
        ClientConfig, Error as RustlsError, RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// Certificates that cannot be used, and why.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// Not in PEM, or nothing of the kind in it.
    #[error("no {wanted} in PEM: {why}")]
    Pem {
        /// What was looked for.
        wanted: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The certificate and the key do not fit each other, or the certificate is not valid.
    #[error("a certificate that cannot be used: {0}")]
    Certificate(String),
}

impl From<RustlsError> for TlsError {
    fn from(error: RustlsError) -> Self {
        Self::Certificate(error.to_string())
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |why: String| TlsError::Pem { wanted: "certificate", why };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| wrong(error.to_string()))?;
    if found.is_empty() { Err(wrong("there is none".to_owned())) } else { Ok(found) }
}

/// Whose certificates a client accepts.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

impl Trust {
    /// Mozilla's list, as browsers do.
    ///
    /// # Errors
    /// [`TlsError::Certificate`]: not in any known case.
    pub fn web() -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        Self::roots(roots)
    }

    /// Only what these certificates, in PEM, have signed.
    ///
    /// # Errors
    /// [`TlsError`]: there is no certificate, or one that cannot sign.
    pub fn only(pem: impl AsRef<[u8]>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(pem.as_ref())? {
            roots.add(certificate)?;
        }
        Self::roots(roots)
    }

    fn roots(roots: RootCertStore) -> Result<Self, TlsError> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions()?;
        Ok(Self(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
    }

    pub(super) fn connector(&self) -> TlsConnector {
        Arc::clone(&self.0).into()
    }
}

/// What a server proves with who it is.
#[derive(Clone)]
pub struct ServerTls(Arc<ServerConfig>);

impl ServerTls {
    /// A chain of certificates and its key, in PEM.
    ///
    /// # Errors
    /// [`TlsError`]: one of them is missing, or they do not fit each other.
    pub fn from_pem(certificate: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Self, TlsError> {
        let chain = certificates(certificate.as_ref())?;
        let key = PrivateKeyDer::from_pem_slice(key.as_ref())
            .map_err(|error| TlsError::Pem { wanted: "private key", why: error.to_string() })?;
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions()?;
        Ok(Self(Arc::new(builder.with_no_client_auth().with_single_cert(chain, key)?)))
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.0).into()
    }
}
