extension BackendID {
    /// Whether the backend's host name would be one that software looks up by itself, without a person asking for it.
    ///
    /// Software trusts the host that answers there: a browser takes its proxy from `wpad`, a mail program its servers from `autoconfig`, and many programs
    /// take `localhost` for their own machine. So clients that may choose ids must not get such a name below a cluster's domain. (Names that begin with `_`,
    /// such as `_acme-challenge` and `_dmarc`, are not valid ids anyway. `www`, `mail` and the like are not reserved: people type them, but no program takes
    /// its settings from them.)
    package var isReserved: Bool { Self.reserved.contains(self.rawValue) }

    private static let reserved: Set<String> = [
        // Names for this machine or its network (RFC 6761 §6.3, /etc/hosts of many systems).
        "localhost", "localhost4", "localhost6", "localdomain", "local", "ip6-localhost", "ip6-loopback", "broadcasthost",
        // Hosts where networks tell clients about proxies and tunnels (WPAD, RFC 5214 §8.3).
        "wpad", "isatap",
        // Hosts with settings of mail programs, with the policy for the domain's mail (RFC 8461 §3.3), and with keys to encrypt it (Web Key Directory).
        "autoconfig", "autodiscover", "mta-sts", "openpgpkey",
        // Hosts for sign-in, telephony and device management, which Windows and Office look for below the domain of an account.
        "enterpriseenrollment", "enterpriseregistration", "lyncdiscover", "lyncdiscoverinternal", "msoid", "sip", "sipexternal", "sipinternal",
    ]
}

extension Subdomain {
    /// As with a backend's id, since it stands in the same place.
    package var isReserved: Bool { BackendID(rawValue: self.rawValue)?.isReserved ?? false }
}
