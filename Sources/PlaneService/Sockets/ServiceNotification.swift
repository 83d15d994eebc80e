import FoundationEssentials

#if canImport(Glibc)
import Glibc
#endif

/// Tells systemd about the state of this process (sd_notify(3)); does nothing if systemd did not ask for that.
package enum ServiceNotification {
    /// Whether systemd has asked for notifications.
    package static let isWanted = Self.address != nil

    /// The process is ready, and is the main process of the service from now on.
    package static func ready() {
        Self.send("READY=1\nMAINPID=\(getpid())")
    }

    /// Another process is the main process of the service from now on. Sent before this process ends: systemd stops a service whose main process has ended,
    /// and with it a successor that has not announced itself.
    package static func replaced(by processID: Int32) {
        Self.send("MAINPID=\(processID)")
    }

    /// The process still works. If this is not sent within `watchdogInterval`, systemd restarts the service.
    package static func alive() {
        Self.send("WATCHDOG=1")
    }

    /// Nil if systemd does not watch this process.
    package static var watchdogInterval: Duration? {
        Self.watchdogInterval(ProcessInfo.processInfo.environment, processID: getpid(), parentID: getppid())
    }

    /// The interval in the environment (sd_watchdog_enabled(3)). A successor, which is started by the process that it replaces, is watched as well, although
    /// the variable names the first process.
    static func watchdogInterval(_ environment: [String: String], processID: Int32, parentID: Int32) -> Duration? {
        guard let microseconds = environment["WATCHDOG_USEC"].flatMap({ Int64($0) }), (1_000...86_400_000_000).contains(microseconds) else {
            return nil
        }
        let isMeant = environment["WATCHDOG_PID"].map { $0 == "\(processID)" } ?? true
        let isSuccessor = environment[ListeningSockets.predecessorVariable] == "\(parentID)"
        return isMeant || isSuccessor ? .microseconds(microseconds) : nil
    }

    private static var address: String? {
        ProcessInfo.processInfo.environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func send(_ message: String) {
        guard let path = self.address else { return }
        _ = UnixDatagram.send(Array(message.utf8), to: path)
    }
}
