import FoundationEssentials
import Glibc
import PlaneProtocol

/// Where a command writes, and what it needs to know of its surroundings. Tests replace it.
struct Console: Sendable {
    /// Writes text to standard output, unchanged.
    var writeOut: @Sendable (String) -> Void
    /// Writes text to standard error, unchanged.
    var writeError: @Sendable (String) -> Void
    /// Whether colours are used on standard output.
    var usesColours: Bool
    /// Whether a line on standard error may be rewritten.
    var isErrorTerminal: Bool
    var environment: [String: String]
    /// The next line of standard input, without its end; nil at the end of input.
    var readLine: @Sendable () -> String? = { Swift.readLine() }
    /// Writes any bytes to standard output or, if the second argument is true, to standard error.
    var writeBytes: @Sendable ([UInt8], Bool) -> Void = { Self.write($0[...], to: $1 ? STDERR_FILENO : STDOUT_FILENO) }
    /// The next bytes of standard input; empty at its end.
    var readBytes: @Sendable () async -> [UInt8] = { await StandardInput.ofThisProcess.next() }
    /// The number of columns of the terminal; nil if standard output is a pipe or a file, where lines are not cut.
    var width: Int?

    @TaskLocal static var current = Console.standard

    /// The console of this process.
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

    /// A terminal that does not tell its width is assumed to have 80 columns.
    private static func terminalWidth() -> Int? {
        guard isatty(STDOUT_FILENO) == 1 else { return nil }
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Writes one line of the result.
    func line(_ text: String = "") { self.writeOut(text + "\n") }

    /// Writes a remark that is not part of the result.
    func note(_ text: String) { self.writeError(text + "\n") }

    func fail(_ failure: CommandError) {
        self.note("plane: \(failure.message.printable)")
        if let advice = failure.advice { self.note("       \(advice.printable)") }
    }

    /// Asks on standard error. Anything but a yes is a no, the end of input too.
    func isConfirmed(_ question: String) -> Bool {
        self.writeError("\(question) [y/N] ")
        return self.readLine()?.lowercased().hasPrefix("y") ?? false
    }

    func coloured(_ text: String, _ colour: Colour?) -> String {
        guard self.usesColours, let colour else { return text }
        return "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[0m"
    }

    /// Writes everything, whatever its size. If the reader has gone (`plane logs | head`), the process ends as usual.
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

extension Console {
    /// Writes one JSON document on one line.
    func json(_ value: some JSONEncodable) {
        self.line(String(decoding: WireCodec.encode(value), as: UTF8.self))
    }
}
