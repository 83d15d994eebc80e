import PlaneProtocol

extension ErrorReply {
    /// The sender repeats its message until it is stored.
    static let cannotWrite = ErrorReply(code: .unavailable, message: "the scheduler could not write to the stream; try again")

    /// A lock that looks free may be held by a backend whose drone has not said so yet.
    static let isRebuilding = ErrorReply(
        code: .unavailable, message: "the state of the world was lost, and the drones are being asked which locks are held; try again in some seconds")

    /// A guess from an old state of the world could give one lock to two.
    static let isBehind = ErrorReply(
        code: .unavailable, message: "the scheduler does not see the newest state of the world, because NATS does not take or bring news; try again")
}
