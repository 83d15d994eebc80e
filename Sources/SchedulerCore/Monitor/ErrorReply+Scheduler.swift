import PlaneProtocol

extension ErrorReply {
    /// The sender repeats its message until it is stored.
    static let cannotWrite = ErrorReply(code: .unavailable, message: "the scheduler could not write to the stream; try again")
}
