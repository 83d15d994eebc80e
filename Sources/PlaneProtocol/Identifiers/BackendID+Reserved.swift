extension BackendID {
    /// Whether the host name that the id would get is one that software looks up by itself, without a person asking for it.
    ///
    /// Software believes the host that answers there: a browser takes its proxy from `wpad`, a mail program its servers from `autoconfig`, and
    /// readers take `localhost` for their own machine. So clients that may choose ids must not get such a name below a cluster's domain.
    /// (Names that begin with `_`, such as `_acme-challenge` and `_dmarc`, are no backend ids at all. `www`, `mail` and the like are not
    /// among these: people type them, no program takes its settings from them.)
    package var isReserved: Bool { Self.reserved.contains(self.rawValue) }

    private static let reserved: Set<String> = [
        // This machine, or its network (RFC 6761 §6.3, /etc/hosts of many systems).
        "localhost", "localhost4", "localhost6", "localdomain", "local", "ip6-localhost", "ip6-loopback", "broadcasthost",
        // Where networks tell clients about proxies and tunnels (WPAD, RFC 5214 §8.3).
        "wpad", "isatap",
        // Settings of mail programs, and where mail of the domain may go (RFC 8461 §3.3), and whom to encrypt it for (Web Key Directory).
        "autoconfig", "autodiscover", "mta-sts", "openpgpkey",
        // Sign-in, telephony and device management, which Windows and Office look for below the domain of an account.
        "enterpriseenrollment", "enterpriseregistration", "lyncdiscover", "lyncdiscoverinternal", "msoid", "sip", "sipexternal", "sipinternal",
    ]
}
