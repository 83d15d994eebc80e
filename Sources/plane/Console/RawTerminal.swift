import Glibc
import PlaneProtocol

/// Passes the terminal to a program elsewhere: every key goes there, Ctrl-C too, and nothing is echoed here.
enum RawTerminal {
    /// The size of the terminal on standard input; nil for a pipe or a file.
    static func size() -> TerminalSize? {
        guard isatty(STDIN_FILENO) == 1 else { return nil }
        var size = winsize()
        guard ioctl(STDIN_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return TerminalSize(rows: 24, columns: 80) }
        return TerminalSize(rows: size.ws_row, columns: size.ws_col)
    }

    /// Runs `body` with the terminal in raw mode, and restores the terminal afterwards.
    static func with<Result>(_ body: () async throws -> Result) async rethrows -> Result {
        var before = termios()
        guard tcgetattr(STDIN_FILENO, &before) == 0 else { return try await body() }
        var raw = before
        cfmakeraw(&raw)
        tcsetattr(STDIN_FILENO, TCSANOW, &raw)
        defer { tcsetattr(STDIN_FILENO, TCSANOW, &before) }
        return try await body()
    }
}
