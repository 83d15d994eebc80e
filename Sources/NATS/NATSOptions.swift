package import NATSAddressing

/// The servers, and how this process connects to them. The defaults suit a service.
package struct NATSOptions: Sendable {
    /// URLs of any servers of the cluster, tried in random order: `nats://` or `tls://`, optionally with `user:password@` or `token@`, default port 4222.
    /// These servers tell us about the others.
    package var servers: [String]
    /// Used unless the URLs carry credentials.
    package var authentication: NATSAuthentication
    /// TLS beyond what a `tls://` URL asks for, such as a private CA.
    package var tls: NATSTLSOptions?
    /// Shown by the server's monitoring, to tell connections apart.
    package var name: String
    /// First tokens of the subjects on which answers arrive; permissions can be bound to it.
    package var inboxPrefix: String
    /// First tokens of the subjects of JetStream's API. They differ from the server's own if the streams belong to another account, which exports the API.
    package var jetStreamPrefix = JetStream.standardPrefix
    /// Time limit for one server, for TCP and handshakes together.
    package var connectTimeout: Duration
    /// How often the whole list is tried before `connect` gives up; wrong credentials are not tried again.
    package var initialAttempts: Int
    /// Whether wrong credentials are tried again, too. For services, which would only be started again, and whose server may learn the credentials later.
    package var repeatsRefused = false
    /// Pause between two of these attempts.
    package var initialAttemptDelay: Duration
    /// How often a silent connection is tested with a PING. It is given up when two are not answered.
    package var pingInterval: Duration
    /// How long a server that does not read may delay a publish; then the connection is given up.
    package var writeDeadline: Duration
    /// How many bytes are kept for sending later, of what is published while the connection is down.
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
