//! A request to a server and its answer, with errors in Go's words. Which address is asked is in `address.rs`.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Timeout};

use super::super::viewer::plain;
use super::Fetching;
use super::address::Address;

/// So many times one address may lead to the next.
const REDIRECTS: u32 = 10;

/// A server may take so much longer than it was given.
const GRACE: Duration = Duration::from_secs(5);

/// What asks servers.
pub struct Client {
    roots: RootCerts,
    certificate: Option<ClientCert>,
}

impl Client {
    /// A client with the certificates that the command line names.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub fn new(fetching: &Fetching) -> Result<Client, String> {
        let certificate = match (&*fetching.certificate, &*fetching.key) {
            ("", "") => None,
            ("", _) => return Err("-tls_key is specified, so -tls_cert must also be specified".into()),
            (_, "") => return Err("-tls_cert is specified, so -tls_key must also be specified".into()),
            (certificate, key) => Some(pair(certificate, key).map_err(|error| {
                format!("could not load certificate/key pair specified by -tls_cert and -tls_key: {error}")
            })?),
        };
        let roots = match &*fetching.authority {
            "" => RootCerts::from(
                // One that cannot be read is as if it were not there.
                rustls_native_certs::load_native_certs()
                    .certs
                    .iter()
                    .map(|certificate| Certificate::from_der(certificate).to_owned()),
            ),
            path => {
                let bytes = read(path).map_err(|error| format!("could not load CA specified by -tls_ca: {error}"))?;
                RootCerts::from(certificates(&bytes))
            }
        };
        Ok(Client { roots, certificate })
    }

    /// What the server answers, if it has what was asked for.
    ///
    /// # Errors
    ///
    /// If it cannot be reached, takes too long or has not.
    pub fn get(&self, address: &Address) -> Result<Vec<u8>, String> {
        let failed = |reason: String| format!("Get {:?}: {reason}", address.name);
        if !["http", "https"].contains(&&*address.scheme) {
            return Err(failed(format!("unsupported protocol scheme {:?}", address.scheme)));
        }
        let mut response =
            self.agent(address).get(&address.url).call().map_err(|error| failed(in_words_of_go(&error, address)))?;
        let status = response.status();
        let header =
            |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // The reason is for people, and only this kind of server has one.
        let has_reason = !header("X-Go-Pprof").is_empty() && header("Content-Type").contains("text/plain");
        let body = response.body_mut().with_config().limit(u64::MAX).read_to_vec();
        if status.as_u16() == 200 {
            return body.map_err(|error| match in_words_of_go(&error, address) {
                reason if reason == "EOF" => "unexpected EOF".into(),
                reason => reason,
            });
        }
        let status = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
        Err(match body {
            Ok(body) if has_reason => {
                format!("server response: {status} - {}", String::from_utf8_lossy(&body).trim_end())
            }
            _ => format!("server response: {status}"),
        })
    }

    fn agent(&self, address: &Address) -> Agent {
        let tls = TlsConfig::builder()
            .root_certs(self.roots.clone())
            .client_cert(self.certificate.clone())
            .disable_verification(address.is_insecure)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let mut config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(REDIRECTS - 1)
            .user_agent(concat!("cargo-prof/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(address.timeout + GRACE))
            .timeout_recv_response(Some(address.timeout + GRACE));
        if is_this_machine(&address.host) {
            // No proxy reaches it.
            config = config.proxy(None);
        }
        config.build().new_agent()
    }
}

fn is_this_machine(host: &str) -> bool {
    ["", "localhost"].contains(&host) || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A certificate and its key, from their files.
fn pair(certificate: &str, key: &str) -> Result<ClientCert, String> {
    let chain = certificates(&read(certificate)?);
    if chain.is_empty() {
        return Err("tls: failed to find any PEM data in certificate input".into());
    }
    let key = PrivateKey::from_pem(&read(key)?).map_err(|_| "tls: failed to find any PEM data in key input")?;
    Ok(ClientCert::new_with_certs(&chain, key))
}

fn certificates(pem: &[u8]) -> Vec<Certificate<'static>> {
    let certificate = |item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    };
    parse_pem(pem).filter_map(certificate).collect()
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("open {path}: {}", plain(&error)))
}

fn in_words_of_go(error: &ureq::Error, address: &Address) -> String {
    let dial = || match reached(address) {
        Some(reached) if !address.host.is_empty() => format!("dial tcp {reached}"),
        _ => format!("dial tcp {}:{}", address.host, address.port),
    };
    match error {
        ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => format!("{}: i/o timeout", dial()),
        ureq::Error::Timeout(Timeout::RecvResponse) => "net/http: timeout awaiting response headers".into(),
        ureq::Error::HostNotFound => format!("dial tcp: lookup {}: no such host", address.host),
        ureq::Error::TooManyRedirects => format!("stopped after {REDIRECTS} redirects"),
        ureq::Error::Rustls(error) => of_tls(error),
        ureq::Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(error) => of_tls(error),
            None => match error.kind() {
                io::ErrorKind::ConnectionRefused
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkUnreachable => format!("{}: connect: {}", dial(), plain(error)),
                io::ErrorKind::UnexpectedEof => "EOF".into(),
                _ if reached(address).is_none() => format!("dial tcp: lookup {}: no such host", address.host),
                _ => plain(error),
            },
        },
        other => other.to_string(),
    }
}

/// The address that is tried first.
fn reached(address: &Address) -> Option<SocketAddr> {
    let host = if address.host.is_empty() { "localhost" } else { &address.host };
    (host, address.port).to_socket_addrs().ok()?.next()
}

fn of_tls(error: &rustls::Error) -> String {
    use rustls::{CertificateError, Error};
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            "tls: failed to verify certificate: x509: certificate signed by unknown authority".into()
        }
        Error::InvalidCertificate(error) => format!("tls: failed to verify certificate: x509: {error}"),
        Error::InvalidMessage(_) => "http: server gave HTTP response to HTTPS client".into(),
        other => format!("tls: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_needs_its_key() {
        let refused = |certificate: &str, key: &str, authority: &str| {
            let fetching = Fetching {
                certificate: certificate.into(),
                key: key.into(),
                authority: authority.into(),
                ..Fetching::default()
            };
            Client::new(&fetching).err().unwrap_or_default()
        };
        assert_eq!(refused("", "k", ""), "-tls_key is specified, so -tls_cert must also be specified");
        assert_eq!(refused("c", "", ""), "-tls_cert is specified, so -tls_key must also be specified");
        assert!(refused("/no/c", "/no/k", "").ends_with("-tls_key: open /no/c: no such file or directory"));
        let expected = "could not load CA specified by -tls_ca: open /no/ca: no such file or directory";
        assert_eq!(refused("", "", "/no/ca"), expected);
        assert_eq!(refused("", "", ""), "");
    }

    #[test]
    fn what_cannot_be_reached_is_told_with_its_address() {
        let client = Client::new(&Fetching::default()).unwrap();
        let error = |text| client.get(&Address::new(text, -1, 1).unwrap()).unwrap_err();
        // Nobody may listen on the port of nothing.
        let expected = "Get \"http://127.0.0.1:1/p\": dial tcp 127.0.0.1:1: connect: connection refused";
        assert_eq!(error("127.0.0.1:1/p"), expected);
        assert_eq!(error("ftp://h/p"), "Get \"ftp://h/p\": unsupported protocol scheme \"ftp\"");
    }
}
