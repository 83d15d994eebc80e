import FoundationEssentials

/// Answers of the JetStream API: the result, or an `error` object in its place.
enum JetStreamAnswer {
    /// The server's `err_code`s that we distinguish.
    enum ErrorCode {
        static let insufficientResources = 10023
        static let noSuitablePeers = 10005
        static let insufficientStorage = 10047
        static let clusterNotLeader = 10009
        static let clusterNotAvailable = 10008
        static let consumerNotFound = 10014
        static let noMessageFound = 10037
        static let notEnabledForAccount = 10039
        static let sequenceNotFound = 10043
        static let messageDeleteFailed = 10057
        static let streamNameExists = 10058
        static let streamNotFound = 10059
        static let streamSubjectOverlap = 10065
        static let wrongLastSequence = 10071
        static let replicasNotSupported = 10074
        static let notEnabled = 10076
        static let streamOffline = 10118
        static let wrongLastSequenceUnknown = 10164
    }

    private struct Refusal: Decodable {
        struct Reason: Decodable {
            /// Like an HTTP status.
            var code: Int
            var err_code: Int?
            var description: String?
        }

        var error: Reason?
    }

    /// The key of every refusal. An answer without these bytes need not be parsed.
    private static let errorKey = Array(#""error""#.utf8)

    static func read<Answer: Decodable>(
        _ type: Answer.Type, from payload: [UInt8], attempt: @autoclosure () -> String
    ) throws(NATSError) -> Answer {
        let data = Data(payload)
        let decoder = JSONDecoder()
        do {
            if payload.firstRange(of: Self.errorKey) != nil, let refusal = try decoder.decode(Refusal.self, from: data).error {
                throw NATSError(
                    Self.code(refusal.err_code ?? 0, status: refusal.code, refusal.description ?? ""), attempt: attempt(),
                    detail: Self.words(of: refusal), apiErrorCode: refusal.err_code)
            }
            return try decoder.decode(type, from: data)
        } catch let error as NATSError {
            throw error
        } catch {
            throw NATSError(
                .malformedReply, attempt: attempt(), hint: "does something else than nats-server answer there?", cause: error)
        }
    }

    /// The error in the form in which the server logs it: "503 insufficient resources (10023)".
    private static func words(of refusal: Refusal.Reason) -> String {
        let text = "\(refusal.code) \(refusal.description ?? "refused")"
        return refusal.err_code.map { "\(text) (\($0))" } ?? text
    }

    /// The server's texts for a message that does not exist, under `messageDeleteFailed`: at the beginning of a stream, and after its end.
    private static let nothingToDelete = ["no message found", "stream store EOF"]

    private static func code(_ errorCode: Int, status: Int, _ description: String) -> NATSError.Code {
        switch errorCode {
        case ErrorCode.streamNotFound: .streamNotFound
        case ErrorCode.consumerNotFound: .consumerNotFound
        case ErrorCode.noMessageFound, ErrorCode.sequenceNotFound: .messageNotFound
        case ErrorCode.messageDeleteFailed: Self.nothingToDelete.contains(description) ? .messageNotFound : .jetStreamRefused
        case ErrorCode.wrongLastSequence: .wrongLastSequence
        case ErrorCode.wrongLastSequenceUnknown: .sequenceBusy
        case ErrorCode.notEnabled, ErrorCode.notEnabledForAccount, ErrorCode.clusterNotAvailable,
            ErrorCode.clusterNotLeader, ErrorCode.streamOffline:
            .jetStreamUnavailable
        default: status == 503 ? .jetStreamUnavailable : .jetStreamRefused
        }
    }
}
