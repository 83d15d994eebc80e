/// Why a request that was answered has no result.
package enum ReplyFailure: Error, Hashable, CustomStringConvertible {
    /// The peer says why it did not do it.
    case refused(ErrorReply)
    /// The reply is not one that belongs to the request.
    case unreadable(MessageError)

    package var description: String {
        switch self {
        case .refused(let reply): "refused, \(reply)"
        case .unreadable(let error): "unreadable reply: \(error)"
        }
    }
}

/// A reply type that has a case for `ErrorReply`, so that nothing needs to be thrown for it.
package protocol ErrorCarryingReply: JSONCodable {}
