//! Authorities and certificates of a story's own, in a folder of its own.

use std::fs;
use std::path::PathBuf;

use mycelia_flags_proto::client_tls::ClientTls;
use mycelia_flags_server::edge::tls::TlsOptions;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tempfile::TempDir;

/// Where the stories' servers listen, as a certificate calls it.
const HERE: [&str; 2] = ["127.0.0.1", "localhost"];

/// Who vouches for certificates.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM.
pub(super) struct Pair {
    pub(super) certificate: String,
    pub(super) key: String,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    pub(super) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Trusts this authority and no other.
    pub(super) fn trusted(&self) -> ClientTls {
        ClientTls::default().ca(self.pem().into_bytes()).unwrap()
    }

    /// For a server that is reached where the stories' servers listen.
    pub(super) fn server(&self) -> Pair {
        self.pair(&HERE, |_as_usual| {})
    }

    /// The authority's own, for a server whose operator took the first example that came along.
    pub(super) fn itself(&self) -> Pair {
        Pair { certificate: self.pem(), key: self.issuer.key().serialize_pem() }
    }

    /// For a server that is reached by another name.
    pub(super) fn elsewhere(&self) -> Pair {
        self.pair(&["flags.example"], |_as_usual| {})
    }

    /// For a server whose operator has slept.
    pub(super) fn expired(&self) -> Pair {
        self.pair(&HERE, |params| {
            params.not_before = date_time_ymd(2024, 1, 1);
            params.not_after = date_time_ymd(2025, 1, 1);
        })
    }

    /// For a client.
    pub(super) fn client(&self) -> Pair {
        self.pair(&["runner.example"], |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    }

    fn pair(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Pair { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

impl Pair {
    /// What a client with this certificate shows, when it trusts an authority.
    pub(super) fn shown_to(&self, authority: &Authority) -> ClientTls {
        let (certificate, key) = (self.certificate.clone(), self.key.clone());
        authority.trusted().identity(certificate.into_bytes(), key.into_bytes()).unwrap()
    }
}

/// The files of a server, and of those who trust it.
pub(super) struct Files {
    pub(super) folder: TempDir,
}

impl Files {
    pub(super) fn new(authority: &Authority, pair: &Pair) -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        files.put("ca.pem", &authority.pem());
        files.replace(pair);
        files
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The path as an argument.
    pub(super) fn argument(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(super) fn put(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Another certificate; the key first, as whoever renews one does it in some order.
    pub(super) fn replace(&self, pair: &Pair) {
        self.put("server.key", &pair.key);
        self.put("server.pem", &pair.certificate);
    }

    pub(super) fn options(&self) -> TlsOptions {
        TlsOptions { certificate: self.path("server.pem"), key: self.path("server.key"), client_ca: None }
    }

    /// What `serve` is given.
    pub(super) fn arguments(&self) -> [String; 4] {
        [
            "--tls-cert".to_owned(),
            self.argument("server.pem"),
            "--tls-key".to_owned(),
            self.argument("server.key"),
        ]
    }
}
