import FoundationEssentials

#if canImport(Glibc)
import Glibc
#endif

/// Tells systemd how this process is doing (sd_notify(3)); does nothing where nobody asks.
package enum ServiceNotification {
    /// Whether somebody wants to be told.
    package static let isWanted = Self.address != nil

    /// The process does its job, and is the one that reloads and stops are meant for from now on.
    package static func ready() {
        Self.send("READY=1\nMAINPID=\(getpid())")
    }

    /// Another process does this one's job from now on. Told before this one ends: systemd stops a service whose main process has ended,
    /// and with it a successor that has not said yet that it is the main process now.
    package static func replaced(by processID: Int32) {
        Self.send("MAINPID=\(processID)")
    }

    /// The process still does its work. Whoever does not say so within `watchdogInterval` is ended and started again.
    package static func alive() {
        Self.send("WATCHDOG=1")
    }

    /// nil where nobody watches.
    package static var watchdogInterval: Duration? {
        Self.watchdogInterval(ProcessInfo.processInfo.environment, processID: getpid(), parentID: getppid())
    }

    /// What the environment says (sd_watchdog_enabled(3)). A successor, which is started by the process it replaces, is watched in its
    /// place, though the variable names the first of them.
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
