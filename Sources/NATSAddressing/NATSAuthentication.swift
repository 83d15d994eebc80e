/// How this process logs in to the server. Its description shows the method and never the secret.
package enum NATSAuthentication: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible {
    case none
    case userPassword(user: String, password: String)
    case token(String)
    /// Path of a `.creds` file (user JWT and NKey seed), read anew at every connection attempt.
    case credentialsFile(String)

    package var description: String {
        switch self {
        case .none: "none"
        case .userPassword(let user, _): "user \(user)"
        case .token: "token"
        case .credentialsFile(let path): "credentials file \(path)"
        }
    }

    package var debugDescription: String { self.description }
}

extension NATSAuthentication: CustomReflectable {
    /// Keeps `dump` and test failures from printing the secret.
    package var customMirror: Mirror { Mirror(self, children: ["method": self.description]) }
}
