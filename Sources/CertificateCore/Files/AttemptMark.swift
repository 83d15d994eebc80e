import Foundation

/// When the last order failed, kept beside the certificate as the time of an empty file: so that a service which is started again and
/// again does not order again and again.
struct AttemptMark {
    /// After a start, an order waits until this long after the last one that failed. Not as long as the retry table, because the start
    /// may be that of an operator who has put things right.
    static let pause: TimeInterval = 300

    let path: String

    init(beside certPath: String) {
        self.path = "\(AtomicFile.resolved(certPath)).failed"
    }

    var lastFailure: Date? {
        (try? FileManager.default.attributesOfItem(atPath: self.path))?[.modificationDate] as? Date
    }

    /// Without it the next start may be a little too eager; nothing else depends on it.
    func set(_ time: Date) {
        _ = FileManager.default.createFile(atPath: self.path, contents: nil)
        try? FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: self.path)
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: self.path)
    }
}
