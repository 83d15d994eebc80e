/// Credentials for a registry.
package enum DockerCredentials: Hashable, Sendable {
    case usernamePassword(username: String, password: Secret)
    case identityToken(Secret)
}

extension DockerCredentials: JSONCodable {
    package static var expectation: String { "an object with either UsernamePassword or IdentityToken" }

    package init(json: JSONNode) throws(MessageError) {
        let (tag, value) = try json.variant(expectation: Self.expectation)
        do throws(MessageError) {
            switch tag {
            case "UsernamePassword":
                self = .usernamePassword(username: try value.required("username"), password: try value.required("password"))
            case "IdentityToken":
                self = .identityToken(try value.required("identity_token"))
            default:
                throw MessageError(expected: Self.expectation, found: MessageError.excerpt(tag))
            }
        } catch {
            throw error.inside(.key(tag))
        }
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            switch self {
            case .usernamePassword(let username, let password):
                $0.object("UsernamePassword") {
                    $0.field("username", username)
                    $0.field("password", password)
                }
            case .identityToken(let token):
                $0.object("IdentityToken") { $0.field("identity_token", token) }
            }
        }
    }
}
