@testable import NATS
import PlaneTestSupport
import Testing

@Suite("The requests in flight")
struct RequestTableTests {
    @Test("are bounded, and a refused one leaves nothing behind")
    func refusal() async {
        let table = RequestTable(inbox: "_INBOX.test")
        table.refuse(.closed)
        let error = await #expect(throws: NATSError.self) {
            _ = try await table.request(to: "a", timeout: .seconds(1), attempt: "request a") { _ throws(NATSError) in }
        }
        #expect(error?.code == .closed)
    }

    @Test(
        "take no acknowledgement of a stream for the answer, where they must not",
        arguments: [
            #"{"stream":"AUDIT", "seq":3}"#, #"{"stream":"AUDIT","domain":"hub","seq":3,"duplicate":true}"#,
            #"{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"},"stream":"AUDIT","seq":0}"#,
        ])
    func acknowledgements(text: String) async throws {
        let table = RequestTable(inbox: "_INBOX.test")
        for (awaited, expected) in [(AwaitedAnswer.anything, text), (.anythingButAcknowledgement, "true")] {
            let answer = try await table.request(to: "a", timeout: .seconds(60), awaiting: awaited, attempt: "request a") { reply throws(NATSError) in
                table.receive(NATSMessage(subject: reply, payload: text.bytes))
                table.receive(NATSMessage(subject: reply, payload: "true".bytes))
            }
            #expect(answer.text == expected)
        }
    }

    @Test(
        "take everything else for it, also what looks a little like one",
        arguments: ["", "true", #"{"Scheduled":{"stream":"x"}}"#, #"{"stream":7,"seq":"x"}"#, #"{"stream":"a","seq":1"#])
    func answers(text: String) async throws {
        let table = RequestTable(inbox: "_INBOX.test")
        let answer = try await table.request(
            to: "a", timeout: .seconds(60), awaiting: .anythingButAcknowledgement, attempt: "request a"
        ) { reply throws(NATSError) in table.receive(NATSMessage(subject: reply, payload: text.bytes)) }
        #expect(answer.text == text)
    }

    @Test("that nobody waits for are told what came of them once, and hold up no end")
    func unawaited() async {
        let table = RequestTable(inbox: "_INBOX.test")
        let results = Recorder<String>()
        table.request(to: "a", timeout: .seconds(600), awaiting: .anything, attempt: "request a") { result in
            results.record((try? result.get().text) ?? "failed")
        } send: { reply throws(NATSError) in
            let idle = Recorder<Bool>()
            table.whenIdle { idle.record(true) }
            #expect(idle.all == [true])
            table.receive(NATSMessage(subject: reply, payload: "1".bytes))
            table.receive(NATSMessage(subject: reply, payload: "2".bytes))
        }
        table.request(to: "a", timeout: .seconds(600), awaiting: .anything, attempt: "request b") { result in
            results.record((try? result.get().text) ?? "failed")
        } send: { _ throws(NATSError) in
        }
        table.connectionClosed()
        #expect(results.all == ["1", "failed"])
    }

    @Test("end with the error of sending them")
    func sendFails() async {
        let table = RequestTable(inbox: "_INBOX.test")
        let error = await #expect(throws: NATSError.self) {
            _ = try await table.request(to: "a", timeout: .seconds(60), attempt: "request a") { _ throws(NATSError) in
                throw NATSError(.payloadTooLarge, attempt: "publish")
            }
        }
        #expect(error?.code == .payloadTooLarge)
    }

    @Test("ignore answers that fit none of them", arguments: ["", "_INBOX.test", "_INBOX.test.x", "_INBOX.test.99999999999999999999", "_INBOX.test.5"])
    func strangeAnswers(subject: String) async throws {
        let table = RequestTable(inbox: "_INBOX.test")
        let answer = try await table.request(to: "a", timeout: .seconds(60), attempt: "request a") { reply throws(NATSError) in
            table.receive(NATSMessage(subject: subject, payload: [1]))
            table.receive(NATSMessage(subject: reply, payload: [2]))
            table.receive(NATSMessage(subject: reply, payload: [3]))
        }
        #expect(answer.payload == [2])
    }
}
