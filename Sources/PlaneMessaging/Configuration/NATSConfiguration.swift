package import PlaneProtocol

/// How to reach NATS (table `nats`).
package struct NATSConfiguration: Hashable, Sendable {
    package enum Authentication: Hashable, Sendable {
        case token(Secret)
        case userPassword(username: String, password: Secret)
        /// A file with a user's JWT and seed, as `nsc` writes it.
        case credentialsFile(path: String)
    }

    /// TLS is on if one of these keys is given, or if a host begins with `tls://`.
    package struct TLS: Hashable, Sendable {
        /// PEM file of the authorities trusted to sign the server's certificate; the system's if nil.
        package var caPath: String?
        /// PEM files of our own certificate and key, for servers that ask for one. Both or neither.
        package var certPath: String?
        package var keyPath: String?

        package init(caPath: String? = nil, certPath: String? = nil, keyPath: String? = nil) {
            self.caPath = caPath
            self.certPath = certPath
            self.keyPath = keyPath
        }
    }

    /// Each is `host`, `host:port`, `nats://[user:password@]host[:port]` or the same with `tls://`. May hold a password, so it must not be logged.
    package var hosts: [String]
    package var authentication: Authentication?
    package var tls: TLS?
    /// Beginnings of the subjects on which requesters are answered; see `ReplySubjects`.
    package var inboxPrefixes = ReplySubjects.standardPrefixes

    /// Beginning of the subjects of JetStream's interface, nil for the server's own; see `NATSOptions.jetStreamPrefix`.
    package var jetStreamPrefix: String?

    package var replySubjects: ReplySubjects { ReplySubjects(prefixes: self.inboxPrefixes) }

    package init(hosts: [String], authentication: Authentication? = nil, tls: TLS? = nil) {
        self.hosts = hosts
        self.authentication = authentication
        self.tls = tls
    }
}
