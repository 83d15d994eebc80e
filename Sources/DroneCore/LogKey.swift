/// The metadata of this library's log lines.
enum LogKey {
    static let attempt = "attempt"
    static let backend = "backend"
    static let count = "count"
    static let drone = "drone"
    static let error = "error"
    static let image = "image"
    static let ip = "ip"
    static let reason = "reason"
    static let state = "state"
    static let subject = "subject"
}
