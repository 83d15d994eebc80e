import Synchronization

/// One line on a terminal that is written again and again; on anything else it is not there.
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

    /// Takes the line away, so that what follows starts on a clean one.
    func clear() {
        guard self.console.isErrorTerminal else { return }
        let wasShown = self.text.withLock { shown in
            defer { shown = "" }
            return !shown.isEmpty
        }
        if wasShown { self.console.writeError("\r\u{1b}[K") }
    }
}
