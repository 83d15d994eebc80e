import ArgumentParser
import Foundation
import PlaneTestSupport
import Testing

@testable import plane

/// Programs are written by the table of `--json` in `dev/docs/operating.md`.
@Suite("The table of JSON keys in operating.md") struct JSONTableTests {
    /// The cells of each row.
    private static func rows() throws -> [[Substring]] {
        let text = try String(contentsOf: DocumentedCommands.root.appending(path: "dev/docs/operating.md"), encoding: .utf8)
        let start = try #require(text.range(of: "\nWith `--json` a backend is"))
        let end = try #require(text[start.upperBound...].range(of: "\nOlder names"))
        return text[start.upperBound..<end.lowerBound].split(separator: "\n").filter { $0.hasPrefix("| `") }.map { $0.split(separator: "|") }
    }

    private static func terms(_ cell: Substring) -> [String] { cell.matches(of: #/`([^`]+)`/#).map { String($0.output.1) } }

    @Test("has a row for every command")
    func commands() throws {
        let calls: [String] = try Self.rows().flatMap { (row: [Substring]) -> [String] in Self.terms(row[0]) }
        let told = Set(calls.map { String($0.prefix { $0 != " " }) })
        let all = Set(PlaneCommand.configuration.subcommands.filter { $0.configuration.shouldDisplay }.map { $0._commandName })
        #expect(told.subtracting(all).sorted() == [], "these are no commands")
        // What it prints is a script for a shell.
        #expect(all.subtracting(told).subtracting(["completions"]).sorted() == [], "these are missing")
    }

    @Test("names no key that nothing writes")
    func keys() throws {
        let sources = try ["Sources/plane", "Sources/PlaneClient", "Sources/PlaneProtocol", "Sources/PlaneDoctor"].flatMap { folder in
            try FileManager.default.subpathsOfDirectory(atPath: DocumentedCommands.root.appending(path: folder).path).filter { $0.hasSuffix(".swift") }
                .map { try String(contentsOf: DocumentedCommands.root.appending(path: "\(folder)/\($0)"), encoding: .utf8) }
        }
        let written = Set(sources.flatMap { $0.matches(of: #/(?:field|fieldIfPresent|object)\("([a-z0-9_]+)"/#).map { String($0.output.1) } })
        #expect(written.count > 100, "the sources are read wrongly")
        let named = Set(try Self.rows().flatMap { (row: [Substring]) -> [String] in Self.terms(row[2]) })
        #expect(named.subtracting(Self.others).subtracting(["spawn"]).subtracting(written).sorted() == [])
    }

    /// Where the keys of each row are written, and older ones that stay beside them.
    private static let sources: [(command: String, files: [String], older: Set<String>)] = [
        ("spawn", ["Text/SpawnReport.swift"], []), ("status BACKEND", ["Text/BackendStatusLine.swift"], ["backend"]),
        ("status", ["Text/SystemOverview+Text.swift"], []), ("why", ["Text/BackendReport+Text.swift"], []),
        ("list-backends", ["Text/BackendList+Text.swift"], []), ("list-drones", ["Text/DroneList+Text.swift"], []),
        ("connections", ["Text/ConnectionList+Text.swift"], ["backend"]), ("top", ["Text/UsageTable+Text.swift"], ["drone_id"]),
        ("logs", ["Text/LogEntry+Text.swift"], []), ("doctor", ["Text/DoctorFinding+Text.swift"], []), ("drain", ["Commands/DrainCommand.swift"], []),
        ("cleanup", ["Text/CleanupPlan+JSON.swift"], []), ("mark-backend-lost", ["Commands/MarkBackendLostCommand.swift"], ["backend"]),
        ("dump-state", ["Text/StateDump.swift"], []), ("stream-state", ["Text/StateChangeLine.swift"], []),
    ]
    /// Words in the column of keys that are values, or other commands.
    private static let others: Set = ["good", "notice", "bad", "--tier", "status", "logs", "list-drones", "list-backends"]

    @Test("has for each command the keys that it writes, all of them and no others")
    func complete() throws {
        let rows = try Self.rows()
        for (command, files, older) in Self.sources {
            let row = try #require(rows.first { Self.terms($0[0]).contains(command) }, "\(command)")
            let text = try files.map { try String(contentsOf: DocumentedCommands.root.appending(path: "Sources/plane/\($0)"), encoding: .utf8) }.joined()
            let written = Set(text.matches(of: #/(?:field|fieldIfPresent|object)\(\s*"([a-z0-9_]+)"/#).map { String($0.output.1) })
            let named = Set(Self.terms(row[2])).subtracting(Self.others)
            #expect(written.subtracting(named).sorted() == older.sorted(), "\(command) writes these, and they are not in its row")
            #expect(named.subtracting(written).sorted() == [], "\(command) does not write these of its row")
        }
        let writers = try FileManager.default.subpathsOfDirectory(atPath: DocumentedCommands.root.appending(path: "Sources/plane").path)
            .filter { $0.hasSuffix(".swift") }
            .filter {
                try String(contentsOf: DocumentedCommands.root.appending(path: "Sources/plane/\($0)"), encoding: .utf8).contains(#/\.field(?:IfPresent)?\("/#)
            }
        #expect(Set(writers).subtracting(Self.sources.flatMap(\.files)).sorted() == [], "what these write is in no row")
    }
}
