import CNGHTTP2
import NIOCore

/// The fields of a response on a stream, as positions in two buffers: the head that the backend sent, and lines that the proxy adds. The library copies them,
/// with names in lower case.
struct ResponseFieldList {
    private struct Entry {
        var isOwn: Bool
        var name: Range<Int>
        var value: Range<Int>
    }

    private var entries: [Entry] = []

    mutating func removeAll() {
        self.entries.removeAll(keepingCapacity: true)
    }

    /// Adds the fields of a backend's head that the client is to see. Cookies that have to be changed are written into `lines` instead.
    mutating func add(
        _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, hiding hiddenField: StaticString?, cookieRules: SetCookieRules?, into lines: inout ByteBuffer,
        status: Int
    ) {
        for field in fields {
            switch field.kind {
            // HTTP/2 has its own framing and connection management (RFC 9113 §8.2.2).
            case .connection, .keepAlive, .proxyConnection, .te, .upgrade, .proxyAuthentication, .nominated, .transferEncoding, .misleading: continue
            // Responses with these statuses have no body, and must not state a length (RFC 9110 §8.6).
            case .contentLength where status < 200 || status == 204: continue
            case .other: if let hiddenField, bytes.equals(field.name, lowercase: hiddenField) { continue }
            case .setCookie:
                if let cookieRules, !cookieRules.allows(bytes, field.value) {
                    cookieRules.write(bytes, field.value, into: &lines)
                    continue
                }
            default: break
            }
            self.entries.append(Entry(isOwn: false, name: field.name, value: field.value))
        }
    }

    /// Adds complete lines, each `name: value` and a line end, which the proxy has written or checked.
    mutating func addLines(_ bytes: Span<UInt8>) {
        var start = 0
        while start < bytes.count {
            let end = bytes.firstIndex(of: .lineFeed, in: start..<bytes.count) ?? bytes.count
            if let colon = bytes.firstIndex(of: .colon, in: start..<end) {
                let last = end > colon + 1 && bytes[end - 1] == .carriageReturn ? end - 1 : end
                self.entries.append(Entry(isOwn: true, name: start..<colon, value: bytes.trimmingBlanks((colon + 1)..<last)))
            }
            start = end + 1
        }
    }

    /// Calls `body` with the fields in the library's form; the pointers are valid until `body` returns.
    ///
    /// - Parameters:
    ///   - status: Where the three digits are in `bytes`; nil for trailers.
    ///   - lines: The bytes of the lines that were added.
    func withFields(
        status: Range<Int>?, _ bytes: UnsafeRawBufferPointer, _ lines: UnsafeRawBufferPointer, _ body: (UnsafeMutableBufferPointer<nghttp2_nv>) -> Void
    ) {
        withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: self.entries.count + 1) { fields in
            var count = 0
            func add(_ name: UnsafeRawPointer?, _ nameLength: Int, _ value: UnsafeRawPointer?, _ valueLength: Int) {
                fields.initializeElement(
                    at: count,
                    to: nghttp2_nv(
                        name: UnsafeMutablePointer(mutating: name?.assumingMemoryBound(to: UInt8.self)),
                        value: UnsafeMutablePointer(mutating: value?.assumingMemoryBound(to: UInt8.self)),
                        namelen: nameLength, valuelen: valueLength, flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)))
                count += 1
            }
            let statusName: StaticString = ":status"
            if let status { add(UnsafeRawPointer(statusName.utf8Start), statusName.utf8CodeUnitCount, bytes.baseAddress.map { $0 + status.lowerBound }, 3) }
            for entry in self.entries {
                guard let base = entry.isOwn ? lines.baseAddress : bytes.baseAddress else { continue }
                add(base + entry.name.lowerBound, entry.name.count, base + entry.value.lowerBound, entry.value.count)
            }
            body(UnsafeMutableBufferPointer(rebasing: fields[..<count]))
        }
    }
}
