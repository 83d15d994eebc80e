/// The result of a query (RFC 1035 §4.1.1, RFC 6891 §6.1.3). Values above 15 require EDNS.
package struct ResponseCode: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package static let noError = ResponseCode(rawValue: 0)
    /// The message cannot be understood.
    package static let formatError = ResponseCode(rawValue: 1)
    /// The server cannot answer at the moment.
    package static let serverFailure = ResponseCode(rawValue: 2)
    /// The name does not exist, nor does anything below it (RFC 8020).
    package static let nameError = ResponseCode(rawValue: 3)
    /// The server does not support the operation.
    package static let notImplemented = ResponseCode(rawValue: 4)
    /// The server does not answer for this name, or to this kind of question.
    package static let refused = ResponseCode(rawValue: 5)
    /// The client uses another version of EDNS than 0.
    package static let badVersion = ResponseCode(rawValue: 16)
}

extension ResponseCode: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noError: "NOERROR"
        case .formatError: "FORMERR"
        case .serverFailure: "SERVFAIL"
        case .nameError: "NXDOMAIN"
        case .notImplemented: "NOTIMP"
        case .refused: "REFUSED"
        case .badVersion: "BADVERS"
        default: "RCODE\(self.rawValue)"
        }
    }
}
