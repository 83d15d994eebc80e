package import NIOCore

/// One command with its arguments, which may contain any bytes.
package struct RedisCommand: Hashable, Sendable {
    package var arguments: [[UInt8]]

    package init(_ name: String, _ arguments: [UInt8]...) {
        self.arguments = [Array(name.utf8)] + arguments
    }

    package init(_ name: String, _ arguments: String...) {
        self.arguments = [Array(name.utf8)] + arguments.map { Array($0.utf8) }
    }

    package init(_ name: String, arguments: [[UInt8]]) {
        self.arguments = [Array(name.utf8)] + arguments
    }

    /// Writes the command as an array of bulk strings, in which arguments may contain any bytes.
    package func write(into out: inout ByteBuffer) {
        Self.writeLine(UInt8(ascii: "*"), self.arguments.count, into: &out)
        for argument in self.arguments {
            Self.writeLine(UInt8(ascii: "$"), argument.count, into: &out)
            out.writeBytes(argument)
            out.writeStaticString("\r\n")
        }
    }

    private static func writeLine(_ kind: UInt8, _ number: Int, into out: inout ByteBuffer) {
        out.writeInteger(kind)
        out.writeString(String(number))
        out.writeStaticString("\r\n")
    }
}
