package import NATS
package import PlaneProtocol

/// Why a request brought no result.
package enum BusRequestError: Error, CustomStringConvertible {
    /// Nobody answered, or the message could not be sent.
    case transport(NATSError)
    /// The receiver answered that it did not carry the request out.
    case refused(ErrorReply)
    /// The answer could not be read as one to this request.
    case unreadable(MessageError)

    /// Whether the request was certainly not carried out. A missing answer does not say so.
    package var isRefusal: Bool {
        switch self {
        case .transport(let error): error.code == .noResponders
        case .refused: true
        case .unreadable: false
        }
    }

    package var description: String {
        switch self {
        case .transport(let error): "\(error)"
        case .refused(let reply): "refused, \(reply)"
        case .unreadable(let error): "unreadable reply: \(error)"
        }
    }
}
