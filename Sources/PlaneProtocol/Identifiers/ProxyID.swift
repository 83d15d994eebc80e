/// The id of one proxy of a cluster's tier. It is one NATS subject token, like a drone's id. An addition to 0.3.24.
package struct ProxyID: JSONText, Hashable, Codable {
    package static var expectation: String { "a proxy id (one word without '.', '*' and '>')" }

    package let rawValue: String

    package init?(rawValue: String) {
        guard DroneID(rawValue: rawValue) != nil else { return nil }
        self.rawValue = rawValue
    }
}
