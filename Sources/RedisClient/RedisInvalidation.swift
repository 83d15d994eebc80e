/// Which keys Redis says have changed since they were read.
package enum RedisInvalidation: Hashable, Sendable {
    case keys([[UInt8]])
    /// All of them, as after FLUSHALL, or more than can be kept of one message.
    case everything

    /// - Parameter push: the elements of a push; nil for a message about something else.
    package init?(push: [RedisValue]) {
        guard let kind = push.first else {
            self = .everything
            return
        }
        guard kind.bytes.map({ $0.elementsEqual("invalidate".utf8) }) == true else { return nil }
        let keys = push.dropFirst().first?.elements?.map(\.bytes) ?? []
        let known = keys.compactMap { $0 }
        self = keys.isEmpty || known.count < keys.count ? .everything : .keys(known)
    }
}
