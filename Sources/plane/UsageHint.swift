import ArgumentParser
import ConfigurationReading
import PlaneService

/// Examples that are shown in the help, and after a wrong command line.
enum UsageHint {
    /// A complete command line of each command that needs arguments, or is of little use without.
    static let examples: [String: String] = [
        "spawn": "plane spawn plane.localhost plane-demo --env COLOUR=blue --lock doc",
        "status": "plane status --follow 0b7f6c1e-50c4-4a0e-9d55-6f2f4f3f2a10",
        "why": "plane why http://0b7f6c1e.plane.localhost:8080/",
        "list-drones": "plane list-drones --cluster plane.localhost",
        "list-backends": "plane list-backends --state Failed --older-than 10m",
        "logs": "plane logs --follow 0b7f6c1e-50c4-4a0e-9d55-6f2f4f3f2a10",
        "top": "plane top --sort memory",
        "connections": "plane connections --drone drone-1",
        "terminate": "plane terminate 0b7f6c1e",
        "restart": "plane restart 0b7f6c1e",
        "exec": "plane exec 0b7f6c1e -- ls -l /tmp",
        "shell": "plane shell 0b7f6c1e",
        "cp": "plane cp 0b7f6c1e:/tmp/heap.log .",
        "drain": "plane drain --wait --timeout 1h drone-1",
        "doctor": "plane doctor --nats nats://operator:secret@10.0.0.1:4222",
        "cleanup": "plane cleanup --older-than 48h --dry-run",
        "mark-backend-lost": "plane mark-backend-lost 0b7f6c1e-50c4-4a0e-9d55-6f2f4f3f2a10",
        "dump-state": "plane dump-state > fleet.json",
        "stream-state": "plane stream-state --snapshot --cluster plane.localhost",
        "completions": "plane completions bash > /etc/bash_completion.d/plane",
    ]

    /// What is wrong with the call, in lines of 80 columns, and the right call behind it as it can be copied.
    static func answer(_ message: String, hint: String) -> String {
        // A whole help is laid out for the terminal already.
        let isHelp = message.contains("\nUSAGE: ")
        let lines = message.split(separator: "\n", omittingEmptySubsequences: false).flatMap { isHelp ? [String($0)] : Self.folded($0) }
        var text = lines.joined(separator: "\n")
        while text.last?.isNewline ?? false { text.removeLast() }
        // What failed after the call was parsed has been told already.
        return text.isEmpty ? "\n\(hint)" : "\(text)\n\n\(hint)"
    }

    /// The help of a command with its example below the usage; nil for any other text.
    static func withExample(_ help: String) -> String? {
        var lines = help.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard let usage = lines.firstIndex(where: { $0.hasPrefix("USAGE: plane ") }),
            let example = self.examples[String(lines[usage].split(separator: " ")[2])]
        else { return nil }
        lines.insert("EXAMPLE: \(example)", at: usage + 1)
        return lines.joined(separator: "\n")
    }

    static let columns = 80

    /// The line in pieces that fit, each but the first behind as many spaces as the words of the first begin at.
    static func folded(_ line: Substring) -> [String] {
        guard line.count > self.columns else { return [String(line)] }
        let label = line.prefix { $0 != ":" }
        let indent = String(repeating: " ", count: label.count < 12 ? label.count + 2 : line.prefix { $0 == " " }.count + 2)
        var lines: [String] = []
        var current = String(line.prefix { $0 == " " })
        for word in line.split(separator: " ") {
            let isFirst = current.allSatisfy { $0 == " " }
            if !isFirst, current.count + 1 + word.count > self.columns {
                lines.append(current)
                current = indent + word
            } else {
                current += (isFirst ? "" : " ") + word
            }
        }
        return lines + [current]
    }

    /// nil if there is nothing to teach.
    static func text(for arguments: [String]) -> String? {
        let known = PlaneCommand.configuration.subcommands.filter { $0.configuration.shouldDisplay }
        let names = known.flatMap { [$0._commandName] + $0.configuration.aliases }
        guard let word = self.command(in: arguments, names: names) else {
            return "Begin with: plane status, plane list-drones, plane spawn. All commands: plane --help"
        }
        if let command = known.first(where: { $0._commandName == word || $0.configuration.aliases.contains(word) }) {
            return self.examples[command._commandName].map { "For example: \($0)" }
        }
        guard let nearest = names.map({ ($0, NearestKey.editDistance(Array(word.utf8), Array($0.utf8))) }).min(by: { $0.1 < $1.1 }),
            nearest.1 <= max(2, word.count / 3)
        else {
            return "There is no command \(word). All commands: plane --help"
        }
        return "There is no command \(word). Did you mean plane \(nearest.0)?" + (self.examples[nearest.0].map { " For example: \($0)" } ?? "")
    }

    /// The first word that is a command; if there is none, the first that is neither an option nor the value of one.
    private static func command(in arguments: [String], names: [String]) -> String? {
        if let known = arguments.first(where: names.contains) { return known }
        var rest = arguments[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("-") else { return word }
            if ["--nats", "--nats-creds", "--nats-ca"].contains(word) { _ = rest.popFirst() }
        }
        return nil
    }
}
