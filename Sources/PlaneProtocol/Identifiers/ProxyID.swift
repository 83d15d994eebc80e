/// Names one proxy of a cluster's tier. One NATS subject token, as a drone's id is. Ours.
package struct ProxyID: JSONText, Hashable, Codable {
    package static var expectation: String { "a proxy id (one word without '.', '*' and '>')" }

    package let rawValue: String

    package init?(rawValue: String) {
        guard DroneID(rawValue: rawValue) != nil else { return nil }
        self.rawValue = rawValue
    }
}
