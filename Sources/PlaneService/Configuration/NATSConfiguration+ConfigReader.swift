import PlaneProtocol

extension NATSConfiguration: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        let hosts = reader.required(
            "hosts", .list(of: .natsServer),
            "Servers of the NATS cluster: host, host:port, nats://host:port or tls://host:port; one that answers is enough.")
        let login = reader.table("auth") { Self.login(&$0) }
        let credentials = reader.optional(
            "credentials_path", .path, "Credentials file (user JWT and seed) to log in with, instead of the table auth.")
        let tls = reader.table("tls") { TLS(&$0) }
        if credentials != nil, reader.isTable("auth") {
            reader.mistake("credentials_path", found: "it beside the table auth", expectation: "one way to log in")
        }
        guard let hosts else { return nil }
        self.init(hosts: hosts, authentication: credentials.map { .credentialsFile(path: $0) } ?? login, tls: tls)
    }

    /// A token, or user name and password. Of a file with all three the older software takes the token, and so do we.
    private static func login(_ reader: inout ConfigReader) -> Authentication? {
        let token = reader.optional("token", .secret, "Token to log in with.")
        let username = reader.optional("username", .string, "User name to log in with.")
        let password = reader.optional("password", .secret, "Password of that user.")
        if let token { return .token(token) }
        if let username, let password { return .userPassword(username: username, password: password) }
        if !reader.has("token"), !(reader.has("username") && reader.has("password")) {
            let key = reader.has("username") ? "password" : reader.has("password") ? "username" : "token"
            reader.mistake(key, found: "nothing", expectation: "either token, or username and password")
        }
        return nil
    }
}

extension NATSConfiguration.TLS: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        self.init()
        self.caPath = reader.optional("ca_path", .path, "PEM file of the authorities that may sign the server's certificate; the system's if not set.")
        self.certPath = reader.optional("cert_path", .path, "PEM file of the client certificate, for servers that ask for one.")
        self.keyPath = reader.optional("key_path", .path, "PEM file of its private key.")
        if reader.has("cert_path") != reader.has("key_path") {
            reader.mistake(
                reader.has("cert_path") ? "key_path" : "cert_path", found: "nothing", expectation: "both cert_path and key_path, or neither")
        }
    }
}

extension ConfigType where Value == String {
    /// Shown without user and password.
    static let natsServer = ConfigType(
        "a host with or without port, nats://… or tls://…",
        read: { value in
            guard let text = value.asString else { return nil }
            let parts = NATSServerParts(text)
            return parts.isValid ? text : nil
        },
        show: { .string(NATSServerParts($0).redacted) })
}

/// The pieces of a server's address, to check it and to show it without its password.
private struct NATSServerParts {
    let scheme: String?
    let userInfo: Substring?
    let address: Substring

    init(_ text: String) {
        var rest = text[...]
        if let mark = text.firstRange(of: "://") {
            self.scheme = text[..<mark.lowerBound].lowercased()
            rest = text[mark.upperBound...]
        } else {
            self.scheme = nil
        }
        let at = rest.lastIndex(of: "@")
        self.userInfo = at.map { rest[..<$0] }
        self.address = at.map { rest[rest.index(after: $0)...] } ?? rest
    }

    var isValid: Bool {
        guard self.scheme == nil || self.scheme == "nats" || self.scheme == "tls" else { return false }
        let address = self.address.hasSuffix("/") ? self.address.dropLast() : self.address
        guard !address.isEmpty, address.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }) else { return false }
        // Behind the last colon stands a port, except where it is inside an IPv6 address, which needs brackets.
        guard let colon = address.lastIndex(of: ":"), !address[colon...].contains("]") else { return true }
        let host = address[..<colon]
        guard !host.isEmpty, host.hasPrefix("[") || !host.contains(":") else { return false }
        return UInt16(address[address.index(after: colon)...]) != nil
    }

    var redacted: String {
        "\(self.scheme.map { "\($0)://" } ?? "")\(self.userInfo == nil ? "" : "\(Secret(""))@")\(self.address)"
    }
}
