import ArgumentParser
import FoundationEssentials
import PlaneService

/// The manual page of `plane` (section 1) in the macros of mdoc(7), made from the declarations of its commands.
struct ManualPage {
    /// The parts of the argument parser's description of a command that the page needs (its `--experimental-dump-help`).
    fileprivate struct Dump: Decodable { var command: Command }

    fileprivate struct Command: Decodable {
        var commandName: String
        var abstract: String?
        var discussion: String?
        var shouldDisplay: Bool?
        var arguments: [Argument]?
        var subcommands: [Command]?
    }

    fileprivate struct Argument: Decodable {
        struct Name: Decodable {
            var kind: String
            var name: String

            var text: String { self.kind == "long" ? "--\(self.name)" : "-\(self.name)" }
        }

        var kind: String
        var shouldDisplay: Bool?
        var sectionTitle: String?
        var names: [Name]?
        var valueName: String?
        var defaultValue: String?
        var abstract: String?
        var discussion: String?
        var isOptional: Bool?
        var isRepeating: Bool?
    }

    private let root: Command

    init(_ command: any ParsableCommand.Type) throws {
        self.root = try JSONDecoder().decode(Dump.self, from: Data(command._dumpHelp().utf8)).command
    }

    var text: String {
        var lines = [".Dd $Mdocdate$", ".Dt PLANE 1", ".Os", ".Sh NAME", ".Nm plane", ".Nd \(Self.plain((self.root.abstract ?? "").trimmingSuffix(".")))"]
        lines += [".Sh SYNOPSIS", ".Nm", ".Ar command", ".Op Ar options"]
        lines += [".Sh DESCRIPTION", "Everything goes over NATS; there is no other door to the system.", ".Sh COMMANDS"]
        for command in self.root.subcommands ?? [] where command.isShown { lines += Self.section(of: command) }
        lines += [".Sh OPTIONS", "These go with every command.", ".Bl -tag -width Ds"]
        lines += Self.common(self.root).flatMap(Self.item) + [".El"]
        lines += [".Sh ENVIRONMENT AND EXIT STATUS"] + Self.literal(self.root.discussion ?? "")
        return lines.joined(separator: "\n")
    }

    private static func section(of command: Command) -> [String] {
        let own = (command.arguments ?? []).filter { $0.isShown && !$0.isCommon }
        var lines = [".Ss plane \(self.plain(command.commandName))", ".Nm", ".Cm \(self.plain(command.commandName))"]
        lines += own.filter { $0.kind == "positional" }.map { argument in
            let name = "Ar \(argument.valueName ?? "")\(argument.isRepeating ?? false ? " ..." : "")"
            return argument.isOptional ?? false ? ".Op \(name)" : ".\(name)"
        }
        lines += [".Pp", self.plain(command.abstract ?? "")]
        if let discussion = command.discussion, !discussion.isEmpty { lines += self.literal(discussion) }
        if let example = UsageHint.examples[command.commandName] { lines += [".Pp", "For example:"] + self.literal(example) }
        guard !own.isEmpty else { return lines }
        return lines + [".Bl -tag -width Ds"] + own.flatMap(self.item) + [".El"]
    }

    private static func common(_ command: Command) -> [Argument] {
        (command.arguments ?? []).filter { $0.isShown && $0.kind != "positional" }
    }

    private static func item(_ argument: Argument) -> [String] {
        var tag = (argument.names ?? []).map(\.text).joined(separator: ", ")
        if tag.isEmpty { tag = "<\(argument.valueName ?? "")>" } else if argument.kind == "option" { tag += " <\(argument.valueName ?? "")>" }
        var text = [argument.abstract, argument.discussion].compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: " ")
        if let value = argument.defaultValue { text += " (default: \(value))" }
        return [".It \(self.plain(tag))", self.plain(text)]
    }

    private static func literal(_ text: String) -> [String] { [".Bd -literal"] + text.split(separator: "\n").map { self.plain(String($0)) } + [".Ed"] }

    /// The text with everything escaped that the typesetter would interpret.
    private static func plain(_ text: String) -> String {
        let line = text.replacing("\\", with: "\\e").replacing("-", with: "\\-").replacing("\n", with: " ")
        return line.hasPrefix(".") || line.hasPrefix("'") ? "\\&" + line : line
    }
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: String) -> String { self.hasSuffix(suffix) ? String(self.dropLast(suffix.count)) : self }
}

extension ManualPage.Command {
    fileprivate var isShown: Bool { (self.shouldDisplay ?? true) && self.commandName != "help" }
}

extension ManualPage.Argument {
    fileprivate var isShown: Bool { self.shouldDisplay ?? true }
    fileprivate var isCommon: Bool {
        self.sectionTitle == "Connection and output" || self.names?.contains { $0.name == "help" || $0.name == "version" } ?? false
    }
}
