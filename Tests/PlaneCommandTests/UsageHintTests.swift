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
