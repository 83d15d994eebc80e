import PlaneProtocol
import ProxyCore
import TierHop

/// The fields that tell a backend who its visitor is.
enum VisitorFields {
    static let prefix: StaticString = "x-verified-"

    /// Those that are the same for all requests with a token, and what the drone's proxy is told.
    static func lines(for grant: TokenGrant, of backend: String, secret: HopSecret) -> [UInt8] {
        var lines = HopField.line(.open, backend: backend, secret: secret)
        func add(_ name: StaticString, _ value: String) {
            // A gateway refuses texts with other characters. One that is there nevertheless must not become a line of its own.
            guard value.utf8.allSatisfy(\.isFieldValueCharacter) else { return }
            lines += "\(name): \(value)\r\n".utf8
        }
        if !grant.isStatic {
            if let user = grant.user { add("x-verified-username", user) }
            if grant.userData.utf8.count <= TokenGrant.longestUserData { add("x-verified-user-data", grant.userData) }
        }
        add("x-verified-backend", backend)
        add("x-verified-secret", grant.isStatic ? "" : grant.secret?.exposed ?? "")
        return lines
    }
}
