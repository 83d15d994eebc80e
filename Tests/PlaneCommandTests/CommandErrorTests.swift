import ArgumentParser
import NATS
import PlaneClient
import PlaneClientTestSupport
import PlaneProtocol
import Testing

@testable import plane

@Suite("The failures of a command")
struct CommandFailureTests {
    @Test(
        "of NATS have an exit status that says whose turn it is",
        arguments: [
            (NATSError.Code.unreachable, CommandStatus.unavailable), (.tlsFailed, .unavailable), (.noResponders, .unavailable),
            (.streamNotFound, .unavailable), (.jetStreamUnavailable, .unavailable), (.authorizationViolation, .notPermitted),
            (.permissionDenied, .notPermitted), (.timedOut, .noAnswer), (.disconnected, .noAnswer),
            (.invalidConfiguration, .usage), (.malformedReply, .failed),
        ])
    func statuses(code: NATSError.Code, status: CommandStatus) {
        #expect(CommandError(NATSError(code, attempt: "request a")).status == status)
    }

    @Test("tell what to do next where something can be done", arguments: [NATSError.Code.unreachable, .noResponders, .streamNotFound])
    func advice(code: NATSError.Code) {
        #expect(CommandError(NATSError(code, attempt: "request a")).advice != nil)
    }

    @Test("of a refused request carry the reason")
    func refusal() {
        let failure = CommandError(PlaneError.refused(ErrorReply(code: .lockBusy, message: "The lock is busy.")))
        #expect(failure == CommandError(.failed, "The lock is busy. (LockBusy)"))
    }

    @Test(
        "of a backend that ended before it was ready carry cause and advice", arguments: BackendState.allCases.filter(\.isTerminal))
    func ended(state: BackendState) throws {
        let detail = BackendStatusDetail(exitCode: 137, message: "no such image")
        let failure = CommandError(PlaneError.endedBeforeReady(try .make(state, detail: detail)))
        #expect(failure.status == .endedBeforeReady)
        for part in [state.rawValue, "no such image", "137"] { #expect(failure.message.contains(part)) }
        #expect(failure.advice != nil)
    }

    @Test("are explained by --help, each exit status once")
    func help() {
        let help = PlaneCommand.helpMessage(columns: 120)
        for status in CommandStatus.allCases {
            #expect(help.contains("\(status.rawValue)  "))
            #expect(help.contains(status.meaning))
        }
    }
}
