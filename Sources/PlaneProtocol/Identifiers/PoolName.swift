/// The name of a pool of a cluster's drones, for backends that ask for it: any text of at most 128 bytes without control characters. An addition to 0.3.24.
///
/// A drone or request without a pool belongs to the pool without a name.
package struct PoolName: JSONText, Hashable, Codable {
    package static let maximumBytes = 128
    package static var expectation: String { "a pool's name of at most \(maximumBytes) bytes without control characters" }

    package let rawValue: String

    package init?(rawValue: String) {
        guard rawValue.utf8.count <= Self.maximumBytes, rawValue.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
        self.rawValue = rawValue
    }

    private init() {
        self.rawValue = ""
    }

    package static let unnamed = PoolName()

    package var isUnnamed: Bool { self.rawValue.isEmpty }

    /// Nil for the pool without a name.
    package var ifNamed: PoolName? { self.isUnnamed ? nil : self }
}
