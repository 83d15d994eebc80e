package import NIOCore

/// Parses what a Redis server sends, in pieces of any size: RESP2, and of RESP3 what a server of version 6 or later sends in answer to the commands
/// of this target.
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
        let isPush: Bool
        var elements: [RedisValue] = []

        /// Memory is reserved for a few elements only, whatever was announced.
        init(remaining: Int, isPush: Bool) {
            self.remaining = remaining
            self.isPush = isPush
            self.elements.reserveCapacity(min(remaining, 16))
        }
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
            guard let line = try self.line(buffer.readableBytesUInt8Span) else { return nil }
            switch line.kind {
            case UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: "("):
                return self.take(line.length, from: &buffer, .text(Self.text(line, buffer)))
            case UInt8(ascii: "-"):
                return self.take(line.length, from: &buffer, .error(String(decoding: Self.text(line, buffer), as: UTF8.self)))
            case UInt8(ascii: ":"):
                return self.take(line.length, from: &buffer, .integer(try Self.number(line, buffer.readableBytesUInt8Span)))
            case UInt8(ascii: "_"):
                return self.take(line.length, from: &buffer, .null)
            case UInt8(ascii: "#"):
                return self.take(line.length, from: &buffer, .integer(Self.text(line, buffer) == [UInt8(ascii: "t")] ? 1 : 0))
            case UInt8(ascii: "$"), UInt8(ascii: "="):
                let length = try Self.number(line, buffer.readableBytesUInt8Span)
                if length == -1 { return self.take(line.length, from: &buffer, .null) }
                guard (0...Int64(Int32.max)).contains(length) else { throw Violation(problem: "a string of \(length) bytes") }
                guard let value = try self.readString(Int(length), behind: line.length, from: &buffer) else { return nil }
                return value
            case UInt8(ascii: "*"), UInt8(ascii: "~"), UInt8(ascii: "%"), UInt8(ascii: ">"):
                if let value = try self.begin(line, &buffer) { return value }
            default:
                throw Violation(problem: "a reply that begins with the byte \(line.kind)")
            }
        }
    }

    /// Begins an array, a set, a map (whose keys and values are elements alike) or a push. Returns it if it has no elements.
    private mutating func begin(_ line: Line, _ buffer: inout ByteBuffer) throws(Violation) -> RedisValue? {
        let isPush = line.kind == UInt8(ascii: ">")
        let announced = try Self.number(line, buffer.readableBytesUInt8Span)
        if announced == -1, !isPush { return self.take(line.length, from: &buffer, .null) }
        guard (0...Int64(Int32.max / 2)).contains(announced) else { throw Violation(problem: "an array of \(announced) elements") }
        guard !isPush || self.frames.isEmpty else { throw Violation(problem: "a push inside of a reply") }
        let count = Int(announced) * (line.kind == UInt8(ascii: "%") ? 2 : 1)
        if count == 0 { return self.take(line.length, from: &buffer, isPush ? .push([]) : .array([])) }
        guard self.frames.count < self.limits.depth else { throw Violation(problem: "arrays in arrays, more than \(self.limits.depth) deep") }
        buffer.moveReaderIndex(forwardBy: line.length)
        self.frames.append(Frame(remaining: count, isPush: isPush))
        return nil
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
        var isPush = false
        while let last = self.frames.indices.last {
            self.frames[last].remaining -= 1
            if !self.isOversized { self.frames[last].elements.append(value) }
            if self.frames[last].remaining > 0 { return nil }
            let frame = self.frames.removeLast()
            isPush = frame.isPush
            value = isPush ? .push(frame.elements) : .array(frame.elements)
        }
        defer { (self.keptBytes, self.elementCount, self.readBytes, self.isOversized) = (0, 0, 0, false) }
        guard self.isOversized else { return value }
        return isPush ? .push([]) : .oversized
    }

    /// Keeps nothing of this reply; the rest is read and dropped.
    private mutating func forgetElements() {
        guard !self.isOversized else { return }
        self.isOversized = true
        for index in self.frames.indices { self.frames[index].elements = [] }
    }

    /// The line at the front.
    private struct Line {
        let kind: UInt8
        /// With the first character and the line's end.
        let length: Int
    }

    private func line(_ bytes: Span<UInt8>) throws(Violation) -> Line? {
        let limit = min(bytes.count, self.limits.lineBytes)
        var end = 0
        while end < limit, bytes[end] != 0x0A { end &+= 1 }
        guard end < limit else {
            guard limit < self.limits.lineBytes else { throw Violation(problem: "a line of more than \(self.limits.lineBytes) bytes") }
            return nil
        }
        guard end >= 2, bytes[end - 1] == 0x0D else { throw Violation(problem: "a line that does not end with CR LF") }
        return Line(kind: bytes[0], length: end + 1)
    }

    private static func text(_ line: Line, _ buffer: ByteBuffer) -> [UInt8] {
        buffer.getBytes(at: buffer.readerIndex + 1, length: line.length - 3) ?? []
    }

    private static func number(_ line: Line, _ bytes: Span<UInt8>) throws(Violation) -> Int64 {
        let sign = bytes[1]
        let first = sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") ? 2 : 1
        let end = line.length - 2
        var number: Int64 = 0
        var isNumber = first < end
        for index in first..<max(first, end) {
            let digit = Int64(bytes[index]) - 0x30
            let (product, overflow) = number.multipliedReportingOverflow(by: 10)
            let (sum, carry) = sign == UInt8(ascii: "-") ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
            if overflow || carry || !(0...9).contains(digit) { isNumber = false }
            number = sum
        }
        guard isNumber else { throw Violation(problem: "a number with other characters than digits, or of more than 64 bits") }
        return number
    }
}
