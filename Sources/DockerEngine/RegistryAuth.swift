import FoundationEssentials

/// Credentials for pulling from a registry. They are never printed.
package enum RegistryAuth: Hashable, Sendable {
    case usernamePassword(username: String, password: String)
    /// A token that the registry has given for an earlier login.
    case identityToken(String)

    /// The value of `X-Registry-Auth`: JSON in the URL-safe base64 alphabet, padded (RFC 4648 §5).
    func headerValue(serverAddress: String) throws -> String {
        var fields = ["serveraddress": serverAddress]
        switch self {
        case .usernamePassword(let username, let password):
            fields["username"] = username
            fields["password"] = password
        case .identityToken(let token):
            fields["identitytoken"] = token
        }
        return try JSONEncoder().encode(fields).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_")
    }
}

extension RegistryAuth: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String {
        switch self {
        case .usernamePassword: "user name and password <redacted>"
        case .identityToken: "identity token <redacted>"
        }
    }

    package var debugDescription: String { self.description }

    /// Hides the secrets from `dump` and from the string interpolation of a value that contains this one.
    package var customMirror: Mirror { Mirror(self, children: []) }
}
