import CNATS
import Dispatch
import Foundation
import NATSAddressing
import Synchronization

/// Owns one `natsConnection`, from a successful connect to its destruction.
///
/// Four kinds of threads use it: callers, the library's delivery thread (see `NativeSubscription`), its callback thread (events), and `blockingQueue`, on
/// which every call runs that waits for a server or joins a thread.
final class NativeConnection: @unchecked Sendable {
    // Unchecked: the pointer never changes, and libnats guards what it points to with a lock.
    private let pointer: OpaquePointer
    let restoration: Restoration

    /// Whether the library is making the connection anew. Meanwhile it holds a lock that almost all of its calls wait for, up to the connect timeout when a
    /// server is silent.
    final class Restoration: Sendable {
        private let isOn = Atomic(false)

        var isUnderWay: Bool { self.isOn.load(ordering: .acquiring) }

        fileprivate func note(_ event: NativeEvent) {
            switch event {
            case .disconnected: self.isOn.store(true, ordering: .releasing)
            case .reconnected, .closed: self.isOn.store(false, ordering: .releasing)
            case .stillDisconnected, .refused: break
            }
        }
    }

    /// For connect, flush, close and destroy. Concurrent, so that a slow server does not delay another connection.
    private static let blockingQueue = DispatchQueue(label: "nats.blocking", attributes: .concurrent)

    /// Runs a call that may block, away from the cooperative pool.
    static func blocking<Value: Sendable>(
        _ body: @escaping @Sendable () throws(NATSError) -> Value
    ) async throws(NATSError) -> Value {
        let result: Result<Value, NATSError> = await withCheckedContinuation { continuation in
            Self.blockingQueue.async {
                continuation.resume(returning: Result { () throws(NATSError) in try body() })
            }
        }
        return try result.get()
    }

    /// Connects, trying each server once. Blocks; call it in `blocking`.
    /// - Parameter handler: called with the events of this connection, on the library's threads; the last one is `.closed`.
    init(_ options: NATSOptions, handler: @escaping @Sendable (NativeEvent) -> Void) throws(NATSError) {
        let native = try NativeOptions(options)
        let restoration = Restoration()
        let box = Unmanaged.passRetained(
            NativeEventBox { event in
                restoration.note(event)
                handler(event)
            })
        do {
            try NativeEventBox.install(on: native, box: box)
        } catch {
            box.release()
            throw error
        }
        var connection: OpaquePointer?
        let status = natsConnection_Connect(&connection, native.pointer)
        guard status == NATS_OK, let connection else {
            let names = try options.addresses()
            let error = NATSError(
                status: status, attempt: "connect to \(names.map(\.description).joined(separator: ", "))")
            // There was no connection, so the closed callback will not come, and no other callback has a reference to the box.
            box.release()
            throw error.explained(
                authentication: try options.effectiveAuthentication(names), usesTLS: options.tls != nil)
        }
        self.pointer = connection
        self.restoration = restoration
    }

    deinit {
        // Nobody else has the pointer any more, so the queue becomes its last owner. Destroying joins threads, which must not happen on a thread of the
        // cooperative pool or of the library.
        nonisolated(unsafe) let pointer = self.pointer
        Self.blockingQueue.async { natsConnection_Destroy(pointer) }
    }

    /// Writes one message. Blocks only while the socket's buffer is full, at most for the write deadline.
    func publish(_ payload: [UInt8], to subject: String, headers: NATSHeaders, reply: String?) throws(NATSError) {
        let status = payload.withUnsafeBytes { bytes in
            let data = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            if !headers.isEmpty { return self.publish(data, bytes.count, subject, reply, headers) }
            return if let reply {
                natsConnection_PublishRequest(self.pointer, subject, reply, data, CInt(clamping: bytes.count))
            } else {
                natsConnection_Publish(self.pointer, subject, data, CInt(clamping: bytes.count))
            }
        }
        guard status != NATS_OK else { return }
        throw NATSError(status: status, attempt: "publish to \(subject)").whilePublishing()
    }

    private func publish(
        _ data: UnsafePointer<CChar>?, _ count: Int, _ subject: String, _ reply: String?, _ headers: NATSHeaders
    ) -> natsStatus {
        var created: OpaquePointer?
        var status = natsMsg_Create(&created, subject, reply, data, CInt(clamping: count))
        guard status == NATS_OK, let message = created else { return status }
        defer { natsMsg_Destroy(message) }
        for field in headers.fields where status == NATS_OK {
            status = natsMsgHeader_Add(message, field.name, field.value)
        }
        return status == NATS_OK ? natsConnection_PublishMsg(self.pointer, message) : status
    }

    func subscribe(_ subject: String, queue: String?, sink: any MessageSink) throws(NATSError) -> NativeSubscription {
        try NativeSubscription(connection: self.pointer, restoration: self.restoration, subject: subject, queue: queue, sink: sink)
    }

    /// Waits until the server has read everything written so far. Blocks; call it in `blocking`.
    func flush(timeout: Duration) throws(NATSError) {
        let status = natsConnection_FlushTimeout(self.pointer, timeout.libraryMilliseconds)
        guard status == NATS_OK else {
            throw NATSError(status: status, attempt: "flush the NATS connection").whilePublishing()
        }
    }

    /// Why the connection broke; nil where the library does not know. Blocks; call it in `later`.
    var lastError: String? { NativeEventBox.lastError(self.pointer)?.1 }

    /// Runs a call that may block, away from whoever asks for it.
    static func later(_ body: @escaping @Sendable () -> Void) { Self.blockingQueue.async(execute: body) }

    /// Closes the connection; the handler gets `.closed` afterwards. Blocks; call it in `blocking`.
    func close() { natsConnection_Close(self.pointer) }

    /// The address of the server we are connected to, without credentials.
    var connectedServer: String? {
        var buffer = [CChar](repeating: 0, count: 1024)
        guard natsConnection_GetConnectedUrl(self.pointer, &buffer, buffer.count) == NATS_OK else { return nil }
        let url = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return (try? NATSServerAddress(url))?.description  // nil: between two connections the text is empty
    }
}

extension NATSError {
    /// A failed write means that the connection has just broken. The library restores it, and the same call works later.
    fileprivate func whilePublishing() -> NATSError {
        var error = self
        if error.code == .unreachable || error.code == .timedOut { error.code = .notConnected }
        return error
    }

    /// Adds a hint for the operator.
    fileprivate func explained(authentication: NATSAuthentication, usesTLS: Bool) -> NATSError {
        var error = self
        error.hint =
            switch self.code {
            case .authorizationViolation:
                switch authentication {
                case .none: "the server wants credentials: put user:password@ or token@ into the URL or the configuration"
                case .userPassword(let user, _): "check the password of user \(user), and that the server knows that user"
                case .token: "check the token"
                case .credentialsFile(let path): "is \(path) for this server, and not expired or revoked?"
                }
            case .unreachable: "is nats-server running there, and does a firewall let us through?"
            case .tlsFailed:
                usesTLS
                    ? "does the CA file belong to this server, and does it expect a client certificate?"
                    : "a private CA must be configured as CA file; a server without TLS needs a nats:// URL"
            case .timedOut: "something accepts connections there but does not answer like nats-server"
            default: nil
            }
        return error
    }
}
