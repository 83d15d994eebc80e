import CNATS
import Foundation
import NATSAddressing

/// Owns a `natsOptions`, built from ours. libnats copies it when it connects.
final class NativeOptions {
    let pointer: OpaquePointer

    init(_ options: NATSOptions) throws(NATSError) {
        let addresses = try options.addresses()
        var created: OpaquePointer?
        let status = natsOptions_Create(&created)
        guard status == NATS_OK, let pointer = created else {
            throw NATSError(status: status, attempt: "prepare the NATS connection")
        }
        self.pointer = pointer
        try self.set("servers") { pointer in
            let urls = addresses.map { strdup($0.description) }
            defer { for url in urls { free(url) } }
            var list = urls.map { UnsafePointer($0) }
            return natsOptions_SetServers(pointer, &list, CInt(list.count))
        }
        try self.set("name") { natsOptions_SetName($0, options.name) }
        try self.set("connect timeout") { natsOptions_SetTimeout($0, options.connectTimeout.libraryMilliseconds) }
        try self.set("ping interval") { natsOptions_SetPingInterval($0, options.pingInterval.libraryMilliseconds) }
        try self.set("pings out") { natsOptions_SetMaxPingsOut($0, 2) }
        try self.set("write deadline") { natsOptions_SetWriteDeadline($0, options.writeDeadline.libraryMilliseconds) }
        try self.set("reconnect buffer") {
            natsOptions_SetReconnectBufSize($0, CInt(clamping: options.reconnectBufferBytes))
        }
        try self.set("endless reconnects") { natsOptions_SetMaxReconnect($0, -1) }
        // Every publish is written at once. Otherwise the library would hand it to a thread that waits a millisecond for more, which would delay every step
        // of a schedule request by a millisecond.
        try self.set("immediate writes") { natsOptions_SetSendAsap($0, true) }
        // One delivery thread for all subscriptions instead of one each; our sinks only copy and return.
        try self.set("shared delivery thread") { natsOptions_UseGlobalMessageDelivery($0, true) }
        // The queue between the reading and the delivery thread. It stays almost empty; it is limited to 64 MiB as well.
        try self.set("delivery queue") { natsOptions_SetMaxPendingMsgs($0, 1 << 20) }
        try self.authenticate(options.effectiveAuthentication(addresses))
        try self.secure(options.tls, required: addresses.contains { $0.usesTLS })
    }

    deinit { natsOptions_Destroy(self.pointer) }

    private func authenticate(_ authentication: NATSAuthentication) throws(NATSError) {
        switch authentication {
        case .none: break
        case .userPassword(let user, let password):
            try self.set("user") { natsOptions_SetUserInfo($0, user, password) }
        case .token(let token):
            try self.set("token") { natsOptions_SetToken($0, token) }
        case .credentialsFile(let path):
            guard FileManager.default.isReadableFile(atPath: path) else {
                throw NATSError(
                    .invalidConfiguration, attempt: "read the NATS credentials file \(path)",
                    hint: "the file must exist and be readable by this user")
            }
            try self.set("credentials file") { natsOptions_SetUserCredentialsFromFiles($0, path, nil) }
        }
    }

    private func secure(_ tls: NATSTLSOptions?, required: Bool) throws(NATSError) {
        guard required || tls != nil else { return }
        try self.set("TLS") { natsOptions_SetSecure($0, true) }
        if let caFile = tls?.caFile {
            try self.set("CA file \(caFile)") { natsOptions_LoadCATrustedCertificates($0, caFile) }
        }
        if let certificate = tls?.clientCertificate {
            try self.set("client certificate \(certificate.chainFile) with key \(certificate.keyFile)") {
                natsOptions_LoadCertificatesChain($0, certificate.chainFile, certificate.keyFile)
            }
        }
        if let name = tls?.expectedHostname {
            try self.set("expected host name") { natsOptions_SetExpectedHostname($0, name) }
        }
    }

    /// Applies one setting; its name goes into the error.
    func set(_ name: String, _ call: (OpaquePointer) -> natsStatus) throws(NATSError) {
        let status = call(self.pointer)
        guard status != NATS_OK else { return }
        var error = NATSError(status: status, attempt: "set the NATS option: \(name)")
        error.code = .invalidConfiguration
        throw error
    }
}

extension NATSOptions {
    /// The servers' addresses, parsed; at least one.
    func addresses() throws(NATSError) -> [NATSServerAddress] {
        var addresses: [NATSServerAddress] = []
        for server in self.servers {
            do throws(NATSAddressError) {
                addresses.append(try NATSServerAddress(server))
            } catch {
                throw NATSError(.invalidConfiguration, attempt: "read the NATS URL \(error.url)", hint: error.hint)
            }
        }
        guard !addresses.isEmpty else {
            throw NATSError(.invalidConfiguration, attempt: "connect to NATS", hint: "the list of servers is empty")
        }
        return addresses
    }

    /// The credentials of the first URL that has some, or else `authentication`. A connection has one identity, so credentials do not depend on the server.
    func effectiveAuthentication(_ addresses: [NATSServerAddress]) throws(NATSError) -> NATSAuthentication {
        let found = Set(addresses.map(\.authentication)).subtracting([.none])
        guard found.count <= 1 else {
            throw NATSError(
                .invalidConfiguration, attempt: "connect to \(addresses.map(\.description).joined(separator: ", "))",
                hint: "the URLs carry different credentials; all servers get the same ones")
        }
        return found.first ?? self.authentication
    }
}
