package import ConfigurationReading
package import NetworkAddresses
package import PlaneProtocol
import PlaneService

/// How to get certificates (table `acme`).
package struct ACMEConfiguration: Hashable, Sendable {
    /// Credentials of an account that exists at the authority already (RFC 8555 §7.3.4).
    package struct ExternalAccount: Hashable, Sendable {
        package var keyID: String
        /// In base64url without padding.
        package var key: Secret

        package init(keyID: String, key: Secret) {
            self.keyID = keyID
            self.key = key
        }
    }

    /// URL of the authority's directory.
    package var server: String
    package var adminEmail: String
    package var externalAccount: ExternalAccount?
    /// PEM file of the authorities trusted to sign the *server's* certificate, for an authority of one's own; the system's if nil.
    package var caPath: String?
    /// Name servers asked whether a challenge is visible, before the authority is told to look; if empty, the zone's are looked up.
    package var dnsServers: [SocketEndpoint] = []
    /// How long the name servers may take to show it; with zero they are not asked.
    package var propagationTimeout: Duration = .seconds(60)

    package init(server: String, adminEmail: String) {
        self.server = server
        self.adminEmail = adminEmail
    }
}

extension ACMEConfiguration: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        let server = reader.required("server", .httpURL, "Directory URL of the certificate authority.")
        let adminEmail = reader.required("admin_email", .email, "Where the authority sends warnings.")
        let externalAccount = reader.table("eab") { ExternalAccount(&$0) }
        let caPath = reader.optional("ca_path", .path, "PEM file of the authorities that may sign the ACME server's own certificate; the system's if not set.")
        let dnsServers =
            reader.optional(
                "dns_servers", .list(of: .endpoint, mayBeEmpty: true),
                "Name servers asked whether a challenge is visible before the authority is told to look; those of the zone if not set.") ?? []
        var propagationTimeout = Duration.seconds(60)
        reader.read(
            "propagation_timeout_secs", .seconds(0...3600), into: &propagationTimeout, "Seconds they may take to show it; 0 asks nobody.")
        guard let server, let adminEmail else { return nil }
        self.init(server: server, adminEmail: adminEmail)
        self.externalAccount = externalAccount
        self.caPath = caPath
        self.dnsServers = dnsServers
        self.propagationTimeout = propagationTimeout
    }
}

extension ACMEConfiguration.ExternalAccount: ConfigReadable {
    package init?(_ reader: inout ConfigReader) {
        let keyID = reader.required("key_id", .string, "Key id of the account that exists at the authority already.")
        let key = reader.required("key", .base64, "Its MAC key.")
        guard let keyID, let key else { return nil }
        self.init(keyID: keyID, key: key)
    }
}
