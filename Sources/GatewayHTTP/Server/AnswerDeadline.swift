import GatewayCore
import Timing

/// By when a request is answered, however slow NATS and the schedulers are: each of several questions may be answered in time, and all together too late.
struct AnswerDeadline: Sendable {
    /// Clients are promised an answer within 10 s; the rest is for the way to them.
    static let limit: Duration = .milliseconds(9500)

    private let end = ContinuousClock.now + AnswerDeadline.limit

    /// At least a moment, so that it can be the limit of a question.
    var left: Duration { max(self.end - .now, .milliseconds(1)) }

    /// - Throws: that the control plane cannot answer, if the deadline comes first.
    func within<Value: Sendable>(_ work: @escaping @Sendable () async throws(GatewayError) -> Value) async throws(GatewayError) -> Value {
        guard let value = try await withTimeLimit(self.left, work) else {
            throw .unavailable("there was no answer within \(Self.limit)")
        }
        return value
    }
}
