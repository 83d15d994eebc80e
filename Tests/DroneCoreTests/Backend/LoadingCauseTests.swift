import DockerEngine
import PlaneProtocol
import Testing

@testable import DroneCore

/// What is told of a backend whose image could not be had, or whose container could not be made.
@Suite struct LoadingCauseTests {
    typealias Row = (code: BackendEngineError.Code, pulling: BackendCause, making: BackendCause)

    /// While it is pulled, and while its container is created or started.
    static let rows: [Row] = [
        (.imageNotFound, .imageNotFound, .imageNotFound), (.imageMissing, .imageNotFound, .imageMissing), (.pullDenied, .pullDenied, .containerRefused),
        (.registry(.rateLimited), .pullRateLimited, .containerRefused), (.registry(.quotaExceeded), .pullQuotaExceeded, .containerRefused),
        (.registry(.unresolved), .registryUnresolved, .containerRefused), (.registry(.untrusted), .registryUntrusted, .containerRefused),
        (.registry(.timedOut), .registryTimedOut, .containerRefused), (.registry(.failed), .registryFailed, .containerRefused),
        (.registry(.unreachable), .imagePullFailed, .containerRefused), (.diskFull, .diskFull, .diskFull),
        (.refused, .imagePullFailed, .containerRefused), (.nameTaken, .imagePullFailed, .containerRefused),
        (.shortcutFailed, .imagePullFailed, .containerRefused), (.unavailable, .engineUnavailable, .engineUnavailable),
    ]

    @Test("each failure of a pull is told by a cause of its own, with the engine's sentence", arguments: rows)
    func pulling(row: Row) {
        #expect(Self.outcome(of: .loading(.pulling(BackendMachine.Attempt())), .pullFailed(Self.failure(row.code))) == Self.told(row.pulling))
    }

    @Test("so is each failure to start a container", arguments: rows)
    func making(row: Row) {
        let attempt = BackendMachine.Attempt(pulled: true, isPlain: true)
        #expect(Self.outcome(of: .loading(.launching(attempt)), .startFailed(Self.failure(row.code))) == Self.told(row.making))
    }

    @Test("every trouble of a registry's is in the table")
    func whole() {
        let troubles = Self.rows.compactMap { row -> RegistryTrouble? in if case .registry(let trouble) = row.code { trouble } else { nil } }
        #expect(Set(troubles) == Set(RegistryTrouble.allCases))
    }

    private static func failure(_ code: BackendEngineError.Code) -> BackendEngineError { BackendEngineError(code, "in Docker's words") }

    private static func told(_ cause: BackendCause) -> BackendOutcome { BackendOutcome(.errorLoading, cause, message: "in Docker's words") }

    private static func outcome(of state: BackendMachine.State, _ event: BackendEvent) -> BackendOutcome? {
        var machine = BackendMachine.make(state)
        _ = machine.handle(event)
        guard case .ending(let outcome, _) = machine.state else { return nil }
        return outcome
    }
}
