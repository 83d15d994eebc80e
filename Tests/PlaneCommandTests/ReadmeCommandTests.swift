import ArgumentParser
import Foundation
import PlaneTestSupport
import Testing

@testable import plane

/// Every command that a document shows is one that works: `plane` is parsed here, and run by IntegrationTests; scripts exist and know their
/// options; what needs a machine or containers of its own is run by `scripts/acceptance`.
@Suite("Commands in the documents", .timeLimit(.minutes(10))) struct ReadmeCommandTests {
    static let documents = ["README.md", "dev/README.md", "dev/docs/tutorial.md", "dev/docs/operating.md"]
    /// Those whose commands are read by a shell and by plane; what their programs and files do is tried by tests of their own.
    static let guides = ["three-machines", "your-app", "gateway", "tier", "planb", "proxy"].map { "dev/docs/\($0).md" }
    /// Those that only mention commands.
    static let mentioning = ["dev/docs/troubleshooting.md", "dev/docs/security.md", "dev/docs/configuration.md", "dev/docs/changes.md"]

    /// Calls of plane within sentences, which may leave out what is not their point.
    static func mentions(in document: String) throws -> [String] {
        let text = try String(contentsOf: DocumentedCommands.root.appending(path: document), encoding: .utf8)
        return text.matches(of: #/`(plane [a-z][a-z-]*[^`…]*)`/#).map { String($0.output.1) }
    }

    private static func words(_ command: String) -> [String] {
        let placeholders = ["CLUSTER": "plane.test", "DRONE": "drone-1", "BACKEND": "b1", "[BACKEND]": "b1", "bash|zsh|fish": "bash"]
        return command.prefix { $0 != ">" && $0 != "|" || command.contains("bash|zsh") }.split(separator: " ").map { placeholders[String($0)] ?? String($0) }
    }

    @Test("there are some", arguments: documents)
    func some(document: String) throws {
        #expect(try DocumentedCommands.commands(in: document).count > 5)
    }

    @Test("plane understands those that are its own", arguments: documents + guides)
    func ours(document: String) throws {
        for command in try DocumentedCommands.commands(in: document) where command.hasPrefix("plane ") {
            #expect(throws: Never.self, "\(command)") { _ = try PlaneCommand.parseAsRoot(Array(Self.words(command).dropFirst())) }
        }
    }

    @Test("what a sentence mentions of plane is there, with its options", arguments: documents + guides + mentioning)
    func mentions(document: String) throws {
        for mention in try Self.mentions(in: document) {
            let words = Self.words(mention)
            let command = try #require(
                PlaneCommand.configuration.subcommands.first { $0._commandName == words[1] || $0.configuration.aliases.contains(words[1]) },
                "\(mention)")
            let help = PlaneCommand.helpMessage(for: command, columns: 400)
            for option in words where option.hasPrefix("--") { #expect(help.contains(option), "\(mention)") }
        }
    }

    @Test("scripts exist, and tell of their arguments in their first lines", arguments: documents + guides)
    func scripts(document: String) throws {
        for command in try DocumentedCommands.commands(in: document) where command.hasPrefix("scripts/") {
            let words = Self.words(command)
            let script = try String(contentsOf: DocumentedCommands.root.appending(path: words[0]), encoding: .utf8)
            let head = script.split(separator: "\n").prefix { $0.hasPrefix("#") }.joined(separator: "\n")
            guard words[0] != "scripts/compose" else { continue }  // its arguments are docker-compose's
            for argument in words.dropFirst() where argument.hasPrefix("--") || words[0] == "scripts/acceptance" {
                #expect(head.contains(argument), "\(command)")
            }
        }
    }

    /// `typed RUN 'COMMAND'` in `scripts/lib/acceptance`.
    @Test("what needs a machine of its own is typed there by scripts/acceptance")
    func typed() throws {
        let folder = DocumentedCommands.root.appending(path: "scripts/lib/acceptance")
        let checks = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".sh") }
            .map { try String(contentsOf: folder.appending(path: $0), encoding: .utf8) }.joined()
        // Those of plane are run by IntegrationTests, those of promtool by OperationsTests.
        let shown = try ["README.md", "dev/docs/operating.md"].flatMap(DocumentedCommands.commands)
        for command in shown where !command.hasPrefix("plane ") && !command.hasPrefix("promtool ") {
            #expect(checks.contains("'\(command)'") || checks.contains("\"\(command)\""), "\(command)")
        }
    }

    @Test("a shell can read all of them", arguments: documents + guides)
    func shell(document: String) async throws {
        let directory = try TemporaryDirectory()
        let script = directory.file("commands.sh")
        try DocumentedCommands.commands(in: document).joined(separator: "\n").write(toFile: script, atomically: true, encoding: .utf8)
        try await TestProcess.run("/bin/bash", ["-n", script])
    }
}
