package import ConfigurationReading
import NATSAddressing
import PlaneProtocol
import PlaneService

extension NATSConfiguration: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        let hosts = reader.required(
            "hosts", .list(of: .natsServer),
            "Servers of the NATS cluster: host, host:port, nats://host:port or tls://host:port; one that answers is enough.")
        let login = reader.table("auth") { Self.login(&$0) }
        let credentials = reader.optional(
            "credentials_path", .readPath, "Credentials file (user JWT and seed) to log in with, instead of the table auth.")
        let tls = reader.table("tls") { TLS(&$0) }
        if credentials != nil, reader.isTable("auth") {
            reader.mistake("credentials_path", found: "it beside the table auth", expectation: "one way to log in")
        }
        var inboxPrefixes = ReplySubjects.standardPrefixes
        reader.read(
            "inbox_prefixes", .list(of: .inboxPrefix), into: &inboxPrefixes,
            "Beginnings of the subjects on which requesters are answered, `*` for any token; answers to other subjects are dropped.")
        let jetStreamPrefix = reader.optional(
            "jetstream_prefix", .jetStreamPrefix,
            "Beginning of the subjects of JetStream's interface where the streams are another account's; the server's own if not set.")
        guard let hosts else { return nil }
        self.init(hosts: hosts, authentication: credentials.map { .credentialsFile(path: $0) } ?? login, tls: tls)
        self.inboxPrefixes = inboxPrefixes
        self.jetStreamPrefix = jetStreamPrefix
    }

    /// A token, or user name and password. If all three are given the token counts, as in 0.3.24.
    private static func login(_ reader: inout ConfigReader) -> Authentication? {
        let token = reader.optional("token", .secret, "Token to log in with.")
        let username = reader.optional("username", .elsewhereString, "User name to log in with.")
        let password = reader.optional("password", .secret, "Password of that user.")
        if let token { return .token(token) }
        if let username, let password { return .userPassword(username: username, password: password) }
        if !reader.has("token"), !(reader.has("username") && reader.has("password")) {
            let key = reader.has("username") ? "password" : reader.has("password") ? "username" : "token"
            reader.missing(key, expectation: "either token, or username and password")
        }
        return nil
    }
}

extension NATSConfiguration.TLS: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        self.init()
        self.caPath = reader.optional("ca_path", .readPath, "PEM file of the authorities that may sign the server's certificate; the system's if not set.")
        self.certPath = reader.optional("cert_path", .readPath, "PEM file of the client certificate, for servers that ask for one.")
        self.keyPath = reader.optional("key_path", .readPath, "PEM file of its private key.")
        if reader.has("cert_path") != reader.has("key_path") {
            reader.missing(reader.has("cert_path") ? "key_path" : "cert_path", expectation: "both cert_path and key_path, or neither")
        }
    }
}

extension ConfigType where Value == String {
    /// A server's address; when it is shown, user and password are left out.
    static let natsServer: ConfigType = {
        var type = ConfigType.text(
            "a host with or without port, nats://… or tls://…", { Self.address($0) == nil ? nil : $0 },
            show: { Self.address($0)?.description ?? "" })
        type.isSecret = true
        return type
    }()

    static let jetStreamPrefix = ConfigType.text(
        "a subject prefix such as plane.API", { (ReplySubjects.isPrefix($0) || $0.hasPrefix("$JS.")) && !$0.contains("*") ? $0 : nil }, show: { $0 })

    static let inboxPrefix = ConfigType.text(
        "a subject prefix such as app.inbox, which begins with no subject of plane's own and not with $",
        { ReplySubjects.isPrefix($0) ? $0 : nil }, show: { $0 })

    private static func address(_ text: String) -> NATSServerAddress? {
        // The error only says what was expected, because the text may hold a password.
        try? NATSServerAddress(text)
    }
}
