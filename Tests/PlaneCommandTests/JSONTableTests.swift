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
        let values: Set = ["good", "notice", "bad", "spawn"]
        #expect(named.subtracting(values).subtracting(written).sorted() == [])
    }
}
