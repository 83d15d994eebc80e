import Synchronization

@testable import plane

/// A console whose texts can be looked at.
final class ConsoleRecorder: Sendable {
    private let texts = Mutex((out: "", error: ""))

    var out: String { self.texts.withLock { $0.out } }
    var error: String { self.texts.withLock { $0.error } }
    var lines: [String] { self.out.split(separator: "\n").map(String.init) }

    func console(environment: [String: String] = [:], colours: Bool = false, terminal: Bool = false, input: [String] = []) -> Console {
        let input = InputLines(input)
        return Console(
            writeOut: { text in self.texts.withLock { $0.out += text } },
            writeError: { text in self.texts.withLock { $0.error += text } },
            usesColours: colours, isErrorTerminal: terminal, environment: environment,
            readLine: { input.next() },
            writeBytes: { bytes, isError in
                let text = String(decoding: bytes, as: UTF8.self)
                self.texts.withLock { if isError { $0.error += text } else { $0.out += text } }
            },
            readBytes: { input.next().map { Array($0.utf8) } ?? [] })
    }
}

extension Console {
    /// Without colours, to format something.
    static let plain = ConsoleRecorder().console()
}

/// What a person would type.
private final class InputLines: Sendable {
    private let lines: Mutex<[String]>

    init(_ lines: [String]) { self.lines = Mutex(lines) }

    func next() -> String? { self.lines.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
}
