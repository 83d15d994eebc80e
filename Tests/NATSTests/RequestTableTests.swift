@testable import NATS
import Testing

@Suite("The requests in flight")
struct RequestTableTests {
    @Test("are bounded, and a refused one leaves nothing behind")
    func refusal() async {
        let table = RequestTable(inbox: "_INBOX.test")
        table.refuse(.closed)
        let error = await #expect(throws: NATSError.self) {
            _ = try await table.request(timeout: .seconds(1), attempt: "request a") { _ throws(NATSError) in }
        }
        #expect(error?.code == .closed)
    }

    @Test("end with the error of sending them")
    func sendFails() async {
        let table = RequestTable(inbox: "_INBOX.test")
        let error = await #expect(throws: NATSError.self) {
            _ = try await table.request(timeout: .seconds(60), attempt: "request a") { _ throws(NATSError) in
                throw NATSError(.payloadTooLarge, attempt: "publish")
            }
        }
        #expect(error?.code == .payloadTooLarge)
    }

    @Test("ignore answers that fit none of them", arguments: ["", "_INBOX.test", "_INBOX.test.x", "_INBOX.test.99999999999999999999", "_INBOX.test.5"])
    func strangeAnswers(subject: String) async throws {
        let table = RequestTable(inbox: "_INBOX.test")
        let answer = try await table.request(timeout: .seconds(60), attempt: "request a") { reply throws(NATSError) in
            table.receive(NATSMessage(subject: subject, payload: [1]))
            table.receive(NATSMessage(subject: reply, payload: [2]))
            table.receive(NATSMessage(subject: reply, payload: [3]))
        }
        #expect(answer.payload == [2])
    }
}
