import CNATS
import Timing

/// What libnats reports about a connection.
enum NativeEvent: Sendable {
    case disconnected
    /// All servers were tried without success, for the `count`th time since the connection broke.
    case stillDisconnected(count: Int)
    case reconnected
    /// The server or the library refused something; `code` and text as reported.
    case refused(NATSError.Code, reason: String)
    /// The last event. It also comes without a close by us, if the server has refused our credentials twice while reconnecting.
    case closed(NATSError.Code?, reason: String?)
}

/// The library's callbacks get this as their closure. It is released by the closed callback, which is the last one.
final class NativeEventBox: Sendable {
    private let handler: @Sendable (NativeEvent) -> Void

    init(_ handler: @escaping @Sendable (NativeEvent) -> Void) { self.handler = handler }

    /// Pauses between two rounds over all servers; up to half is added at random, and the last one repeats. However long a server was away,
    /// its clients are back well within a second, and a thousand clients that try three times a second do not disturb a server that is starting.
    static let reconnectPauses = RetrySchedule(.milliseconds(20), .milliseconds(50), .milliseconds(100), .milliseconds(200), .milliseconds(300))

    static func install(on options: NativeOptions, box: Unmanaged<NativeEventBox>) throws(NATSError) {
        let closure = box.toOpaque()
        try options.set("disconnected callback") { pointer in
            natsOptions_SetDisconnectedCB(
                pointer,
                // Why must not be asked here: the library holds the connection's lock while it connects anew.
                { _, closure in NativeEventBox.at(closure)?.handler(.disconnected) }, closure)
        }
        try options.set("reconnected callback") { pointer in
            natsOptions_SetReconnectedCB(pointer, { _, closure in NativeEventBox.at(closure)?.handler(.reconnected) }, closure)
        }
        try options.set("closed callback") { pointer in
            natsOptions_SetClosedCB(
                pointer,
                { connection, closure in
                    guard let closure else { return }
                    let error = NativeEventBox.lastError(connection)
                    Unmanaged<NativeEventBox>.fromOpaque(closure).takeRetainedValue()
                        .handler(.closed(error?.0, reason: error?.1))
                }, closure)
        }
        try options.set("error callback") { pointer in
            natsOptions_SetErrorHandler(
                pointer,
                { connection, _, status, closure in
                    // The text of an asynchronous error is stored for the callback thread.
                    var lastStatus = NATS_OK
                    let text = nats_GetLastError(&lastStatus).map { String(cString: $0) } ?? ""
                    let known = natsStatus_GetText(status).map { String(cString: $0) } ?? ""
                    NativeEventBox.at(closure)?.handler(
                        .refused(NATSError.code(status), reason: text.isEmpty ? known : text))
                }, closure)
        }
        try options.set("reconnect delay") { pointer in
            natsOptions_SetCustomReconnectDelay(
                pointer,
                { _, rounds, closure in
                    NativeEventBox.at(closure)?.handler(.stillDisconnected(count: Int(rounds)))
                    let pause = NativeEventBox.reconnectPauses.pause(after: Int(rounds)) / Duration.milliseconds(1)
                    return Int64(pause * Double.random(in: 1...1.5))
                }, closure)
        }
    }

    private static func at(_ closure: UnsafeMutableRawPointer?) -> NativeEventBox? {
        closure.map { Unmanaged<NativeEventBox>.fromOpaque($0).takeUnretainedValue() }
    }

    static func lastError(_ connection: OpaquePointer?) -> (NATSError.Code, String)? {
        var text: UnsafePointer<CChar>?
        let status = natsConnection_GetLastError(connection, &text)
        guard status != NATS_OK else { return nil }
        let message = text.map { String(cString: $0) } ?? ""
        return (NATSError.code(status), message.isEmpty ? String(cString: natsStatus_GetText(status)) : message)
    }
}
