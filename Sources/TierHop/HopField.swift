package import ProxyCore

/// The one field by which the tier says to a drone's proxy whom a request is for:
///
/// ```
/// X-Plane-Tier-Hop: open room-7-k3v9 <secret>
/// ```
///
/// The secret is shown with each request, not once for each connection: a certificate of the tier's own would bind it to the connection, and cost
/// a handshake of both sides for each, a second chain of certificates to renew, and the trust in it. The secret is as good as the way it goes, and so is
/// everything else on that way: where the network between the two is not private, it is TLS with the cluster's certificate.
package enum HopField {
    package static let name: StaticString = "x-plane-tier-hop"
    /// Fields that begin like this are between tier and drone, and nobody else's.
    package static let prefix: StaticString = "x-plane-tier-"
    /// Longer names cannot be backends' (RFC 1035 §2.3.4).
    private static let nameLimit = 63

    /// What the tier knows of a visitor.
    package enum Admission: Sendable {
        /// It has shown the tier a token of the tier's for this backend.
        case open
        /// The backend was asked for by its name, so what it asks its visitors for is the drone's to check.
        case unchecked
    }

    package struct Content: Equatable {
        package var admission: Admission
        /// The backend's name, a part of the head's bytes.
        package var backend: Range<Int>
    }

    /// - Returns: Nil for a request that is not the tier's: without the field, with two of them, or with another secret.
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

    /// The whole line.
    ///
    /// - Parameter backend: A backend's id.
    package static func line(_ admission: Admission, backend: String, secret: HopSecret) -> [UInt8] {
        let word =
            switch admission {
            case .open: "open"
            case .unchecked: "unchecked"
            }
        return Array("X-Plane-Tier-Hop: \(word) \(backend) ".utf8) + secret.bytes + Array("\r\n".utf8)
    }
}
