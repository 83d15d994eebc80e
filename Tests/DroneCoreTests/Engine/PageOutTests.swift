import DroneStore
import Foundation
import PlaneTestSupport
import Synchronization
import Testing

@testable import DroneCore

@Suite struct PageOutTests {
    private let directory: TemporaryDirectory

    init() throws {
        self.directory = try TemporaryDirectory()
    }

    private func group(_ version: Int, files: [String: String]) throws -> ControlGroup {
        let memberships = version == 1 ? "2:memory:/4f1e\n3:cpuacct:/4f1e\n" : "0::/4f1e\n"
        let group = try #require(ControlGroup(memberships: memberships, container: "4f1e", root: self.directory.path))
        for (name, text) in files {
            let url = URL(filePath: self.directory.path).appending(path: name)
            try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: url, atomically: false, encoding: .utf8)
        }
        return group
    }

    private func text(_ name: String) -> String? { try? String(contentsOfFile: "\(self.directory.path)/\(name)", encoding: .utf8) }

    @Test("version 2 is asked for all that the group uses, version 1 for whatever there is")
    func asks() async throws {
        let pageOut = PageOut(logger: AgentFixture.logger)
        pageOut.reclaim(try self.group(2, files: ["4f1e/memory.current": "5000\n", "4f1e/memory.reclaim": "----"])) { true }
        try await eventually("it is asked") { self.text("4f1e/memory.reclaim") == "5000" }
        pageOut.reclaim(try self.group(1, files: ["memory/4f1e/memory.force_empty": "-"])) { true }
        try await eventually("it is asked") { self.text("memory/4f1e/memory.force_empty") == "0" }
    }

    @Test("much memory is asked for in steps, and no more once the container goes on", arguments: [1, 2, 9])
    func steps(frozenLooks: Int) async throws {
        let group = try self.group(2, files: ["4f1e/memory.current": "41943040\n", "4f1e/memory.reclaim": "--------"])
        let pageOut = PageOut(logger: AgentFixture.logger)
        let looks = Mutex(0)
        let seen = Recorder<String?>()
        pageOut.reclaim(group) {
            seen.record(self.text("4f1e/memory.reclaim"))
            return looks.withLock { looks in
                looks += 1
                return looks <= frozenLooks
            }
        }
        let isOver = Mutex(false)
        pageOut.reclaim(group) {
            isOver.withLock { $0 = true }
            return false
        }
        try await eventually("it had its turn") { isOver.withLock { $0 } }
        // 40 MiB are three steps of 16.
        #expect(seen.all.compactMap { $0 } == Array(["--------", "16777216", "16777216"].prefix(frozenLooks + 1)))
        #expect(self.text("4f1e/memory.reclaim") == "16777216")
    }

    @Test("a kernel that cannot be asked is told of once, and the memory of what goes on is left alone")
    func refused() async throws {
        let log = LogRecorder()
        let pageOut = PageOut(logger: log.logger)
        let without = try self.group(1, files: ["memory/4f1e/memory.usage_in_bytes": "5000\n", "cpuacct/4f1e/cpuacct.usage": "7\n"])
        for _ in 0..<3 { pageOut.reclaim(without) { true } }
        let with = try self.group(2, files: ["4f1e/memory.current": "5000\n", "4f1e/memory.reclaim": "----"])
        pageOut.reclaim(with) { false }
        let isOver = Mutex(false)
        pageOut.reclaim(with) {
            isOver.withLock { $0 = true }
            return false
        }
        try await eventually("all had their turn") { isOver.withLock { $0 } }
        #expect(self.text("4f1e/memory.reclaim") == "----")
        #expect(log.entries.map(\.message) == ["frozen containers keep their memory: the kernel cannot be asked to page it out"])
    }
}
