import NATS
import PlaneClient
import PlaneClientTestSupport
import PlaneMessaging
import PlaneProtocol
import PlaneService
import Testing

@Suite("The errors of a client")
struct PlaneErrorTests {
    private static func unanswered(_ code: NATSError.Code) -> PlaneError {
        PlaneError(BusRequestError.transport(NATSError(code, attempt: "request a")), of: .scheduler)
    }

    private static func refused(_ code: ErrorReply.Code) -> PlaneError {
        PlaneError(BusRequestError.refused(ErrorReply(code: code, message: "no")), of: .scheduler)
    }

    @Test(
        "say whose fault it is, whether to ask again, and whether it may have been done",
        arguments: [
            (unanswered(.noResponders), .system, true, false), (unanswered(.timedOut), .system, true, true),
            (unanswered(.disconnected), .system, true, true), (unanswered(.permissionDenied), .system, false, false),
            (unanswered(.payloadTooLarge), .request, false, false), (unanswered(.cancelled), .nobody, false, true),
            (refused(.badRequest), .request, false, false), (refused(.backendExists), .request, false, false),
            (refused(.notPermitted), .request, false, false), (refused(.lockBusy), .system, true, false),
            (refused(.unavailable), .system, true, false), (.connectionEnded, .system, false, false),
            (PlaneError(NATSError(.streamNotFound, attempt: "read")), .system, false, false),
        ] as [(PlaneError, PlaneError.Fault, Bool, Bool)])
    func properties(error: PlaneError, fault: PlaneError.Fault, isRetryable: Bool, mayHaveTakenEffect: Bool) {
        #expect(error.fault == fault)
        #expect(error.isRetryable == isRetryable)
        #expect(error.mayHaveTakenEffect == mayHaveTakenEffect)
    }

    @Test("of a backend are its own fault, except where its drone was lost")
    func backends() throws {
        #expect(PlaneError.endedBeforeReady(try .make(.failed)).fault == .backend)
        #expect(PlaneError.endedBeforeReady(try .make(.lost)).fault == .system)
        #expect(PlaneError.unknownBackend(try .make("b1"), nil).fault == .request)
    }

    @Test("name who was to answer, and what they said")
    func descriptions() throws {
        let error = PlaneError(BusRequestError.transport(NATSError(.noResponders, attempt: "request a")), of: .agent(try .make("drone-a")))
        #expect("\(error)" == "no answer from the agent of drone-a: request a: noResponders")
        #expect("\(Self.refused(.lockBusy))" == "refused, LockBusy: no")
    }
}
