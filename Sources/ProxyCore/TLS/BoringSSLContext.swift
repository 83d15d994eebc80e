import CNIOBoringSSL
package import NIOSSL

/// Settings of BoringSSL that NIOSSL does not offer. Only used on a new context, before any connection has it.
package struct BoringSSLContext {
    private let pointer: OpaquePointer

    /// Nil where this version of NIOSSL keeps its context in another way, which a test would notice. NIOSSL offers no access to it.
    package init?(_ context: NIOSSLContext) {
        let property = Mirror(reflecting: context).children.first { $0.label == "sslContext" }
        guard let pointer = property?.value as? OpaquePointer else { return nil }
        self.pointer = pointer
    }

    /// Makes the server's order of cipher suites decide, not the client's.
    package func preferOwnOrder() {
        SSL_CTX_set_options(self.pointer, UInt32(SSL_OP_CIPHER_SERVER_PREFERENCE))
    }

    /// Connections keep what they need for their handshake alone no longer than that: among it copies of the certificates' list and of the suites.
    package func forgetHandshakes() {
        SSL_CTX_set_info_callback(self.pointer) { connection, event, _ in
            guard event & SSL_CB_HANDSHAKE_START != 0, let connection else { return }
            SSL_set_shed_handshake_config(connection, 1)
        }
    }

    /// False when BoringSSL does not take it.
    func use(_ key: TicketKey) -> Bool {
        SSL_CTX_set_tlsext_ticket_keys(self.pointer, key.bytes, key.bytes.count) == 1
    }
}
