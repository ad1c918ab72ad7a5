//! `allowedHostLoopbackPorts`: which ports of the host's own loopback a workload may reach, where the
//! host lets workloads reach it at all.

use super::policy::parse_port;

/// What travels to a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Streams.
    Tcp,
    /// Datagrams.
    Udp,
}

/// A workload's `allowedHostLoopbackPorts`: `5432` (TCP and UDP), `5432/tcp`, `53/udp`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoopbackPorts {
    ports: Vec<(u16, Option<Transport>)>,
}

impl LoopbackPorts {
    /// Reads a list. The error has one sentence for each bad entry.
    pub fn parse(entries: &[String]) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut ports = Vec::with_capacity(entries.len());
        for text in entries {
            match parse_entry(text) {
                Ok(port) => ports.push(port),
                Err(problem) => problems.push(format!(
                    "allowedHostLoopbackPorts entry {text:?}: {problem}"
                )),
            }
        }
        if problems.is_empty() {
            Ok(Self { ports })
        } else {
            Err(problems)
        }
    }

    /// Whether the port is listed.
    pub fn allows(&self, port: u16, transport: Transport) -> bool {
        self.ports
            .iter()
            .any(|(own, only)| *own == port && only.is_none_or(|only| only == transport))
    }
}

fn parse_entry(text: &str) -> Result<(u16, Option<Transport>), String> {
    let (port, transport) = match text.split_once('/') {
        None => (text, None),
        Some((port, "tcp")) => (port, Some(Transport::Tcp)),
        Some((port, "udp")) => (port, Some(Transport::Udp)),
        Some((_, other)) => {
            return Err(format!(
                "{other:?} is not a transport; write `tcp` or `udp`"
            ));
        }
    };
    Ok((parse_port(port)?, transport))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_match_by_number_and_transport() {
        let ports = LoopbackPorts::parse(&["5432", "53/udp", "80/tcp"].map(str::to_owned)).unwrap();
        assert!(ports.allows(5432, Transport::Tcp) && ports.allows(5432, Transport::Udp));
        assert!(ports.allows(53, Transport::Udp) && !ports.allows(53, Transport::Tcp));
        assert!(ports.allows(80, Transport::Tcp) && !ports.allows(81, Transport::Tcp));
        assert!(!LoopbackPorts::default().allows(80, Transport::Tcp));
    }

    #[test]
    fn ranges_wildcards_and_nonsense_are_refused_one_by_one() {
        let bad = ["1-5", "*", "0", "65536", "80/sctp", "+80", ""].map(str::to_owned);
        assert_eq!(LoopbackPorts::parse(&bad).unwrap_err().len(), bad.len());
    }
}
