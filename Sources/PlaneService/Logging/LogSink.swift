/// The destination of a process's log.
package struct LogSink: Sendable {
    private let format: LogConfiguration.Format
    private let journal: JournalSocket?
    private let writeLine: @Sendable ([UInt8]) -> Void

    /// - Parameters:
    ///   - name: the service's name, for `journalctl -t`.
    ///   - writeLine: writes one line; called on any thread.
    package init(
        _ configuration: LogConfiguration, name: String = "", journalPath: String = JournalSocket.path,
        writeLine: @escaping @Sendable ([UInt8]) -> Void = StandardError.write
    ) {
        self.format = configuration.format
        self.journal = configuration.format == .journal ? JournalSocket(path: journalPath, identifier: name) : nil
        self.writeLine = writeLine
    }

    func write(_ record: LogRecord) {
        switch self.format {
        case .text: self.writeLine(Array(record.textLine.utf8))
        case .json: self.writeLine(record.jsonLine)
        case .journal:
            // An event that the journal does not take is written as a line.
            if self.journal?.send(record) != true { self.writeLine(Array(record.textLine.utf8)) }
        }
    }
}
