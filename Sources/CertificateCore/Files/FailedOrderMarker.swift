import Foundation

/// Stores when the last order failed, as the modification time of an empty file beside the certificate, so that a service that is restarted again and again
/// does not order each time.
struct FailedOrderMarker {
    /// Seconds after the last failure before which a restarted service does not order. It is less than in the retry table, because an operator may
    /// have corrected the cause and restarted the service.
    static let pause: TimeInterval = 300

    let path: String

    init(beside certPath: String) {
        self.path = "\(AtomicFile.resolved(certPath)).failed"
    }

    var lastFailure: Date? {
        (try? FileManager.default.attributesOfItem(atPath: self.path))?[.modificationDate] as? Date
    }

    /// Errors are ignored: without the mark a restart may order too early, and nothing else depends on it.
    func set(_ time: Date) {
        _ = FileManager.default.createFile(atPath: self.path, contents: nil)
        try? FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: self.path)
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: self.path)
    }
}
