import NIOCore

@testable import ProxyCore

/// A request head or response head taken through the codec without any socket.
enum Translation {
    /// What a backend sees of one request head.
    static func request(
        _ text: String, hidesAuthorization: Bool = false, hidesCookie: Bool = true, trustsForwarding: Bool = false,
        limits: ProxyLimits = ProxyLimits()
    ) throws(HTTPViolation) -> String {
        let bytes = Array(text.utf8)
        let (head, table) = try Self.readRequest(bytes, limits: limits)
        let writer = RequestHeadWriter(
            path: head.path, hidesAuthorization: hidesAuthorization, hiddenCookie: hidesCookie ? "_plane_auth" : nil,
            forwardingFields: trustsForwarding ? .extended : .replaced)
        let out = writer.write(
            head, table.fields, bytes.span.extracting(0..<head.length),
            forwarding: RequestHeadWriter.Forwarding(clientAddress: "192.0.2.7", scheme: "https"), newID: nil,
            allocator: ByteBufferAllocator())
        return String(buffer: out)
    }

    static func readRequest(
        _ bytes: [UInt8], limits: ProxyLimits = ProxyLimits()
    ) throws(HTTPViolation) -> (head: RequestHead, table: FieldTable) {
        var scanner = HeadScanner()
        guard let length = try scanner.scan(bytes.span, limits: limits) else { throw .malformedRequestLine }
        var table = FieldTable()
        let head = try RequestHead.read(bytes.span.extracting(0..<length), length: length, into: &table, limits: limits)
        return (head, table)
    }

    static func readResponse(
        _ bytes: [UInt8], isAnswerToHEAD: Bool = false, limits: ProxyLimits = ProxyLimits()
    ) throws(HTTPViolation) -> (head: ResponseHead, table: FieldTable) {
        var scanner = HeadScanner()
        guard let length = try scanner.scan(bytes.span, limits: limits) else { throw .malformedStatusLine }
        var table = FieldTable()
        let head = try ResponseHead.read(
            bytes.span.extracting(0..<length), length: length, isAnswerToHEAD: isAnswerToHEAD, into: &table, limits: limits)
        return (head, table)
    }

    /// What a client sees of one response head.
    static func response(
        _ text: String, connection: ResponseHeadWriter.Connection = .unsaid, removesChunks: Bool = false, cookieRules: SetCookieRules? = nil
    ) throws(HTTPViolation) -> String {
        let bytes = Array(text.utf8)
        let (head, table) = try Self.readResponse(bytes)
        let writer = ResponseHeadWriter(connection: connection, removesChunks: removesChunks, date: nil, cookieRules: cookieRules)
        let out = writer.write(
            head, table.fields, bytes.span.extracting(0..<head.length), bodyRoom: 0, allocator: ByteBufferAllocator())
        return String(buffer: out)
    }
}
