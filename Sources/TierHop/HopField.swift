package import ProxyCore

/// The header field in which the tier tells a drone's proxy which backend a request is for:
///
/// ```
/// X-Plane-Tier-Hop: open room-7-k3v9 <secret>
/// ```
///
/// The secret proves with each request that it comes from the tier. A client certificate would prove that once for each connection, but cost a
/// handshake in which both sides show certificates, and a second chain of certificates to trust and renew. Whoever can read the network between
/// tier and drone can read the secret and everything else there, so where that network is not private the connection uses TLS with the cluster's
/// certificate.
package enum HopField {
    package static let name: StaticString = "x-plane-tier-hop"
    /// Fields that begin like this are only for the way from the tier to a drone, and removed elsewhere.
    package static let prefix: StaticString = "x-plane-tier-"
    /// Longer names cannot be names of backends (RFC 1035 §2.3.4).
    private static let nameLimit = 63

    /// What the tier has checked about a visitor.
    package enum Admission: Sendable {
        /// The visitor has a token of the tier for this backend.
        case open
        /// The backend was asked for by its name, so the drone has to check the visitor's token, if it requires one.
        case unchecked
    }

    package struct Content: Equatable {
        package var admission: Admission
        /// The backend's name, a part of the head's bytes.
        package var backend: Range<Int>
    }

    /// - Returns: Nil for a request that does not come from the tier: without the field, with two of them, or with another secret.
    package static func read(_ fields: [FieldTable.Field], _ bytes: Span<UInt8>, secret: HopSecret) -> Content? {
        var value: Range<Int>?
        for field in fields where bytes.equals(field.name, lowercase: self.name) {
            guard value == nil else { return nil }
            value = field.value
        }
        guard let value, let first = bytes.firstIndex(of: .space, in: value),
            let second = bytes.firstIndex(of: .space, in: (first + 1)..<value.upperBound),
            secret.isEqual((second + 1)..<value.upperBound, in: bytes)
        else { return nil }
        let backend = (first + 1)..<second
        guard !backend.isEmpty, backend.count <= self.nameLimit else { return nil }
        let word = value.lowerBound..<first
        if bytes.equals(word, uppercase: "open") { return Content(admission: .open, backend: backend) }
        if bytes.equals(word, uppercase: "unchecked") { return Content(admission: .unchecked, backend: backend) }
        return nil
    }

    /// The complete line.
    ///
    /// - Parameter backend: the backend's id.
    package static func line(_ admission: Admission, backend: String, secret: HopSecret) -> [UInt8] {
        let word =
            switch admission {
            case .open: "open"
            case .unchecked: "unchecked"
            }
        return Array("X-Plane-Tier-Hop: \(word) \(backend) ".utf8) + secret.bytes + Array("\r\n".utf8)
    }
}
