/// Why a request has no result although it was answered.
package enum ReplyError: Error, Hashable, CustomStringConvertible {
    /// The peer gives the reason why it did not carry out the request.
    case refused(ErrorReply)
    /// The reply could not be read as one to this request.
    case unreadable(MessageError)

    package var description: String {
        switch self {
        case .refused(let reply): "refused, \(reply)"
        case .unreadable(let error): "unreadable reply: \(error)"
        }
    }
}

/// A reply type with a case for `ErrorReply`, so that this is not thrown as an error.
package protocol ErrorCarryingReply: JSONCodable {}
