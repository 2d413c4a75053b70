//! What of a command line is an address, and which: `http://host/path`, `host:port/path`, or just `host:port`, as Go reads
//! it. How it is asked is in `client.rs`. Never looks anything up.

use std::time::Duration;

/// Where a server's CPU profile is, if its address says nothing else.
const CPU_PROFILE: &str = "/debug/pprof/profile";

/// Where a profile is fetched from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The address as people see it.
    pub shown: String,
    /// The address that is asked, as an error names it: without a password.
    pub name: String,
    /// The address that is asked.
    pub url: String,
    /// `http` or `https`, if there is no other protocol.
    pub scheme: String,
    /// The host without its port.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether the server may be anybody.
    pub is_insecure: bool,
    /// How long it may take to answer.
    pub timeout: Duration,
}

impl Address {
    /// Reads an address; none if the text can be none. A server is asked to profile for `seconds`, if these are some, and may
    /// take `timeout` seconds; without it half as long again as it profiles, or a minute.
    pub fn new(text: &str, seconds: i64, timeout: i64) -> Option<Address> {
        let parts = match Parts::new(text) {
            // Of `host:port` the host looks like a protocol.
            None => Parts::new(&format!("http://{text}")),
            Some(parts) if parts.authority.is_empty() && !["", "file"].contains(&&*parts.scheme) => {
                Parts::new(&format!("http://{text}"))
            }
            parts => parts,
        };
        let mut parts = parts.filter(|parts| !parts.authority.is_empty())?;
        if ["", "/"].contains(&&*parts.path) {
            parts.path = CPU_PROFILE.into();
        }
        let mut query = pairs(&parts.query);
        if seconds > 0 {
            query.retain(|(key, _)| key != "seconds");
            query.push(("seconds".into(), seconds.to_string()));
        }
        let profiled = query.iter().find(|(key, _)| key == "seconds").and_then(|(_, value)| value.parse::<i32>().ok());
        let profiled = u64::try_from(profiled.unwrap_or(0)).unwrap_or(0);
        let timeout = match (u64::try_from(timeout).unwrap_or(0), profiled) {
            (0, 0) => Duration::from_secs(60),
            (0, profiled) => Duration::from_millis(profiled * 1_500),
            (given, _) => Duration::from_secs(given),
        };
        query.sort_by(|(one, _), (other, _)| one.cmp(other));
        parts.query = query
            .iter()
            .map(|(key, value)| format!("{}={}", escaped(key), escaped(value)))
            .collect::<Vec<_>>()
            .join("&");
        let (host, port) = host_and_port(&parts.authority);
        let host = host.to_owned();
        let is_insecure = parts.scheme == "https+insecure";
        let shown = parts.url();
        if is_insecure {
            parts.scheme = "https".into();
        }
        if parts.authority.ends_with(':') {
            parts.authority.pop();
        }
        let usual = if parts.scheme == "https" { 443 } else { 80 };
        let with_authority = |authority: String| Parts { authority, ..parts.clone() }.url();
        let name = with_authority(without_password(&parts.authority));
        // A port alone is one of this machine.
        let local = if host.is_empty() { "localhost" } else { "" };
        let url = with_authority(format!("{local}{}", parts.authority));
        Some(Address {
            shown,
            name,
            url,
            host,
            port: port.unwrap_or(usual),
            scheme: parts.scheme,
            is_insecure,
            timeout,
        })
    }
}

/// An address in its parts.
#[derive(Clone)]
struct Parts {
    /// In lower case; empty if it names none.
    scheme: String,
    /// Host and port, perhaps with a user.
    authority: String,
    path: String,
    query: String,
    /// What stands behind `#`, which no server is told.
    fragment: String,
}

impl Parts {
    /// Takes an address apart; none if it cannot be one. What stands behind a protocol without slashes is left out.
    fn new(text: &str) -> Option<Parts> {
        if text.contains(|letter: char| letter.is_ascii_control()) {
            return None;
        }
        let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
        let (scheme, rest) = match text.split_once(':') {
            Some(("", _)) => return None,
            Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_lowercase(), rest),
            _ => (String::new(), text),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let opaque = Parts {
            scheme,
            authority: String::new(),
            path: String::new(),
            query: query.into(),
            fragment: fragment.into(),
        };
        if !rest.starts_with('/') {
            let first = rest.split('/').next().unwrap_or_default();
            return (!opaque.scheme.is_empty() || !first.contains(':')).then_some(opaque);
        }
        let Some(rest) = rest.strip_prefix("//").filter(|rest| !opaque.scheme.is_empty() || !rest.starts_with('/'))
        else {
            return Some(opaque);
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if !is_authority(authority) {
            return None;
        }
        let path = path.bytes().fold(String::new(), |mut path, byte| {
            let stays = byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@%!'()*".contains(&byte);
            if stays {
                path.push(char::from(byte))
            } else {
                path.push_str(&format!("%{byte:02X}"))
            }
            path
        });
        Some(Parts { authority: authority.into(), path, ..opaque })
    }

    fn url(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        // Without a protocol in front of the slashes it stays so.
        let colon = if self.scheme.is_empty() { "" } else { ":" };
        let sharp = if self.fragment.is_empty() { "" } else { "#" };
        let Parts { scheme, authority, path, query, fragment } = self;
        format!("{scheme}{colon}//{authority}{path}{mark}{query}{sharp}{fragment}")
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Whether the port, if there is one, is a number, and the host has no letters that none has.
fn is_authority(text: &str) -> bool {
    let host = text.rsplit('@').next().unwrap_or_default();
    let behind = match host.strip_prefix('[') {
        Some(inside) => match inside.split_once(']') {
            Some((_, behind)) => behind,
            None => return false,
        },
        None => host.find(':').map_or("", |colon| &host[colon..]),
    };
    let is_port = behind.is_empty()
        || behind.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    is_port && !host.contains([' ', '"', '<', '>', '\\', '^', '`', '{', '|', '}'])
}

/// The authority with stars in place of a password.
fn without_password(authority: &str) -> String {
    match authority.rsplit_once('@').and_then(|(user, host)| Some((user.split_once(':')?.0, host))) {
        Some((user, host)) => format!("{user}:***@{host}"),
        None => authority.to_owned(),
    }
}

fn host_and_port(authority: &str) -> (&str, Option<u16>) {
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host.trim_matches(['[', ']']), port.parse().ok()),
        _ => (host.trim_matches(['[', ']']), None),
    }
}

/// The keys and values of a query.
fn pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';'));
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.filter_map(|(key, value)| Some((unescaped(key)?, unescaped(value)?))).collect()
}

fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let (digits, behind) = rest.split_at_checked(2)?;
                rest = behind;
                u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?
            }
            other => *other,
        });
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        match byte {
            b' ' => escaped.push('+'),
            byte if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) => escaped.push(char::from(byte)),
            byte => escaped.push_str(&format!("%{byte:02X}")),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        Address::new(text, -1, -1).map(|address| address.shown)
    }

    #[test]
    fn a_host_alone_has_a_cpu_profile() {
        for (text, expected) in [
            ("localhost:8080", "http://localhost:8080/debug/pprof/profile"),
            ("127.0.0.1:80/", "http://127.0.0.1:80/debug/pprof/profile"),
            ("http://h", "http://h/debug/pprof/profile"),
            ("h:1/debug/pprof/heap?gc=1", "http://h:1/debug/pprof/heap?gc=1"),
            ("HTTPS://h/p q?b=2&a=%20x#top", "https://h/p%20q?a=+x&b=2#top"),
            ("https+insecure://h/p", "https+insecure://h/p"),
            (":80", "http://:80/debug/pprof/profile"),
            ("[::1]:1/p", "http://[::1]:1/p"),
            ("//h/p", "//h/p"),
        ] {
            assert_eq!(shown(text).as_deref(), Some(expected), "{text}");
        }
        let insecure = Address::new("https+insecure://h:1/p", -1, -1).unwrap();
        assert_eq!((&*insecure.url, insecure.is_insecure), ("https://h:1/p", true));
        assert_eq!((&*insecure.host, insecure.port), ("h", 1));
    }

    #[test]
    fn what_may_be_a_file_is_no_address() {
        for text in ["cpu.prof", "/a/cpu.prof", "./a:b", "a/b:c", "file:///a", "a:b", "mem_2023-11-02_03:55:24"] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn the_time_to_wait_follows_the_time_to_profile() {
        let of = |text, seconds, timeout| {
            let address = Address::new(text, seconds, timeout).unwrap();
            (address.shown, address.timeout.as_millis())
        };
        let url = |query: &str| format!("http://h:1/debug/pprof/profile{query}");
        assert_eq!(of("h:1", -1, -1), (url(""), 60_000));
        assert_eq!(of("h:1", 5, -1), (url("?seconds=5"), 7_500));
        assert_eq!(of("h:1?seconds=30", -1, -1), (url("?seconds=30"), 45_000));
        assert_eq!(of("h:1?seconds=30", 5, 2), (url("?seconds=5"), 2_000));
    }
}
