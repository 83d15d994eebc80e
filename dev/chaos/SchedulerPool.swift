import Foundation
import Glibc
import Simulation

/// The schedulers of a run. At least one of them serves at any time.
struct SchedulerPool: Sendable {
    let folder: URL
    private(set) var endings = 0
    private let program: String
    private let nats: String
    private let ledger: Ledger
    private var members: [SchedulerProcess] = []
    private var started = 0

    init(program: String, nats: String, count: Int, ledger: Ledger) throws {
        self.program = program
        self.nats = nats
        self.ledger = ledger
        self.folder = FileManager.default.temporaryDirectory.appending(path: "plane-chaos-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        for _ in 0..<count { self.members.append(try self.start()) }
    }

    func waitUntilReady() async -> Bool {
        for member in self.members { guard await member.waitUntilReady() else { return false } }
        return true
    }

    /// Ends one after the other, and starts another in its place; so until `end`.
    mutating func disturb(_ ending: SchedulerChaos.Ending, until end: ContinuousClock.Instant, seed: UInt64) async {
        var generator = SplitMix64(seed: seed)
        var next = 0
        while .now < end {
            try? await Task.sleep(for: .milliseconds(Int.random(in: 200...2500, using: &generator)))
            guard .now < end else { return }
            switch ending {
            case .kill: next = Int.random(in: self.members.indices, using: &generator)
            case .rolling: next = (next + 1) % self.members.count
            }
            await self.replace(next, signal: ending == .kill ? SIGKILL : SIGTERM)
        }
    }

    private mutating func replace(_ index: Int, signal: Int32) async {
        self.endings += 1
        self.ledger.schedulerEnded()
        self.members[index].send(signal)
        await self.members[index].waitUntilEnded()
        // What it was working on is lost from here on, at the latest.
        self.ledger.schedulerEnded()
        do {
            self.members[index] = try self.start()
            if await !self.members[index].waitUntilReady() {
                self.ledger.violation("a scheduler did not become ready; see \(self.members[index].log.path)")
            }
        } catch {
            self.ledger.violation("a scheduler could not be started: \(error)")
        }
    }

    private mutating func start() throws -> SchedulerProcess {
        self.started += 1
        return try SchedulerProcess(
            program: self.program, nats: self.nats, log: self.folder.appending(path: "scheduler-\(self.started).log"))
    }
}
