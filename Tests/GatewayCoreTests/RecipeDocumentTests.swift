import Foundation
import Testing

/// Who comes from Plane 0.5 looks for the keys of its recipe in `dev/docs/gateway.md`.
@Suite("The table of request keys in gateway.md") struct RecipeDocumentTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static func text(_ path: String) throws -> String { try String(contentsOf: self.root.appending(path: path), encoding: .utf8) }

    /// The section, from its heading to the next one.
    private static func section() throws -> Substring {
        let document = try self.text("dev/docs/gateway.md")
        let start = try #require(document.range(of: "\n## The request\n"))
        let rest = document[start.upperBound...]
        return rest[..<(rest.range(of: "\n## ")?.lowerBound ?? rest.endIndex)]
    }

    @Test("has every key that is read, and none that is not")
    func keys() throws {
        let sources = try ["Connect/ConnectRequest.swift", "Connect/SpawnConfig.swift", "Connect/ExecutableRequest.swift", "Tokens/TokenRequest.swift"].map {
            try Self.text("Sources/GatewayCore/\($0)")
        }
        let limits = try Self.text("Sources/PlaneProtocol/Messages/ResourceLimits.swift")
        let read = Set((sources + [limits]).flatMap { $0.matches(of: #/json\.(?:required|optional|value)\("([a-z_]+)"/#).map { String($0.output.1) } })
        #expect(read.count > 20, "the sources are read wrongly")
        let section = try Self.section()
        let named = Set(section.matches(of: #/`([^`\n]+)`/#).flatMap { $0.output.1.split(whereSeparator: { ".…".contains($0) }).map(String.init) })
        #expect(read.subtracting(named).sorted() == [], "missing in dev/docs/gateway.md")
        let rows = section.split(separator: "\n").filter { $0.hasPrefix("| `") }.compactMap { $0.split(separator: "|").first }
        let told = Set(
            rows.flatMap { $0.matches(of: #/`([^`\n]+)`/#).compactMap { $0.output.1.split(whereSeparator: { ".…".contains($0) }).last.map(String.init) } })
        #expect(told.subtracting(read).sorted() == [], "in dev/docs/gateway.md, and read by nobody")
    }

    @Test("names keys of the scheduler's request that there are")
    func targets() throws {
        let messages = try ["ScheduleRequest", "BackendTerms", "DockerExecutableConfig"].map {
            try Self.text("Sources/PlaneProtocol/Messages/\($0).swift")
        }.joined()
        for row in try Self.section().split(separator: "\n") where row.hasPrefix("| `") {
            let columns = row.split(separator: "|")
            guard columns.count > 2 else { continue }
            for match in columns[2].matches(of: #/`(?:executable\.)?([a-z0-9_]+)`/#) where !columns[0].contains("`user`") {
                let key = match.output.1
                let isTheSame = row.contains("with the same keys") || row.contains("`username`")
                #expect(isTheSame || messages.contains("\"\(key)\"") || key == "true", "\(key)")
            }
        }
    }
}
