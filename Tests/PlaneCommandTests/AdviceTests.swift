import Foundation
import PlaneClient
import PlaneClientTestSupport
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import plane

/// Every cause with every state it comes in, and what a person is told to do: a word that only the right advice has.
@Suite("Advice fits the cause") struct AdviceTests {
    private struct Row: CustomTestStringConvertible {
        var state: BackendState
        var cause: BackendCause?
        var said: String?
        var word: String

        init(_ state: BackendState, _ cause: BackendCause?, said: String? = nil, _ word: String) {
            (self.state, self.cause, self.said, self.word) = (state, cause, said, word)
        }

        var testDescription: String { "\(self.state.rawValue) \(self.cause?.rawValue ?? "-") \(self.said ?? "")" }
    }

    private static let rows = [
        Row(.errorLoading, .imageNotFound, "--registry-user"), Row(.errorLoading, .pullDenied, "--registry-user"),
        Row(.errorLoading, .pullRateLimited, "mirror"), Row(.errorLoading, .pullQuotaExceeded, "pays"),
        Row(.errorLoading, .registryUnresolved, "DNS"), Row(.errorLoading, .registryUntrusted, "certs.d"),
        Row(.errorLoading, .registryTimedOut, "reach the registry"), Row(.errorLoading, .registryFailed, "later"),
        Row(.errorLoading, .imagePullFailed, "reach the registry"), Row(.errorLoading, .diskFull, "docker image prune"),
        Row(.errorLoading, .imageMissing, "--pull-policy"), Row(.errorLoading, .engineUnavailable, "Docker on the drone"),
        Row(.errorLoading, .internalError, "drone-agent"), Row(.errorLoading, nil, "image's name"),
        // The words are Docker's own.
        Row(.errorLoading, .containerRefused, "--user, --command"),
        Row(.errorLoading, .containerRefused, said: "create container plane-b1: Minimum memory limit allowed is 6MB", "--memory 6m"),
        Row(
            .errorLoading, .containerRefused,
            said: "the request asks for 9 bytes of memory, and a backend gets from 1 to 8 on this drone (agent.docker.limits.max_memory_mb)",
            "agent.docker.limits"),
        Row(
            .errorLoading, .containerRefused,
            said: "--storage-opt is supported only for overlay over xfs with 'pquota' mount option", "leave --disk out"),
        Row(
            .errorLoading, .containerRefused,
            said: "OCI runtime create failed: exec: \"nothing\": executable file not found in $PATH: unknown", "--command, or else ENTRYPOINT"),
        Row(.errorLoading, .containerRefused, said: "exec: \"/run.sh\": permission denied: unknown", "that of --command"),
        Row(
            .errorLoading, .containerRefused,
            said: "error during container init: chdir to cwd (\"/root\") set in config.json failed: permission denied: unknown", "--workdir"),
        Row(.errorLoading, .containerRefused, said: "unable to find user app: no matching entries in passwd file", "--user names, or else USER"),
        Row(.errorLoading, .containerRefused, said: "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available", "--cpu"),
        Row(.errorLoading, .containerRefused, said: "invalid mount config for type \"bind\": bind source path does not exist: /x", "--mount"),
        Row(.errorLoading, .containerRefused, said: "unknown or invalid runtime name: runsc", "agent.docker.runtime"),
        Row(
            .errorLoading, .containerRefused,
            said: "create container: OCI runtime create failed: error mounting \"/x\": stat /x: no such file or directory", "to be mounted"),
        Row(.errorLoading, .containerRefused, said: "network blue not found", "docker network inspect"),
        Row(.errorLoading, .containerRefused, said: "the network is unreachable", "--user, --command"),
        Row(.errorLoading, .containerRefused, said: "open /etc/x: permission denied", "--user, --command"),
        Row(
            .errorLoading, .containerRefused, said: "the labels of its image are larger than a container's may be (1 MiB)", "Take labels out"),
        Row(.failed, .containerRefused, said: "the labels of its image are larger than a container's may be (1 MiB)", "Take labels out"),
        Row(.errorStarting, .vanished, "remove its container"), Row(.errorStarting, .networkLost, "plane.sandbox-"),
        Row(.failed, .networkLost, "plane.sandbox-"), Row(.exited, .outOfMemory, "--memory"),
        Row(.errorStarting, .crashOnBoot, "plane logs b1"), Row(.errorStarting, .outOfMemory, "--memory"), Row(.errorStarting, nil, "plane logs b1"),
        Row(.timedOutBeforeReady, .portNeverOpened, "0.0.0.0"), Row(.timedOutBeforeReady, .readinessTimeout, "speak HTTP"),
        Row(.timedOutBeforeReady, nil, "all addresses"),
        Row(.failed, .exitedByItself, "plane logs b1"), Row(.failed, .outOfMemory, "--memory"), Row(.failed, .vanished, "remove its container"),
        Row(.failed, .internalError, "drone-agent"), Row(.failed, .containerRefused, "drone-agent"), Row(.failed, nil, "plane logs b1"),
        Row(.lost, nil, "plane list-drones"),
    ]

    private static func advice(_ row: Row) throws -> String? {
        let detail = BackendStatusDetail(cause: row.cause, message: row.said)
        return Diagnosis(try .make(row.state, detail: detail), wasReady: false).advice(for: try .make("b1"))
    }

    @Test("each has its own", arguments: rows)
    private func fits(row: Row) throws {
        #expect(try #require(try Self.advice(row)).contains(row.word))
    }

    @Test("a spawn that fails gives the same advice as why", arguments: rows)
    private func spawn(row: Row) throws {
        let detail = BackendStatusDetail(cause: row.cause, message: row.said)
        let failure = CommandError(PlaneError.endedBeforeReady(try .make(row.state, detail: detail)))
        #expect(failure.advice == (try Self.advice(row)))
    }

    /// A cause with a state each, as the table "Causes" of dev/docs/protocol.md has them.
    private static func documented() throws -> [(cause: BackendCause, state: BackendState)] {
        let text = try String(contentsOf: DocumentedCommands.root.appending(path: "dev/docs/protocol.md"), encoding: .utf8)
        let section = try #require(text.firstMatch(of: #/(?ms)^## Causes$(.+?)^## /#)).output.1
        return try section.matches(of: #/(?m)^\| `([a-z_]+)` \| (`[^|]+`) \|/#).flatMap { match in
            try match.output.2.matches(of: #/`([A-Za-z]+)`/#).map { state in
                (BackendCause(rawValue: String(match.output.1)), try #require(BackendState.allCases.first { $0.rawValue == state.output.1 }))
            }
        }
    }

    @Test("every cause that the documents know has a row here for each of its states, but where all is as it should be")
    func documentedCauses() throws {
        let documented = try Self.documented()
        #expect(documented.count > 25)
        for (cause, state) in documented where !Self.rows.contains(where: { $0.cause == cause && $0.state == state }) {
            #expect([.swept, .terminated, .exited].contains(state), "\(cause.rawValue) with \(state.rawValue) has no row")
            #expect(try Self.advice(Row(state, cause, "")) == nil)
        }
    }

    @Test("a slow start is told which key to turn", arguments: [.portNeverOpened, .readinessTimeout, nil] as [BackendCause?])
    func slow(cause: BackendCause?) throws {
        #expect(try #require(try Self.advice(Row(.timedOutBeforeReady, cause, ""))).contains("agent.ready_timeout_secs"))
        #expect(try #require(try Self.advice(Row(.timedOutBeforeReady, cause, ""))).contains("--ready-timeout"))
    }

    @Test("no cause of failing to load is left to the general advice, except those nobody knows")
    func complete() throws {
        let general = try Self.advice(Row(.errorLoading, nil, ""))
        let causes: [BackendCause] = [
            .imageNotFound, .pullDenied, .pullRateLimited, .pullQuotaExceeded, .registryUnresolved, .registryUntrusted, .registryTimedOut,
            .registryFailed, .imagePullFailed, .diskFull, .imageMissing, .engineUnavailable, .containerRefused, .internalError,
        ]
        for cause in causes { #expect(try Self.advice(Row(.errorLoading, cause, "")) != general, "\(cause.rawValue)") }
        #expect(try Self.advice(Row(.errorLoading, BackendCause(rawValue: "of_tomorrow"), "")) == general)
    }
}
