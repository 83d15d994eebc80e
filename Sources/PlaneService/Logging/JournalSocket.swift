#if canImport(Glibc)
import Glibc
#endif

/// Sends log events to systemd's journal in its own format (https://systemd.io/JOURNAL_NATIVE_PROTOCOL), so that `journalctl PLANE_BACKEND=<id>` finds what
/// all services on a machine did with a backend.
package final class JournalSocket: Sendable {
    package static let path = "/run/systemd/journal/socket"

    private let path: String
    private let identifier: String
    private let socket: CInt

    /// Nil if there is no journal.
    init?(path: String, identifier: String) {
        guard access(path, W_OK) == 0 else { return nil }
        self.socket = Glibc.socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard self.socket >= 0 else { return nil }
        self.path = path
        self.identifier = identifier
    }

    deinit { close(self.socket) }

    /// - Returns: whether the journal has taken it. It does not when it is down or overloaded, or when the event is larger than a datagram.
    func send(_ record: LogRecord) -> Bool {
        UnixDatagram.send(record.journalEntry(identifier: self.identifier), to: self.path, through: self.socket, flags: CInt(MSG_DONTWAIT)) == 0
    }
}
