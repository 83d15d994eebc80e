/// The JetStream API of one account, over an ordinary connection: requests on `$JS.API.…` with JSON. libnats has calls
/// for all of it, but they block a thread each, and its subscriptions to streams need one more.
package struct JetStream: Sendable {
    /// Subjects of the API of the account's own server group.
    package static let standardPrefix = "$JS.API"

    package let connection: NATSConnection

    var prefix: String { self.connection.options.jetStreamPrefix }

    /// Sends one API request and reads the answer.
    func call<Answer: Decodable>(
        _ name: String, body: [UInt8] = [], answer: Answer.Type, timeout: Duration = .seconds(5)
    ) async throws(NATSError) -> Answer {
        let subject = "\(self.prefix).\(name)"
        let message: NATSMessage
        do {
            message = try await self.connection.request(body, to: subject, timeout: timeout)
        } catch {
            guard error.code == .noResponders else { throw error }
            throw NATSError(
                .jetStreamUnavailable, attempt: name, detail: "nobody answers on \(subject)",
                hint: "is JetStream enabled in nats-server (-js) and for this account?")
        }
        return try JetStreamAnswer.read(answer, from: message.payload, attempt: name)
    }

    /// Sends an API request that only reads, and repeats it if no answer comes: a request is lost when its server fails, and is not answered while a cluster
    /// has no leader. Gives up after seven seconds.
    func read<Answer: Decodable>(_ name: String, body: [UInt8] = [], answer: Answer.Type) async throws(NATSError) -> Answer {
        for timeLimit in Self.timeLimit {
            do {
                return try await self.call(name, body: body, answer: answer, timeout: timeLimit)
            } catch where error.code == .timedOut {
                // No answer came; the request is sent again.
            }
        }
        return try await self.call(name, body: body, answer: answer, timeout: Self.lastPatience)
    }

    /// Time limits of the first attempts. The last attempt waits longer, for a server that is only slow.
    private static let timeLimit: [Duration] = [.seconds(1), .seconds(1)]
    private static let lastPatience: Duration = .seconds(5)

    /// Checks that a stream's or consumer's name can be part of an API subject.
    static func checked(_ name: String, attempt: String) throws(NATSError) -> String {
        let forbidden = [UInt8(ascii: "."), UInt8(ascii: "*"), UInt8(ascii: ">"), UInt8(ascii: "/"), UInt8(ascii: "\\")]
        guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f && !forbidden.contains($0) }) else {
            throw NATSError(
                .invalidSubject, attempt: "\(attempt) \(name)", hint: "a stream's name has no spaces, dots, slashes or wildcards")
        }
        return name
    }
}
