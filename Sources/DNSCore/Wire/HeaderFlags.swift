/// The second 16 bits of a message (RFC 1035 §4.1.1, RFC 4035 §3.1.6):
///
///      15  14 13 12 11  10   9   8   7   6   5   4   3  2  1  0
///     |QR|   opcode   |AA |TC |RD |RA | Z |AD |CD |   rcode    |
package struct HeaderFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// Set in answers, clear in questions.
    package static let response = HeaderFlags(rawValue: 0x8000)
    package static let authoritative = HeaderFlags(rawValue: 0x0400)
    /// Not everything has fitted; the client should ask again over TCP.
    package static let truncated = HeaderFlags(rawValue: 0x0200)
    package static let recursionDesired = HeaderFlags(rawValue: 0x0100)
    package static let recursionAvailable = HeaderFlags(rawValue: 0x0080)
    package static let authenticData = HeaderFlags(rawValue: 0x0020)
    package static let checkingDisabled = HeaderFlags(rawValue: 0x0010)

    /// The operation; 0 is an ordinary query (RFC 6895 §2.2).
    package var opcode: UInt8 { UInt8(self.rawValue >> 11 & 0xF) }

    private static let opcodeBits: UInt16 = 0x7800

    /// The flags of an answer to a query with these flags: the opcode and the flags that are repeated, with this code.
    func answering(_ code: ResponseCode) -> HeaderFlags {
        let kept = self.rawValue & (Self.opcodeBits | Self.recursionDesired.rawValue | Self.checkingDisabled.rawValue)
        return HeaderFlags(rawValue: Self.response.rawValue | kept | code.rawValue & 0xF)
    }
}
