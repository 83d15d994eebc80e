import DockerEngine
import Foundation
import PlaneTestSupport
import Testing
import UTCTime

@Suite(.enabled(if: DockerDaemon.socket != nil, "PLANE_TEST_DOCKER_SOCKET names no Docker"))
struct ContainerStreamTests {
    @Test("output comes as lines of either source, long and odd ones too, to the very last (A21)")
    func logs() async throws {
        let script = """
            echo out; echo err >&2; printf '\\377\\376\\n'; yes x | head -c 40000 | while read -r x; do printf x; done; echo; printf unended
            """
        try await DockerDaemon.withContainer(DockerDaemon.spec(script)) { client, id in
            var lines: [LogLine] = []
            for try await line in try await client.logs(id) { lines.append(line) }
            // Whether the daemon tells who follows of a last line without an end is a race inside it.
            let rest = try #require(lines.map { $0.time ?? UTCInstant(seconds: 0) }.max()).next
            for try await line in try await client.logs(id, since: rest, follow: false) { lines.append(line) }
            let output = lines.filter { $0.source == .standardOutput }
            #expect(output.map(\.text) == ["out", "\u{FFFD}\u{FFFD}", String(repeating: "x", count: 20_000), "unended"])
            #expect(lines.filter { $0.source == .standardError }.map(\.text) == ["err"])
            #expect(lines.allSatisfy { $0.time != nil })
            #expect(lines.filter { !$0.isComplete }.map(\.text) == ["unended"])
        }
    }

    @Test("reading goes on where it left off, without a line twice (A21)")
    func since() async throws {
        try await DockerDaemon.withContainer(DockerDaemon.spec("echo 1; echo 2; echo 3; sleep 60")) { client, id in
            var last: UTCInstant?
            for try await line in try await client.logs(id) where line.text == "2" {
                last = line.time
                break
            }
            let since = try #require(last).next
            for try await line in try await client.logs(id, since: since) {
                #expect(line.text == "3")
                break
            }
        }
    }

    @Test("the end of a container is told with its code, and told again to who asks from before (A13)")
    func events() async throws {
        let client = DockerDaemon.client
        let live = try await client.events(label: DockerDaemon.label)
        try await DockerDaemon.withContainer(DockerDaemon.spec("exit 42"), start: false) { client, id in
            try await client.start(id)
            var seen: [ContainerEvent.Action] = []
            for try await event in live where event.id == id {
                seen.append(event.action)
                if event.action == .died {
                    #expect(event.exitCode == 42)
                    break
                }
            }
            #expect(seen.contains(.started) && seen.last == .died)
            let created = try #require(try await client.inspect(id).state.startedAt)
            for try await event in try await client.events(since: created, label: DockerDaemon.label) where event.id == id {
                guard event.action == .died else { continue }
                #expect(event.exitCode == 42)
                #expect(try #require(event.time) > created)
                break
            }
        }
    }

    @Test("cancelling ends a stream that has nothing to say")
    func cancelled() async throws {
        let client = DockerDaemon.client
        let events = try await client.events(label: "dev.plane.engine-test.nobody")
        let reading = Task { for try await event in events { Issue.record("an event of nobody: \(event)") } }
        reading.cancel()
        let error = await #expect(throws: EngineError.self) { try await reading.value }
        #expect(error?.code == .cancelled)
    }
}
