/// The protocol by which a question came; the answer is sent by the same.
package enum Transport: Hashable, Sendable {
    case udp, tcp

    /// The largest UDP message that we send or ask for: below it nothing on the Internet is fragmented (DNS flag day 2020).
    package static let maximumUDPBytes = 1232
    /// The largest UDP answer for a client without EDNS (RFC 1035 §4.2.1).
    static let minimumUDPBytes = 512

    /// How many bytes the answer to a query may have.
    func limit(for query: Query) -> Int {
        switch self {
        case .udp: min(max(query.edns?.payloadBytes ?? 0, Self.minimumUDPBytes), Self.maximumUDPBytes)
        case .tcp: Int(UInt16.max)
        }
    }

    /// Over TCP a message is preceded by its length (RFC 1035 §4.2.2).
    var leadingBytes: Int {
        switch self {
        case .udp: 0
        case .tcp: 2
        }
    }
}
