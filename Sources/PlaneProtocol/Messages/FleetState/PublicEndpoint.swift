/// The scheme and port at which visitors reach a drone's proxy. An addition to 0.3.24, absent unless the drone's configuration names them.
package struct PublicEndpoint: Hashable, Sendable {
    package enum Scheme: String, CaseIterable, Sendable {
        case http, https

        var defaultPort: UInt16 {
            switch self {
            case .http: 80
            case .https: 443
            }
        }
    }

    /// Nil means HTTPS, which 0.3 assumes for every drone.
    package var scheme: Scheme?
    /// Nil means the port in the cluster's name or, if there is none, the scheme's.
    package var port: UInt16?

    package init(scheme: Scheme? = nil, port: UInt16? = nil) {
        self.scheme = scheme
        self.port = port
    }

    /// The address of a backend for browsers.
    package func url(of backend: BackendID, in cluster: ClusterName) -> String {
        let scheme = self.scheme ?? .https
        let port = self.port(in: cluster)
        return "\(scheme.rawValue)://\(backend.hostName(in: cluster))\(port == scheme.defaultPort ? "" : ":\(port)")/"
    }

    /// The port at which visitors reach the proxy.
    package func port(in cluster: ClusterName) -> UInt16 {
        self.port ?? cluster.port ?? (self.scheme ?? .https).defaultPort
    }

    /// The port at which the proxy uses its certificate; nil for a drone with plain HTTP.
    package func httpsPort(in cluster: ClusterName) -> UInt16? {
        self.scheme == .http ? nil : self.port ?? cluster.port ?? Scheme.https.defaultPort
    }

    /// Reads the two keys from a message about the drone.
    init(in json: JSONNode) throws(MessageError) {
        // A scheme that only a later version knows is ignored; the rest of the message counts.
        self.scheme = try json.optional("public_scheme", as: String.self).flatMap { Scheme(rawValue: $0) }
        self.port = try json.optional("public_port")
    }

    func write(to object: inout JSONWriter.Object) {
        object.fieldIfPresent("public_scheme", self.scheme?.rawValue)
        object.fieldIfPresent("public_port", self.port)
    }
}
