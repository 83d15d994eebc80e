import Testing

@testable import ProxyCore

@Suite("Strictness: responses of hostile backends")
struct ResponseStrictnessTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var bytes: String
        var violation: HTTPViolation

        init(_ name: String, _ bytes: String, _ violation: HTTPViolation) {
            self.testDescription = name
            self.bytes = bytes
            self.violation = violation
        }

        init(_ name: String, fields: String, _ violation: HTTPViolation) {
            self.init(name, "HTTP/1.1 200 OK\r\n\(fields)\r\n\r\n", violation)
        }
    }

    static let hostile: [Case] = [
        .init("both framings", fields: "Content-Length: 4\r\nTransfer-Encoding: chunked", .contentLengthBesideTransferEncoding),
        .init("two lengths", fields: "Content-Length: 4\r\nContent-Length: 4", .repeatedField),
        .init("two encodings", fields: "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .repeatedField),
        .init("a coding we cannot follow", fields: "Transfer-Encoding: gzip, chunked", .unsupportedTransferEncoding),
        .init("chunked from HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .unsupportedTransferEncoding),
        .init("an odd length", fields: "Content-Length: 4a", .malformedContentLength),
        .init("a response split with a bare carriage return", fields: "A: b\rSet-Cookie: c=d", .malformedFieldValue),
        .init("a bare line feed", fields: "A: b\nSet-Cookie: c=d", .bareLineFeed),
        .init("a NUL", fields: "A: b\0", .malformedFieldValue),
        .init("a folded field", fields: "A: b\r\n c", .foldedField),
        .init("a space before the colon", fields: "A : b", .malformedFieldName),
        .init("no status", "HTTP/1.1 \r\nA: b\r\n\r\n", .malformedStatusLine),
        .init("a short status", "HTTP/1.1 20 OK\r\n\r\n", .malformedStatusLine),
        .init("a long status", "HTTP/1.1 2000 OK\r\n\r\n", .malformedStatusLine),
        .init("a status of zero", "HTTP/1.1 000 OK\r\n\r\n", .malformedStatusLine),
        .init("a status beyond all classes", "HTTP/1.1 600 OK\r\n\r\n", .malformedStatusLine),
        .init("another protocol", "SSH-2.0-OpenSSH_9.2\r\n\r\n", .malformedStatusLine),
        .init("another version", "HTTP/3.0 200 OK\r\n\r\n", .unsupportedVersion),
        .init("Connection removes the length", fields: "Content-Length: 4\r\nConnection: content-length", .protectedFieldNominated),
    ]

    @Test("is refused by its name", arguments: Self.hostile)
    func refused(_ response: Case) {
        #expect(throws: response.violation) { try Translation.readResponse(Array(response.bytes.utf8)) }
    }

    @Test(
        "responses that have no body have none, whatever their fields say",
        arguments: ["HTTP/1.1 204 No Content", "HTTP/1.1 304 Not Modified", "HTTP/1.1 100 Continue"])
    func bodiless(_ line: String) throws {
        #expect(try Translation.readResponse(Array("\(line)\r\nContent-Length: 5\r\n\r\n".utf8)).head.framing == .none)
    }

    @Test("an answer to HEAD has no body")
    func head() throws {
        let bytes = Array("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".utf8)
        #expect(try Translation.readResponse(bytes, isAnswerToHEAD: true).head.framing == .none)
        #expect(try Translation.readResponse(bytes).head.framing == .length(5))
    }

    @Test("without framing fields the body ends with the connection")
    func untilClose() throws {
        #expect(try Translation.readResponse(Array("HTTP/1.0 200 OK\r\n\r\n".utf8)).head.framing == .untilClose)
    }

    @Test("fields between neighbours are dropped and the version is ours")
    func translated() throws {
        let sent = "HTTP/1.0 200 Fine\r\nA: 1\r\nConnection: x-hop\r\nX-Hop: 2\r\nKeep-Alive: 3\r\nUpgrade: h2c\r\nB: 4\r\n\r\n"
        #expect(try Translation.response(sent) == "HTTP/1.1 200 Fine\r\nA: 1\r\nB: 4\r\n\r\n")
        #expect(try Translation.response(sent, connection: .close) == "HTTP/1.1 200 Fine\r\nA: 1\r\nB: 4\r\nConnection: close\r\n\r\n")
    }

    @Test("where a response ends with its head, no field says anything else", arguments: ["100 Continue", "103 Early Hints", "204 No Content"])
    func noFraming(status: String) throws {
        for field in ["Content-Length: 0", "Content-Length: 5", "Transfer-Encoding: chunked"] {
            #expect(try Translation.response("HTTP/1.1 \(status)\r\nA: 1\r\n\(field)\r\nB: 2\r\n\r\n") == "HTTP/1.1 \(status)\r\nA: 1\r\nB: 2\r\n\r\n")
        }
        let unmodified = "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"
        #expect(try Translation.response(unmodified) == unmodified)
    }

    @Test("tabs around a length or an encoding are not passed on")
    func tabs() throws {
        #expect(try Translation.response("HTTP/1.1 200 OK\r\nContent-Length:\t5\t\r\n\r\n") == "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        #expect(
            try Translation.response("HTTP/1.1 200 OK\r\nTransfer-Encoding:\tchunked \t\r\n\r\n") == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    }

    @Test("a status line without a reason keeps the space that belongs there")
    func noReason() throws {
        #expect(try Translation.response("HTTP/1.1 200\r\n\r\n") == "HTTP/1.1 200 \r\n\r\n")
    }
}
