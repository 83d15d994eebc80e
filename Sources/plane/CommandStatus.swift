import ArgumentParser

/// The exit status of a command, for scripts. Numbers from 64 on are those of `sysexits.h`.
enum CommandStatus: Int32, CaseIterable {
    case success = 0
    case failed = 1
    case noDrone = 2
    case endedBeforeReady = 3
    case usage = 64
    case unavailable = 69
    case noAnswer = 75
    case notPermitted = 77

    var meaning: String {
        switch self {
        case .success: "done"
        case .failed: "the request failed or was refused"
        case .noDrone: "no drone can take the backend at the moment"
        case .endedBeforeReady: "the backend ended before it was ready"
        case .usage: "an argument is missing or wrong"
        case .unavailable: "NATS cannot be reached, or no service of the system answers there"
        case .noAnswer: "no answer in time; the request may have been carried out"
        case .notPermitted: "NATS refuses the credentials, or does not permit what was asked for"
        }
    }

    /// The table of exit statuses for `--help`.
    static var table: String {
        Self.allCases.map { status in
            let number = "\(status.rawValue)"
            return "  \(number)\(String(repeating: " ", count: 4 - number.count))\(status.meaning)"
        }.joined(separator: "\n")
    }
}
