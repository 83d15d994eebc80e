import ArgumentParser
import Foundation
import Testing

@testable import plane

@Suite("A wrong call is answered with a right one") struct UsageHintTests {
    @Test("every command has an example, which can be parsed", arguments: PlaneCommand.configuration.subcommands.map { $0._commandName })
    func examples(name: String) throws {
        guard name != "reference" else { return }
        let example = try #require(UsageHint.examples[name])
        let words = example.prefix { $0 != ">" }.split(separator: " ").map(String.init)
        #expect(words.first == "plane")
        _ = try PlaneCommand.parseAsRoot(Array(words.dropFirst()))
    }

    @Test(
        "the hint is about the command that was meant",
        arguments: [
            (["spawn"], "For example: plane spawn plane.localhost plane-demo"),
            (["--json", "drain"], "For example: plane drain"), (["stats", "--nonsense"], "For example: plane top"),
            (["spwan", "x"], "There is no command spwan. Did you mean plane spawn?"), (["--nats", "why", "logz"], "For example: plane why"),
            (["list"], "There is no command list."), ([], "Begin with: plane status"),
        ])
    func hint(arguments: [String], beginning: String) throws {
        #expect(try #require(UsageHint.text(for: arguments)).hasPrefix(beginning))
    }

    @Test("help fits 80 columns, with a usage of one line and an example", arguments: PlaneCommand.configuration.subcommands.map { $0._commandName })
    func width(name: String) throws {
        let command = try #require(PlaneCommand.configuration.subcommands.first { $0._commandName == name })
        let lines = PlaneCommand.helpMessage(for: command, columns: 80).split(separator: "\n")
        for line in lines { #expect(line.count <= 80, "\(line)") }
        #expect(lines.contains { $0.hasPrefix("USAGE: plane \(name) ") })
        guard let example = UsageHint.examples[name] else { return }
        let help = try #require(UsageHint.withExample(PlaneCommand.helpMessage(for: command, columns: 80)))
        #expect(help.contains("\nEXAMPLE: \(example)\n") && example.count <= 71, "\(help)")
    }

    @Test(
        "what is said of a wrong call fits 80 columns, says which form is right, and ends with a call that can be copied",
        arguments: [
            (["spawn", "a b", "app"], "letters, digits"), (["spawn", "plane.test", "app", "--id", "A_B"], "lower-case letters"),
            (["spawn", "plane.test", "app", "--mount", "a"], "absolute paths"), (["spawn", "plane.test", "app", "--max-idle", "5minutes"], "90s, 5m or 2h"),
            (["spawn", "plane.test", "app", "--memory", "lots"], "256m or 1g"), (["why", "?"], "host name or its URL"), (["spawn"], "<cluster>"),
            (["cp", "b1:x", "b2:/x"], "b1:/x"), (["cp", ".", "b1:tmp"], "b1:/tmp"),
        ])
    func wrong(arguments: [String], word: String) throws {
        let error = try #require(throws: (any Error).self) { _ = try PlaneCommand.parseAsRoot(arguments) }
        let hint = try #require(UsageHint.text(for: arguments))
        let answer = UsageHint.answer(PlaneCommand.fullMessage(for: error), hint: hint)
        for line in answer.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
        #expect(answer.split(separator: "\n").joined(separator: " ").split(separator: " ").joined(separator: " ").contains(word), "\(answer)")
        #expect(answer.hasSuffix("\n\n\(hint)") && !answer.contains("\n\n\n"))
    }

    @Test("the first help of all fits, says where to begin, and what is not wrong in the call itself gets the example alone")
    func first() {
        let help = PlaneCommand.helpMessage(columns: 80)
        for line in PlaneCommand.configuration.discussion.split(separator: "\n") { #expect(line.count <= 80 && help.contains(line), "\(line)") }
        #expect(help.contains("Begin with:\n  plane status"))
        #expect(UsageHint.withExample(help) == nil)
        #expect(UsageHint.answer("", hint: "For example: plane top") == "\nFor example: plane top")
    }

    @Test("the manual page has every command, option and example, and mdoc's macros where they belong")
    func manual() throws {
        let text = try ManualPage(PlaneCommand.self).text
        for command in PlaneCommand.configuration.subcommands where command.configuration.shouldDisplay {
            #expect(text.contains(".Ss plane \(command._commandName.replacing("-", with: "\\-"))\n"))
        }
        #expect(!text.contains("reference"))
        for word in ["\\-\\-watch", "\\-\\-nats <url>", "PLANE_NATS_URL", "exit status".uppercased()] { #expect(text.contains(word), "\(word)") }
        let macros = text.split(separator: "\n").filter { $0.hasPrefix(".") }.map { $0.prefix(3) }
        let known: Set = [".Dd", ".Dt", ".Os", ".Sh", ".Nm", ".Nd", ".Ar", ".Op", ".Ss", ".Cm", ".Pp", ".Bl", ".It", ".El", ".Bd", ".Ed"]
        #expect(macros.allSatisfy { known.contains(String($0)) })
    }
}
