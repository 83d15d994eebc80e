import Testing

@testable import PlaneProtocol

@Suite("What a drone says of a state, which others keep")
struct StatusDetailLimitTests {
    private static let long = String(repeating: "é", count: 400_000)

    private func decode(_ json: String) throws -> BackendStatusDetail { try WireCodec.decode(from: Array(json.utf8)) }

    @Test("a long explanation, requester or line is cut where it is read, and what is short stays")
    func cut() throws {
        let detail = try self.decode(#"{"message":"\#(Self.long)","requested_by":"\#(Self.long)","last_lines":["\#(Self.long)","last"]}"#)
        #expect(detail.message?.utf8.count == BackendStatusDetail.messageBytes)
        #expect(detail.message?.allSatisfy { $0 == "é" } == true)
        #expect(detail.requestedBy?.utf8.count == BackendStatusDetail.requesterBytes)
        #expect(detail.lastLines == ["last"])
        let short = try self.decode(#"{"message":"no such image","requested_by":"ann","last_lines":["a","b"],"exit_code":1}"#)
        #expect(short == BackendStatusDetail(exitCode: 1, message: "no such image", lastLines: ["a", "b"], requestedBy: "ann"))
    }

    @Test("of many lines the newest stay")
    func lines() throws {
        let lines = (0..<100_000).map { "\"\($0)\"" }.joined(separator: ",")
        let detail = try self.decode(#"{"last_lines":[\#(lines)]}"#)
        #expect(detail.lastLines == (100_000 - BackendStatusDetail.linesLimit..<100_000).map { "\($0)" })
    }

    @Test("so is a piece of a log, which is no longer than Docker's otherwise")
    func logs() throws {
        func message(_ text: String) throws -> BackendLogMessage {
            try WireCodec.decode(from: Array(#"{"backend_id":"one","kind":"Stdout","text":"\#(text)"}"#.utf8))
        }
        #expect(try message(Self.long).text.utf8.count == BackendLogMessage.mostBytes)
        let usual = String(repeating: "x", count: 16 << 10)
        #expect(try message(usual).text == usual)
    }

    @Test("an agent sends no more than others read")
    func sent() {
        let detail = BackendStatusDetail(message: Self.long, lastLines: [Self.long])
        #expect(WireCodec.encode(detail).count < 5000)
    }
}
