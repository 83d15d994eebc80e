package import NATS
package import PlaneProtocol

/// Why a request brought no result.
package enum BusRequestError: Error, CustomStringConvertible {
    /// Nobody answered, or the message could not be sent.
    case transport(NATSError)
    /// Somebody answered that they did not do it.
    case refused(ErrorReply)
    /// Somebody answered something that does not belong to the request.
    case unreadable(MessageError)

    /// Whether the request was certainly not carried out. Silence says nothing of the kind.
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
