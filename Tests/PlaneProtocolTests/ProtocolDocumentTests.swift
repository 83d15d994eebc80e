import Foundation
import Testing

@testable import PlaneProtocol

/// `dev/docs/protocol.md` is what others build on: nothing that the code says may be missing in it, and nothing in it may be otherwise in the code.
@Suite("The document of the protocol") struct ProtocolDocumentTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static func text(_ path: String) throws -> String { try String(contentsOf: self.root.appending(path: path), encoding: .utf8) }

    /// What the Swift files below a folder say, or one file.
    private static func sources(_ path: String) throws -> String {
        guard !path.hasSuffix(".swift") else { return try self.text(path) }
        return try FileManager.default.subpathsOfDirectory(atPath: self.root.appending(path: path).path).filter { $0.hasSuffix(".swift") }.sorted()
            .map { try self.text("\(path)/\($0)") }.joined(separator: "\n")
    }

    private static func document() throws -> String { try self.text("dev/docs/protocol.md") }

    /// Everything the document sets in `code`, where a subject's parts `<C>` stand for any token.
    private static func terms() throws -> Set<String> {
        Set(try self.document().matches(of: #/`([^`\n]+)`/#).map { String($0.output.1).replacing(#/<[A-Z]+>/#, with: "*") })
    }

    private static func matches(_ pattern: Regex<(Substring, Substring)>, in path: String) throws -> Set<String> {
        Set(try self.sources(path).matches(of: pattern).map { String($0.output.1) })
    }

    private static func expectInDocument(_ wanted: Set<String>, atLeast count: Int, sourceLocation: SourceLocation = #_sourceLocation) throws {
        #expect(wanted.count >= count, "the sources are read wrongly", sourceLocation: sourceLocation)
        #expect(wanted.subtracting(try self.terms()).sorted() == [], "missing in dev/docs/protocol.md", sourceLocation: sourceLocation)
    }

    // MARK: Nothing is missing

    @Test("every subject that anybody subscribes to or writes is in it")
    func subjects() throws {
        try Self.expectInDocument(try Self.matches(#/static let subscription = "([^"]+)"/#, in: "Sources/PlaneProtocol"), atLeast: 17)
        let ofDrones = [DroneStatement<DroneConnectRequest>.subscription, DroneStatement<UpdateBackendStateMessage>.subscription]
        try Self.expectInDocument(Set(ofDrones), atLeast: 2)
        let heartbeat = StateMessage.heartbeat.subject
        let token = #/\\\([^)]*\)+/#  // an interpolation
        let tails = try Self.matches(#/"((?:lock|drone|backend)\.\\[^"]+)"/#, in: "Sources/PlaneProtocol/Messages/FleetState")
        let ofState = Set(tails.map { "state.cluster.*.\($0.replacing(token, with: "*"))" })
        try Self.expectInDocument(ofState.union([heartbeat, "state.cluster.*.acme"]), atLeast: 10)
    }

    @Test("every key of every message is in it")
    func keys() throws {
        let read = try Self.matches(#/json\.(?:required|optional|value)\("([A-Za-z_]+)"/#, in: "Sources/PlaneProtocol")
        let written = try Self.matches(#/\.(?:field|fieldIfPresent|object)\("([A-Za-z_]+)"/#, in: "Sources/PlaneProtocol")
        // A key that a JSON document in it shows needs no sentence of its own.
        let shown = Set(try Self.document().matches(of: #/"([A-Za-z_]+)":/#).map { String($0.output.1) })
        try Self.expectInDocument(read.union(written).subtracting(shown), atLeast: 5)
        #expect(read.union(written).count > 70)
    }

    @Test("every state, cause, code and other name is in it")
    func names() throws {
        try Self.expectInDocument(Set(BackendState.allCases.map(\.rawValue) + DroneState.allCases.map(\.rawValue)), atLeast: 14)
        try Self.expectInDocument(try Self.matches(#/BackendCause\(rawValue: "([^"]+)"\)/#, in: "Sources/PlaneProtocol"), atLeast: 17)
        try Self.expectInDocument(try Self.matches(#/= Reason\(rawValue: "([^"]+)"\)/#, in: "Sources/PlaneProtocol"), atLeast: 4)
        try Self.expectInDocument(try Self.matches(#/= Code\(rawValue: "([^"]+)"\)/#, in: "Sources/PlaneProtocol"), atLeast: 7)
        try Self.expectInDocument(try Self.matches(#/case [a-zA-Z]+ = "([^"]+)"/#, in: "Sources/PlaneProtocol/Messages"), atLeast: 10)
        try Self.expectInDocument(try Self.matches(#/"(dev\.plane\.[a-z]+)"/#, in: "Sources"), atLeast: 3)
    }

    @Test("every stream, with its subjects, is in it")
    func streams() throws {
        let streams = "Sources/SchedulerCore/SchedulerStreams.swift"
        let names = try Self.matches(#/"((?:plane|backend|dns)_[a-z]+)"/#, in: streams)
        let subjects = try Self.matches(#/\["([^"]+)"\]/#, in: streams)
        let elsewhere = try Self.matches(#/static let stream = "((?:plane|backend|dns)_[a-z]+)"/#, in: "Sources")
        try Self.expectInDocument(names.union(subjects).union(elsewhere).union(["plane_state"]), atLeast: 12)
    }

    @Test("every table and column of the drone's database is in it")
    func database() throws {
        let schema = "Sources/DroneStore/Schema"
        let tables = try Self.matches(#/CREATE TABLE (?:IF NOT EXISTS )?([a-z_]+)/#, in: schema)
        let columns = try Self.matches(#/(?m)^ +([a-z_]+) (?:TEXT|INTEGER|BIGINT|TIMESTAMP|BOOLEAN|BLOB)\b/#, in: schema)
        let added = try Self.matches(#/ADD COLUMN ([a-z_]+)/#, in: schema)
        try Self.expectInDocument(tables.union(columns).union(added), atLeast: 25)
    }

    @Test("every status that the proxy makes itself is in it")
    func statuses() throws {
        let table = try Self.document().matches(of: #/(?m)^\| ([0-9, ]+) \| proxy \|/#).map { String($0.output.1) }.joined(separator: ", ")
        for status in try Self.matches(#/case [a-zA-Z]+ = ([0-9]{3})/#, in: "Sources/ProxyCore/ProxyStatus.swift") {
            #expect(table.contains(status), "\(status) is missing in dev/docs/protocol.md")
        }
    }

    // MARK: Nothing is otherwise

    private struct Example {
        let golden: String
        let text: String
    }

    /// The blocks of JSON. Each says behind `json` which golden file it is.
    private static func examples() throws -> [Example] {
        try self.document().matches(of: #/(?ms)^```json *([^\n]*)\n(.*?)^```$/#).map { Example(golden: String($0.output.1), text: String($0.output.2)) }
    }

    @Test("every JSON document in it is a golden file of the code's tests, which is what the code writes or reads")
    func documents() throws {
        let examples = try Self.examples()
        #expect(examples.count >= 30)
        for example in examples {
            let golden = try GoldenFile(example.golden)
            let payload = GoldenFile.withoutSpace(Array(example.text.utf8))
            #expect(String(decoding: payload, as: UTF8.self) == String(decoding: golden.payload, as: UTF8.self), "\(example.golden)")
        }
        // Each message has one.
        for number in (1...17).map({ $0 < 10 ? "M0\($0)" : "M\($0)" }) {
            #expect(examples.contains { $0.golden.hasPrefix(number) }, "no document of \(number)")
        }
    }

    @Test("the hashes of locks are those the code computes")
    func hashes() throws {
        let rows = try Self.document().matches(of: #/(?m)^\| (\(empty\)|`[^`]+`) \| ([0-9]{15,20}) \|$/#)
        #expect(rows.count >= 5)
        for row in rows {
            let text = row.output.1 == "(empty)" ? "" : String(row.output.1.dropFirst().dropLast())
            let lock = try #require(LockName(rawValue: text))
            #expect(String(lock.subjectHash) == row.output.2, "\(text)")
        }
    }

    /// `| what | 30 s | FILE CONSTANT |`: a line of the file defines the constant, with that number.
    @Test("every limit and interval in it is the constant of the code")
    func limits() throws {
        let rows = try Self.document().matches(of: #/(?m)^\| [^|]+ \| ([0-9]+)(?: s| ms)? \| `(Sources[^`]+)` `([a-zA-Z]+)` \|$/#)
        #expect(rows.count >= 25)
        for row in rows {
            let (value, file, constant) = (row.output.1, String(row.output.2), row.output.3)
            let lines = try Self.text(file).split(separator: "\n").filter { $0.contains("let \(constant)") || $0.contains("var \(constant)") }
            #expect(lines.count == 1, "\(constant) in \(file)")
            let numbers = lines.flatMap { $0.replacing("_", with: "").matches(of: #/[0-9]+/#).map(\.output) }
            #expect(numbers.contains(value), "\(constant) in \(file) is \(lines.first ?? "not there"), not \(value)")
        }
    }

    /// Names of tests begin with them (`A9: …`), end with them (`… (A23)`), or stand alone in a comment.
    @Test("what tests call A9 or W12 is a row of what is different from 0.3.24")
    func codes() throws {
        let tests = try Self.sources("Tests")
        let leading = tests.matches(of: #/"((?:[WSAPDCL][0-9]+(?:, )?)+): /#).map { String($0.output.1) }
        let trailing = tests.matches(of: #/\(([WSAPDCL][0-9]+)\)"/#).map { String($0.output.1) }
        let wanted = Set((leading + trailing).flatMap { $0.matches(of: #/[A-Z][0-9]+/#).map { String($0.output) } })
        let rows = Set(try Self.text("dev/docs/from-0.3.md").matches(of: #/(?m)^\| ([A-Z][0-9]+) \|/#).map { String($0.output.1) })
        #expect(wanted.count > 80)
        #expect(wanted.subtracting(rows).sorted() == [])
    }

    /// `(dev/docs/protocol.md, Containers)`; M1 to M17 in parentheses need no more.
    @Test("what comments cite of it is there, and they cite nothing that is not in the repository")
    func citations() throws {
        let headings = Set(try Self.document().matches(of: #/(?m)^#+ (.+)$/#).map { String($0.output.1) })
        let numbers = Set(headings.compactMap { $0.firstMatch(of: #/^M[0-9]+/#).map { String($0.output) } })
        #expect(numbers.count == 17)
        let comments = try Self.sources("Sources")
        let cited = comments.matches(of: #/dev\/docs\/protocol\.md, ([^).:;]+)\)/#).map { String($0.output.1) }
        #expect(cited.count >= 5)
        for section in cited { #expect(headings.contains(section), "\(section)") }
        #expect(comments.matches(of: #/protocol\.md §/#).isEmpty)
        let codes = Set(comments.matches(of: #/[^a-zA-Z]\(([A-Z][0-9]{1,2})\)/#).map { String($0.output.1) })
        #expect(codes.subtracting(numbers).sorted() == [])
    }

    @Test("every link within it leads somewhere")
    func links() throws {
        let document = try Self.document()
        let headings = Set(
            document.matches(of: #/(?m)^#+ (.+)$/#).map {
                $0.output.1.lowercased().replacing(" ", with: "-").filter { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }
            })
        for link in document.matches(of: #/\]\(#([^)]+)\)/#) { #expect(headings.contains(String(link.output.1)), "\(link.output.1)") }
    }
}
