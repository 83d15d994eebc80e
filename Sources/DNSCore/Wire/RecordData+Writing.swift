import NIOCore

extension RecordData {
    /// Appends the data, preceded by its length in 16 bits. Names in it are not compressed: there are few, and in a truncated or reordered answer a pointer
    /// would be wrong.
    func write(to buffer: inout ByteBuffer) {
        switch self {
        case .a(let address):
            buffer.writeMultipleIntegers(UInt16(4), address)
        case .aaaa(let high, let low):
            buffer.writeMultipleIntegers(UInt16(16), high, low)
        case .ns(let name):
            buffer.writeInteger(UInt16(name.wire.count))
            buffer.writeBytes(name.wire)
        case .soa(let soa):
            buffer.writeInteger(UInt16(soa.primary.wire.count + soa.mailbox.wire.count + 20))
            buffer.writeBytes(soa.primary.wire)
            buffer.writeBytes(soa.mailbox.wire)
            buffer.writeMultipleIntegers(soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum)
        case .txt(let text):
            Self.writeCounted(to: &buffer) { buffer in Self.writeStrings(text, to: &buffer) }
        case .caa(let property):
            Self.writeCounted(to: &buffer) { buffer in
                buffer.writeMultipleIntegers(property.flags, UInt8(truncatingIfNeeded: property.tag.count))
                buffer.writeBytes(property.tag)
                buffer.writeBytes(property.value)
            }
        case .hinfo(let cpu, let system):
            Self.writeCounted(to: &buffer) { buffer in
                Self.writeString(cpu[...], to: &buffer)
                Self.writeString(system[...], to: &buffer)
            }
        case .other(_, let bytes):
            Self.writeCounted(to: &buffer) { buffer in buffer.writeBytes(bytes) }
        }
    }

    /// A text that is longer than one string becomes several, which readers join (RFC 7208 §3.3).
    private static func writeStrings(_ text: [UInt8], to buffer: inout ByteBuffer) {
        var rest = text[...]
        repeat {
            self.writeString(rest.prefix(Int(UInt8.max)), to: &buffer)
            rest = rest.dropFirst(Int(UInt8.max))
        } while !rest.isEmpty
    }

    /// Writes a string: a length of one byte, and as many bytes (RFC 1035 §3.3). Longer strings are cut.
    private static func writeString(_ bytes: ArraySlice<UInt8>, to buffer: inout ByteBuffer) {
        let bytes = bytes.prefix(Int(UInt8.max))
        buffer.writeInteger(UInt8(truncatingIfNeeded: bytes.count))
        buffer.writeBytes(bytes)
    }

    /// If the data is too long for the count, the count is wrong, but the record exceeds every limit and is removed as a whole.
    private static func writeCounted(to buffer: inout ByteBuffer, _ body: (inout ByteBuffer) -> Void) {
        let start = buffer.writerIndex
        buffer.writeInteger(UInt16(0))
        body(&buffer)
        buffer.setInteger(UInt16(truncatingIfNeeded: buffer.writerIndex - start - 2), at: start)
    }
}
