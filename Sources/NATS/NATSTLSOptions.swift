/// TLS towards the server. The server's certificate is always verified.
package struct NATSTLSOptions: Sendable, Hashable {
    /// PEM file of the CAs to trust; nil means those of the system.
    package var caFile: String?
    /// PEM files of our certificate chain and its key, for servers that require them.
    package var clientCertificate: ClientCertificate?
    /// The name to expect in the server's certificate where it differs from the host in the URL.
    package var expectedHostname: String?

    package struct ClientCertificate: Sendable, Hashable {
        package var chainFile: String
        package var keyFile: String

        package init(chainFile: String, keyFile: String) {
            self.chainFile = chainFile
            self.keyFile = keyFile
        }
    }

    package init(
        caFile: String? = nil, clientCertificate: ClientCertificate? = nil, expectedHostname: String? = nil
    ) {
        self.caFile = caFile
        self.clientCertificate = clientCertificate
        self.expectedHostname = expectedHostname
    }
}
