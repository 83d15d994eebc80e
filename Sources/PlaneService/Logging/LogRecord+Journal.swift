import Logging

extension LogRecord {
    /// The event in the journal's own format: one `NAME=value` on a line, or with a length if the value contains line feeds.
    func journalEntry(identifier: String) -> [UInt8] {
        var bytes: [UInt8] = []
        Self.append("MESSAGE", self.sentence, to: &bytes)
        Self.append("PRIORITY", "\(self.level.priority)", to: &bytes)
        Self.append("SYSLOG_IDENTIFIER", identifier, to: &bytes)
        Self.append("CODE_FILE", self.file, to: &bytes)
        Self.append("CODE_LINE", "\(self.line)", to: &bytes)
        for (key, value) in self.sortedMetadata { Self.append(Self.journalName(of: key), "\(value)", to: &bytes) }
        return bytes
    }

    /// The name of a field, as in `backend` → `PLANE_BACKEND`: names are upper-case ASCII, and those without a prefix are the journal's own.
    static func journalName(of key: String) -> String {
        let name = key.utf8.prefix(50).map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 32
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): byte
            default: UInt8(ascii: "_")
            }
        }
        return "PLANE_" + String(decoding: name, as: UTF8.self)
    }

    private static func append(_ name: String, _ value: String, to bytes: inout [UInt8]) {
        bytes += name.utf8
        if value.utf8.contains(UInt8(ascii: "\n")) {
            bytes.append(UInt8(ascii: "\n"))
            withUnsafeBytes(of: UInt64(value.utf8.count).littleEndian) { bytes += $0 }
        } else {
            bytes.append(UInt8(ascii: "="))
        }
        bytes += value.utf8
        bytes.append(UInt8(ascii: "\n"))
    }
}

extension Logger.Level {
    /// The level as a priority of syslog(3).
    fileprivate var priority: Int {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
