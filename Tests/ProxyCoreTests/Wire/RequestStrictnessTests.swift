import Testing

@testable import ProxyCore

/// A request that some parser in front of us or behind us would read differently.
struct HostileRequest: CustomTestStringConvertible, Sendable {
    var name: String
    var bytes: String
    var violation: HTTPViolation

    var testDescription: String { self.name }

    init(_ name: String, _ bytes: String, _ violation: HTTPViolation) {
        self.name = name
        self.bytes = bytes
        self.violation = violation
    }

    /// Fields behind a good request line and Host.
    init(_ name: String, fields: String, _ violation: HTTPViolation) {
        self.init(name, "POST / HTTP/1.1\r\nHost: b.plane.test\r\n\(fields)\r\n\r\n", violation)
    }

    static let all: [HostileRequest] = [
        // CL.TE, TE.CL, TE.TE
        .init("both lengths", fields: "Content-Length: 4\r\nTransfer-Encoding: chunked", .contentLengthBesideTransferEncoding),
        .init("both lengths, the other way round", fields: "Transfer-Encoding: chunked\r\nContent-Length: 4", .contentLengthBesideTransferEncoding),
        .init("two transfer encodings", fields: "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", .repeatedField),
        .init("chunked twice", fields: "Transfer-Encoding: chunked, chunked", .unsupportedTransferEncoding),
        .init("chunked is not last", fields: "Transfer-Encoding: chunked, identity", .unsupportedTransferEncoding),
        .init("a coding before chunked", fields: "Transfer-Encoding: gzip, chunked", .unsupportedTransferEncoding),
        .init("a misspelt coding", fields: "Transfer-Encoding: xchunked", .unsupportedTransferEncoding),
        .init("a quoted coding", fields: "Transfer-Encoding: \"chunked\"", .unsupportedTransferEncoding),
        .init("an empty coding", fields: "Transfer-Encoding:", .unsupportedTransferEncoding),
        .init("a vertical tab before chunked", fields: "Transfer-Encoding: \u{0B}chunked", .malformedFieldValue),
        .init("chunked in HTTP/1.0", "POST / HTTP/1.0\r\nHost: b.plane.test\r\nTransfer-Encoding: chunked\r\n\r\n", .unsupportedTransferEncoding),
        .init("identity", fields: "Transfer-Encoding: identity", .unsupportedTransferEncoding),
        .init("a coding with a parameter", fields: "Transfer-Encoding: chunked;a=b", .unsupportedTransferEncoding),
        .init("a comma behind chunked", fields: "Transfer-Encoding: chunked,", .unsupportedTransferEncoding),
        .init("a comma before chunked", fields: "Transfer-Encoding: ,chunked", .unsupportedTransferEncoding),
        .init("a high byte behind chunked", fields: "Transfer-Encoding: chunkedé", .unsupportedTransferEncoding),
        .init("a space before the colon of an encoding", fields: "Transfer-Encoding : chunked", .malformedFieldName),
        .init("a line end before the colon of an encoding", fields: "Transfer-Encoding\r\n: chunked", .malformedFieldName),
        .init("an encoding folded behind its name", fields: "Transfer-Encoding:\r\n chunked", .foldedField),
        .init("an encoding hidden behind a bare line feed", fields: "A: b\nTransfer-Encoding: chunked", .bareLineFeed),
        .init("an encoding hidden behind a NUL", fields: "A: b\0\r\nTransfer-Encoding: chunked", .malformedFieldValue),
        .init(
            "a length before and an encoding with other letters", fields: "Content-Length: 4\r\ntRANSFER-eNCODING: chunked",
            .contentLengthBesideTransferEncoding),
        .init("Transfer_Encoding", fields: "Transfer_Encoding: chunked", .misleadingField),
        .init("Content_Length", fields: "Content_Length: 4", .misleadingField),
        // Content-Length
        .init("the length twice", fields: "Content-Length: 4\r\nContent-Length: 5", .repeatedField),
        .init("the same length twice", fields: "Content-Length: 4\r\nContent-Length: 4", .repeatedField),
        .init("a list of lengths", fields: "Content-Length: 4, 4", .malformedContentLength),
        .init("a signed length", fields: "Content-Length: +4", .malformedContentLength),
        .init("a negative length", fields: "Content-Length: -1", .malformedContentLength),
        .init("a hexadecimal length", fields: "Content-Length: 0x4", .malformedContentLength),
        .init("a length some read as octal", fields: "Content-Length: 010", .malformedContentLength),
        .init("a length with a fraction", fields: "Content-Length: 4.0", .malformedContentLength),
        .init("a length with a blank inside", fields: "Content-Length: 4 4", .malformedContentLength),
        .init("a length with a tab inside", fields: "Content-Length: 4\t4", .malformedContentLength),
        .init("an encoding with a tab inside", fields: "Transfer-Encoding: chun\tked", .unsupportedTransferEncoding),
        .init("a length of nothing but a tab", fields: "Content-Length:\t", .malformedContentLength),
        .init("a length behind a space some do not skip", fields: "Content-Length:\u{0B}4", .malformedFieldValue),
        .init("a length with a thousands sign", fields: "Content-Length: 1_0", .malformedContentLength),
        .init("a length in other digits", fields: "Content-Length: ٤", .malformedContentLength),
        .init("no length beside an encoding", fields: "Content-Length: 0\r\nTransfer-Encoding: chunked", .contentLengthBesideTransferEncoding),
        .init("an empty length", fields: "Content-Length: ", .malformedContentLength),
        .init("a length beyond 64 bits", fields: "Content-Length: 18446744073709551620", .malformedContentLength),
        // Lines
        .init("a bare line feed in the head", "GET / HTTP/1.1\nHost: b.plane.test\r\n\r\n", .bareLineFeed),
        .init("a bare line feed ends the head", "GET / HTTP/1.1\r\nHost: b.plane.test\r\n\n", .bareLineFeed),
        .init("a bare carriage return in a value", fields: "A: b\rTransfer-Encoding: chunked", .malformedFieldValue),
        .init("a bare carriage return in a name", fields: "A\r: b", .malformedFieldName),
        .init("a line feed first", "\nGET / HTTP/1.1\r\nHost: b.plane.test\r\n\r\n", .bareLineFeed),
        .init("two carriage returns before a line feed", fields: "A: b\r", .malformedFieldValue),
        .init("a folded field", fields: "A: b\r\n c", .foldedField),
        .init("a field folded with a tab", fields: "A: b\r\n\tContent-Length: 4", .foldedField),
        .init("a blank before the first field", "GET / HTTP/1.1\r\n Host: b.plane.test\r\n\r\n", .foldedField),
        // Names and values
        .init("a space before the colon", fields: "Content-Length : 4", .malformedFieldName),
        .init("a tab before the colon", fields: "Content-Length\t: 4", .malformedFieldName),
        .init("a field without a colon", fields: "Content-Length", .malformedFieldName),
        .init("a field without a name", fields: ": 4", .malformedFieldName),
        .init("a control byte in a name", fields: "A\u{01}: b", .malformedFieldName),
        .init("a NUL in a value", fields: "A: b\0c", .malformedFieldValue),
        .init("a NUL in a name", fields: "A\0: b", .malformedFieldName),
        .init("a DEL in a value", fields: "A: b\u{7F}c", .malformedFieldValue),
        .init("a bell in a value", fields: "A: \u{07}", .malformedFieldValue),
        .init("a name outside ASCII", fields: "Å: b", .malformedFieldName),
        // Request line
        .init("no version", "GET /\r\nHost: b.plane.test\r\n\r\n", .malformedTarget),
        .init("two spaces", "GET  / HTTP/1.1\r\nHost: b.plane.test\r\n\r\n", .malformedRequestLine),
        .init("a tab for a space", "GET\t/ HTTP/1.1\r\nHost: b.plane.test\r\n\r\n", .malformedRequestLine),
        .init("a space in the target", "GET /a b HTTP/1.1\r\nHost: b.plane.test\r\n\r\n", .malformedRequestLine),
        .init("a space behind the version", "GET / HTTP/1.1 \r\nHost: b.plane.test\r\n\r\n", .malformedRequestLine),
        .init("a space before the method", " GET / HTTP/1.1\r\nHost: b.plane.test\r\n\r\n", .malformedRequestLine),
        .init("no method", "/ HTTP/1.1\r\nHost: b.plane.test\r\n\r\n", .malformedRequestLine),
        .init("a method with a bracket", "GE[T / HTTP/1.1\r\nHost: b.plane.test\r\n\r\n", .malformedRequestLine),
        .init("a method without end", "\(String(repeating: "A", count: 33)) / HTTP/1.1\r\nHost: b.plane.test\r\n\r\n", .malformedRequestLine),
        .init("HTTP/2 by prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion),
        .init("HTTP/0.9", "GET / HTTP/0.9\r\nHost: b.plane.test\r\n\r\n", .unsupportedVersion),
        .init("HTTP/1.2", "GET / HTTP/1.2\r\nHost: b.plane.test\r\n\r\n", .unsupportedVersion),
        .init("HTTP/1.10", "GET / HTTP/1.10\r\nHost: b.plane.test\r\n\r\n", .malformedRequestLine),
        .init("http in lower case", "GET / http/1.1\r\nHost: b.plane.test\r\n\r\n", .malformedRequestLine),
        .init("a fragment in the target", "GET /a#b HTTP/1.1\r\nHost: b.plane.test\r\n\r\n", .malformedTarget),
        .init("a byte outside ASCII in the target", "GET /å HTTP/1.1\r\nHost: b.plane.test\r\n\r\n", .malformedTarget),
        .init("a NUL in the target", "GET /\0 HTTP/1.1\r\nHost: b.plane.test\r\n\r\n", .malformedTarget),
        .init("a relative target", "GET index.html HTTP/1.1\r\nHost: b.plane.test\r\n\r\n", .malformedTarget),
        .init("CONNECT", "CONNECT b.plane.test:443 HTTP/1.1\r\nHost: b.plane.test:443\r\n\r\n", .malformedTarget),
        .init("an asterisk without OPTIONS", "GET * HTTP/1.1\r\nHost: b.plane.test\r\n\r\n", .malformedTarget),
        // Host
        .init("no Host", "GET / HTTP/1.1\r\nA: b\r\n\r\n", .missingHost),
        .init("no Host in HTTP/1.0", "GET / HTTP/1.0\r\nA: b\r\n\r\n", .missingHost),
        .init("two Hosts", fields: "Host: other.plane.test", .repeatedField),
        .init("a list of Hosts", "GET / HTTP/1.1\r\nHost: a.plane.test, b.plane.test\r\n\r\n", .malformedHost),
        .init("an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", .malformedHost),
        .init("a Host with user information", "GET / HTTP/1.1\r\nHost: user@b.plane.test\r\n\r\n", .malformedHost),
        .init("a Host with a path", "GET / HTTP/1.1\r\nHost: b.plane.test/x\r\n\r\n", .malformedHost),
        .init("a Host with a strange port", "GET / HTTP/1.1\r\nHost: b.plane.test:8x\r\n\r\n", .malformedHost),
        .init("a Host with two ports", "GET / HTTP/1.1\r\nHost: b.plane.test:80:80\r\n\r\n", .malformedHost),
        .init("a Host with an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", .malformedHost),
        .init("a target naming another host", "GET http://other.plane.test/ HTTP/1.1\r\nHost: b.plane.test\r\n\r\n", .hostContradictsTarget),
        .init("a target naming another port", "GET http://b.plane.test:81/ HTTP/1.1\r\nHost: b.plane.test\r\n\r\n", .hostContradictsTarget),
        .init("a target with user information", "GET http://x@b.plane.test/ HTTP/1.1\r\nHost: b.plane.test\r\n\r\n", .hostContradictsTarget),
        // Connection
        .init("Connection removes the length", fields: "Content-Length: 4\r\nConnection: content-length", .protectedFieldNominated),
        .init("Connection removes the encoding", fields: "Transfer-Encoding: chunked\r\nConnection: close, Transfer-Encoding", .protectedFieldNominated),
        .init("Connection removes Host", fields: "Connection: host", .protectedFieldNominated),
        .init("Connection removes the cookie", fields: "Cookie: a=b\r\nConnection: cookie", .protectedFieldNominated),
        .init("Connection removes the token", fields: "Authorization: a\r\nConnection: authorization", .protectedFieldNominated),
        .init("Connection names very many", fields: "Connection: \(String(repeating: "a,", count: 40))", .tooManyFields),
        .init("two Authorizations", fields: "Authorization: a\r\nAuthorization: b", .repeatedField),
        // Expect: who waits for what it does not know sends a body that somebody else does not expect
        .init("an expectation nobody knows", fields: "Content-Length: 4\r\nExpect: 200-ok", .unknownExpectation),
        .init("an expectation behind another", fields: "Content-Length: 4\r\nExpect: y 100-continue", .unknownExpectation),
        .init("a list of expectations", fields: "Content-Length: 4\r\nExpect: 100-continue, 100-continue", .unknownExpectation),
        .init("two expectations", fields: "Content-Length: 4\r\nExpect: 100-continue\r\nExpect: x", .repeatedField),
        // Size
        .init("a line without end", fields: "A: \(String(repeating: "a", count: 17_000))", .lineTooLong),
        .init("a head without end", fields: String(repeating: "A: \(String(repeating: "a", count: 8000))\r\n", count: 5), .headTooLarge),
        .init("fields without end", fields: String(repeating: "A: b\r\n", count: 200), .tooManyFields),
    ]
}

@Suite("Strictness: requests that two parsers could read differently")
struct RequestStrictnessTests {
    @Test("is refused by its name", arguments: HostileRequest.all)
    func refused(_ request: HostileRequest) {
        #expect(throws: request.violation) { try Translation.request(request.bytes) }
    }

    @Test("what is refused as a whole is refused, or incomplete, at every shorter length", arguments: HostileRequest.all)
    func truncated(_ request: HostileRequest) {
        let bytes = Array(request.bytes.utf8)
        for length in 0..<bytes.count {
            #expect(throws: HTTPViolation.self) { try Translation.readRequest(Array(bytes[..<length])) }
        }
    }

    @Test("no two cases are the same")
    func tableIsSound() {
        #expect(Set(HostileRequest.all.map(\.bytes)).count == HostileRequest.all.count)
        #expect(Set(HostileRequest.all.map(\.name)).count == HostileRequest.all.count)
    }
}
