/// The IPv4 addresses with a common prefix, in text `169.254.0.0/16`; a single address has the length 32, or none.
package struct IPv4Network: Hashable, Sendable, LosslessStringConvertible {
    package var address: UInt32
    package var length: Int

    /// Nil if a bit beyond the length is set, since that is a mistake.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let first = parts.first, case .v4(let address) = IPAddress(String(first)) else { return nil }
        guard let length = parts.count == 1 ? 32 : Int(parts[1]), (0...32).contains(length) else { return nil }
        guard length == 32 || address << UInt32(length) == 0 else { return nil }
        self.address = address
        self.length = length
    }

    package var description: String { "\(IPAddress.v4(self.address))/\(self.length)" }
}
