import CNIOBoringSSL
package import NIOSSL

/// What BoringSSL can do and NIOSSL has no words for. The context is to be new: nothing else uses it yet.
package struct BoringSSLContext {
    private let pointer: OpaquePointer

    /// Nil where this version of NIOSSL keeps it in another way; a test tells. NIOSSL gives no other way to it.
    package init?(_ context: NIOSSLContext) {
        let property = Mirror(reflecting: context).children.first { $0.label == "sslContext" }
        guard let pointer = property?.value as? OpaquePointer else { return nil }
        self.pointer = pointer
    }

    /// Of the cipher suites that both sides know, the first of our list is taken, not of the client's.
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
