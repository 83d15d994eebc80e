import NIOCore

/// Commands that are sent together, in the form in which they are sent. One that is sent again and again is written once.
package struct RedisPipeline: Sendable {
    let bytes: ByteBuffer
    package let count: Int

    /// - Parameter commands: at least one.
    package init(_ commands: [RedisCommand]) {
        precondition(!commands.isEmpty, "an empty pipeline has no last answer")
        var bytes = ByteBuffer()
        for command in commands { command.write(into: &bytes) }
        self.bytes = bytes
        self.count = commands.count
    }
}
