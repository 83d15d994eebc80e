package import NATS
import NATSAddressing
package import PlaneMessagingConfiguration
import PlaneProtocol

extension NATSConfiguration {
    /// What the NATS library needs to connect.
    /// - Parameters:
    ///   - name: of the service, shown by the server's monitoring.
    ///   - inboxPrefix: first tokens of the subjects on which answers arrive; permissions of the account may be bound to it.
    package func options(name: String, inboxPrefix: String) -> NATSOptions {
        let authentication: NATSAuthentication =
            switch self.authentication {
            case nil: .none
            case .token(let token): .token(token.exposed)
            case .userPassword(let username, let password): .userPassword(user: username, password: password.exposed)
            case .credentialsFile(let path): .credentialsFile(path)
            }
        var options = NATSOptions(
            servers: self.hosts, authentication: authentication, tls: self.tls?.options, name: name, inboxPrefix: inboxPrefix)
        options.repeatsRefused = true
        if let prefix = self.jetStreamPrefix { options.jetStreamPrefix = prefix }
        return options
    }
}

extension NATSConfiguration.TLS {
    fileprivate var options: NATSTLSOptions {
        var certificate: NATSTLSOptions.ClientCertificate?
        if let certPath = self.certPath, let keyPath = self.keyPath {
            certificate = NATSTLSOptions.ClientCertificate(chainFile: certPath, keyFile: keyPath)
        }
        return NATSTLSOptions(caFile: self.caPath, clientCertificate: certificate)
    }
}
