package import NIOCore

/// Parses what a Redis server sends (RESP2), in pieces of any size.
///
/// The server is not trusted. Memory is not reserved for an announced length before its bytes have come, and a reply that is larger than the limits is read
/// to its end without being kept, and returned as ``RedisValue/oversized``.
package struct RESPParser {
    /// The bytes are not RESP, so nobody can tell where the next reply begins.
    package struct Violation: Error, Hashable, Sendable {
        package var problem: String
    }

    package struct Limits: Sendable {
        /// How many bytes of strings are kept of one reply. A frontend with thousands of backends has some 100 KiB, a certificate with its key some 10.
        package var keptBytes = 1024 * 1024
        /// How many elements one reply may have, nested ones included.
        package var keptElements = 65_536
        /// How many bytes of one reply are read without being kept before the connection is given up. At 1 GB/s that takes a quarter of a second.
        package var readBytes = 256 * 1024 * 1024
        /// The longest status, error or number, in bytes.
        package var lineBytes = 64 * 1024
        /// How deep arrays may be nested. Replies to our commands have one level; transactions have two.
        package var depth = 4

        package init() {}
    }

    private struct Frame {
        var remaining: Int
        var elements: [RedisValue] = []
    }

    private let limits: Limits
    /// The arrays that have begun, the outermost first.
    private var frames: [Frame] = []
    /// How many bytes of a string, line end included, are still to be skipped.
    private var skipping = 0
    private var keptBytes = 0
    private var elementCount = 0
    private var readBytes = 0
    private var isOversized = false

    package init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// The next complete reply, whose bytes are removed from the buffer; nil until more bytes have come. Parts of a reply that were removed are remembered.
    package mutating func next(_ buffer: inout ByteBuffer) throws(Violation) -> RedisValue? {
        while true {
            if self.skipping > 0 {
                let count = min(self.skipping, buffer.readableBytes)
                buffer.moveReaderIndex(forwardBy: count)
                self.skipping -= count
                guard self.skipping == 0 else { return nil }
                if let value = self.ended(.oversized) { return value }
                continue
            }
            guard let value = try self.readElement(&buffer) else {
                if self.skipping > 0, buffer.readableBytes > 0 { continue }
                return nil
            }
            if let whole = self.ended(value) { return whole }
        }
    }

    /// Reads a value without elements of its own; nil if it is incomplete, or is to be skipped.
    private mutating func readElement(_ buffer: inout ByteBuffer) throws(Violation) -> RedisValue? {
        while true {
            guard let kind: UInt8 = buffer.getInteger(at: buffer.readerIndex) else { return nil }
            guard let (line, lineLength) = try self.line(buffer) else { return nil }
            switch kind {
            case UInt8(ascii: "+"):
                return self.take(lineLength, from: &buffer, .text(line))
            case UInt8(ascii: "-"):
                return self.take(lineLength, from: &buffer, .error(String(decoding: line, as: UTF8.self)))
            case UInt8(ascii: ":"):
                return self.take(lineLength, from: &buffer, .integer(try Self.number(line)))
            case UInt8(ascii: "$"):
                let length = try Self.number(line)
                if length == -1 { return self.take(lineLength, from: &buffer, .null) }
                guard (0...Int64(Int32.max)).contains(length) else { throw Violation(problem: "a string of \(length) bytes") }
                guard let value = try self.readString(Int(length), behind: lineLength, from: &buffer) else { return nil }
                return value
            case UInt8(ascii: "*"):
                let count = try Self.number(line)
                if count == -1 { return self.take(lineLength, from: &buffer, .null) }
                guard (0...Int64(Int32.max)).contains(count) else { throw Violation(problem: "an array of \(count) elements") }
                if count == 0 { return self.take(lineLength, from: &buffer, .array([])) }
                guard self.frames.count < self.limits.depth else { throw Violation(problem: "arrays in arrays, more than \(self.limits.depth) deep") }
                _ = self.take(lineLength, from: &buffer, .null)
                self.frames.append(Frame(remaining: Int(count)))
            default:
                throw Violation(problem: "a reply that begins with the byte \(kind)")
            }
        }
    }

    private mutating func readString(_ length: Int, behind lineLength: Int, from buffer: inout ByteBuffer) throws(Violation) -> RedisValue? {
        self.readBytes += self.isOversized || self.keptBytes + length > self.limits.keptBytes ? length : 0
        guard self.readBytes <= self.limits.readBytes else { throw Violation(problem: "a reply of more than \(self.limits.readBytes) bytes") }
        if self.isOversized || self.keptBytes + length > self.limits.keptBytes {
            self.forgetElements()
            buffer.moveReaderIndex(forwardBy: lineLength)
            self.skipping = length + 2
            return nil
        }
        guard buffer.readableBytes >= lineLength + length + 2 else { return nil }
        let start = buffer.readerIndex + lineLength
        guard buffer.getInteger(at: start + length, as: UInt16.self) == 0x0D0A, let bytes = buffer.getBytes(at: start, length: length) else {
            throw Violation(problem: "a string that does not end where its length says")
        }
        self.keptBytes += length
        return self.take(lineLength + length + 2, from: &buffer, .bulk(bytes))
    }

    private mutating func take(_ length: Int, from buffer: inout ByteBuffer, _ value: RedisValue) -> RedisValue {
        buffer.moveReaderIndex(forwardBy: length)
        return value
    }

    /// Adds an element that was read. Returns the reply if that was its last element.
    private mutating func ended(_ value: RedisValue) -> RedisValue? {
        self.elementCount += 1
        if self.elementCount > self.limits.keptElements { self.forgetElements() }
        var value = value
        while let last = self.frames.indices.last {
            self.frames[last].remaining -= 1
            if !self.isOversized { self.frames[last].elements.append(value) }
            if self.frames[last].remaining > 0 { return nil }
            value = .array(self.frames.removeLast().elements)
        }
        defer { (self.keptBytes, self.elementCount, self.readBytes, self.isOversized) = (0, 0, 0, false) }
        return self.isOversized ? .oversized : value
    }

    /// Keeps nothing of this reply; the rest is read and dropped.
    private mutating func forgetElements() {
        guard !self.isOversized else { return }
        self.isOversized = true
        for index in self.frames.indices { self.frames[index].elements = [] }
    }

    /// The line at the front without its first character and its end, and its length with both.
    private func line(_ buffer: ByteBuffer) throws(Violation) -> (line: [UInt8], length: Int)? {
        let bytes = buffer.readableBytesView.prefix(self.limits.lineBytes)
        guard let end = bytes.firstIndex(of: 0x0A) else {
            guard bytes.count < self.limits.lineBytes else { throw Violation(problem: "a line of more than \(self.limits.lineBytes) bytes") }
            return nil
        }
        let length = end - bytes.startIndex + 1
        guard length >= 3, bytes[end - 1] == 0x0D else { throw Violation(problem: "a line that does not end with CR LF") }
        return (Array(bytes[(bytes.startIndex + 1)..<(end - 1)]), length)
    }

    private static func number(_ line: [UInt8]) throws(Violation) -> Int64 {
        guard let number = Int64(String(decoding: line, as: UTF8.self)) else { throw Violation(problem: "a number with other characters than digits") }
        return number
    }
}
