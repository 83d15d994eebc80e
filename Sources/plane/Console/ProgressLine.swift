import Synchronization

/// One line on a terminal that is rewritten again and again. If standard error is no terminal, nothing is shown.
final class ProgressLine: Sendable {
    private let console: Console
    private let text = Mutex("")

    init(console: Console) { self.console = console }

    func show(_ text: String) {
        guard self.console.isErrorTerminal else { return }
        let isNew = self.text.withLock { shown in
            defer { shown = text }
            return shown != text
        }
        if isNew { self.console.writeError("\r\u{1b}[K\(text.printable)") }
    }

    /// Removes the line, so that the next text begins on an empty one.
    func clear() {
        guard self.console.isErrorTerminal else { return }
        let wasShown = self.text.withLock { shown in
            defer { shown = "" }
            return !shown.isEmpty
        }
        if wasShown { self.console.writeError("\r\u{1b}[K") }
    }
}
