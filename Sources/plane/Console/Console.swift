import Foundation
import Glibc

/// Where a command writes and what it knows of its surroundings. Tests put their own in its place.
struct Console: Sendable {
    /// Writes to standard output, as it is.
    var writeOut: @Sendable (String) -> Void
    /// Writes to standard error, as it is.
    var writeError: @Sendable (String) -> Void
    /// Colours on standard output.
    var usesColours: Bool
    /// Whether a line on standard error may be rewritten.
    var isErrorTerminal: Bool
    var environment: [String: String]
    /// The next line of standard input, without its end; nil where there is none.
    var readLine: @Sendable () -> String? = { Swift.readLine() }
    /// Writes bytes of whatever kind to standard output, or to standard error if the second argument says so.
    var writeBytes: @Sendable ([UInt8], Bool) -> Void = { Self.write($0[...], to: $1 ? STDERR_FILENO : STDOUT_FILENO) }
    /// The next bytes of standard input; none at its end.
    var readBytes: @Sendable () async -> [UInt8] = { await StandardInput.ofThisProcess.next() }
    /// Columns of the terminal that standard output is; nil for a pipe or a file, where lines are as long as they are.
    var width: Int?

    @TaskLocal static var current = Console.standard

    /// Of this process.
    static var standard: Console {
        let environment = ProcessInfo.processInfo.environment
        return Console(
            writeOut: { Self.write($0, to: STDOUT_FILENO) },
            writeError: { Self.write($0, to: STDERR_FILENO) },
            usesColours: isatty(STDOUT_FILENO) == 1 && environment["NO_COLOR", default: ""].isEmpty
                && environment["TERM"] != "dumb",
            isErrorTerminal: isatty(STDERR_FILENO) == 1 && environment["TERM"] != "dumb",
            environment: environment, width: Self.terminalWidth())
    }

    /// A terminal that does not say how wide it is has 80 columns.
    private static func terminalWidth() -> Int? {
        guard isatty(STDOUT_FILENO) == 1 else { return nil }
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// One line of the result.
    func line(_ text: String = "") { self.writeOut(text + "\n") }

    /// A remark that is not part of the result.
    func note(_ text: String) { self.writeError(text + "\n") }

    func fail(_ failure: CommandFailure) {
        self.note("plane: \(failure.message.printable)")
        if let advice = failure.advice { self.note("       \(advice.printable)") }
    }

    func coloured(_ text: String, _ colour: Colour?) -> String {
        guard self.usesColours, let colour else { return text }
        return "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[0m"
    }

    /// Everything at once, whatever the size; a reader that has gone away (`plane logs | head`) ends the process as usual.
    private static func write(_ text: String, to descriptor: Int32) { self.write(Array(text.utf8)[...], to: descriptor) }

    private static func write(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EPIPE { exit(0) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
