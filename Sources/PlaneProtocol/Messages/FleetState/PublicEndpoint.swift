/// Scheme and port by which visitors reach a drone's proxy. An addition of ours, absent unless the drone's configuration names them.
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

    /// HTTPS if nil, as 0.3 supposes of every drone.
    package var scheme: Scheme?
    /// The port of the cluster's name if nil, and the scheme's where that has none.
    package var port: UInt16?

    package init(scheme: Scheme? = nil, port: UInt16? = nil) {
        self.scheme = scheme
        self.port = port
    }

    /// A backend's address for a browser.
    package func url(of backend: BackendID, in cluster: ClusterName) -> String {
        let scheme = self.scheme ?? .https
        let port = self.port(in: cluster)
        return "\(scheme.rawValue)://\(backend.hostName(in: cluster))\(port == scheme.defaultPort ? "" : ":\(port)")/"
    }

    /// Where visitors reach the proxy.
    package func port(in cluster: ClusterName) -> UInt16 {
        self.port ?? cluster.port ?? (self.scheme ?? .https).defaultPort
    }

    /// The port on which the proxy shows its certificate; nil for a drone whose visitors come by plain HTTP.
    package func httpsPort(in cluster: ClusterName) -> UInt16? {
        self.scheme == .http ? nil : self.port ?? cluster.port ?? Scheme.https.defaultPort
    }

    /// Reads the two keys from a message about the drone.
    init(in json: JSONNode) throws(MessageError) {
        // A scheme that only a later version knows is passed over; the rest of the message counts.
        self.scheme = try json.optional("public_scheme", as: String.self).flatMap { Scheme(rawValue: $0) }
        self.port = try json.optional("public_port")
    }

    func write(to object: inout JSONWriter.Object) {
        object.fieldIfPresent("public_scheme", self.scheme?.rawValue)
        object.fieldIfPresent("public_port", self.port)
    }
}
