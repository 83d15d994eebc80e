import JSONValues
@testable import PlaneProtocol

extension ClusterName: ExpressibleByStringLiteral {
    /// For tests only, where the text stands right there.
    package init(stringLiteral text: String) { self = Self(rawValue: text)! }
}

extension DroneID: ExpressibleByStringLiteral {
    package init(stringLiteral text: String) { self = Self(rawValue: text)! }
}

extension BackendID: ExpressibleByStringLiteral {
    package init(stringLiteral text: String) { self = Self(rawValue: text)! }
}

extension LockName: ExpressibleByStringLiteral {
    package init(stringLiteral text: String) { self = Self(rawValue: text)! }
}

/// The ids most samples speak of.
enum Sample {
    static let cluster: ClusterName = "plane.test"
    static let drone: DroneID = "drone-a"
    static let backend: BackendID = "0b7f6c1e-50c4-4a0e-9d55-6f2f4f3f2a10"
    static let uid = LockUID(rawValue: 17_293_822_569_102_704_641)
}

extension JSONValue: ExpressibleByStringLiteral {
    package init(stringLiteral text: String) { self = .string(text) }
}
