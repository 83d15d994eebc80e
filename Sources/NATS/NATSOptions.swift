package import NATSAddressing

/// How to reach the servers and how this process behaves towards them. The defaults suit a service.
package struct NATSOptions: Sendable {
    /// URLs of any servers of the cluster, tried in random order: `nats://` or `tls://`, optionally with `user:password@`
    /// or `token@`, default port 4222. The servers tell us about the others.
    package var servers: [String]
    /// Used unless the URLs carry credentials.
    package var authentication: NATSAuthentication
    /// TLS beyond what a `tls://` URL asks for, such as a private CA.
    package var tls: NATSTLSOptions?
    /// Shown by the server's monitoring, to tell connections apart.
    package var name: String
    /// First tokens of the subjects on which answers arrive; permissions can be bound to it.
    package var inboxPrefix: String
    /// First tokens of JetStream's interface. Another than the server's own where the streams are another account's, which exports it.
    package var jetStreamPrefix = JetStream.standardPrefix
    /// For one server, TCP and handshakes together.
    package var connectTimeout: Duration
    /// How often the whole list is tried before `connect` gives up; wrong credentials are not tried again.
    package var initialAttempts: Int
    /// Wrong credentials are tried again too: for services, which would only be started again, and whose server may learn them later.
    package var repeatsRefused = false
    /// Pause between two of these attempts.
    package var initialAttemptDelay: Duration
    /// A silent connection is asked for a sign of life this often, and given up after two unanswered ones.
    package var pingInterval: Duration
    /// Longest time a publish may be held up by a server that does not read; the connection is then given up.
    package var writeDeadline: Duration
    /// What is published while the connection is down is kept up to this size and sent afterwards.
    package var reconnectBufferBytes: Int

    package init(
        servers: [String] = ["nats://127.0.0.1:4222"], authentication: NATSAuthentication = .none,
        tls: NATSTLSOptions? = nil, name: String = "plane", inboxPrefix: String = "_INBOX",
        connectTimeout: Duration = .seconds(5), initialAttempts: Int = 30,
        initialAttemptDelay: Duration = .seconds(10), pingInterval: Duration = .seconds(10),
        writeDeadline: Duration = .seconds(2), reconnectBufferBytes: Int = 8 << 20
    ) {
        self.servers = servers
        self.authentication = authentication
        self.tls = tls
        self.name = name
        self.inboxPrefix = inboxPrefix
        self.connectTimeout = connectTimeout
        self.initialAttempts = initialAttempts
        self.initialAttemptDelay = initialAttemptDelay
        self.pingInterval = pingInterval
        self.writeDeadline = writeDeadline
        self.reconnectBufferBytes = reconnectBufferBytes
    }
}
