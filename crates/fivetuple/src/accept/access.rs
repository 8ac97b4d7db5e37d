//! Who may connect.

use std::net::IpAddr;

use ipnet::IpNet;

/// Access rules by the client's address. Denied networks come first; if any network is allowed,
/// everybody else is turned away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Networks that are let in.
    pub allow: Vec<IpNet>,
    /// Networks that are turned away.
    pub deny: Vec<IpNet>,
}

impl Access {
    /// Whether this address is let in.
    pub fn admits(&self, ip: IpAddr) -> bool {
        let within = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&ip));
        !within(&self.deny) && (self.allow.is_empty() || within(&self.allow))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn deny_comes_first_and_an_allow_turns_everybody_else_away() {
        let rules = [
            (&[][..], &[][..], "10.0.0.1", true),
            (&["10.0.0.0/8"], &[], "10.0.0.1", true),
            (&["10.0.0.0/8"], &[], "11.0.0.1", false),
            (&["10.0.0.0/8"], &[], "::1", false),
            (&[], &["10.0.0.0/8"], "10.0.0.1", false),
            (&[], &["10.0.0.0/8"], "::1", true),
            (&["10.0.0.0/8"], &["10.1.0.0/16"], "10.1.2.3", false),
            (&["10.0.0.0/8"], &["10.1.0.0/16"], "10.2.2.3", true),
        ];
        for (allow, deny, ip, admitted) in rules {
            let access = Access {
                allow: networks(allow),
                deny: networks(deny),
            };
            assert_eq!(
                access.admits(ip.parse().unwrap()),
                admitted,
                "{access:?} {ip}"
            );
        }
    }
}
