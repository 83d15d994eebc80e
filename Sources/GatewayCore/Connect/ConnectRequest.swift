package import JSONValues
package import PlaneProtocol

/// A request `POST /ctrl/connect`: for the backend of a key, or for a new one.
package struct ConnectRequest: Hashable, Sendable {
    package var key: BackendKey?
    package var spawn: SpawnConfig?
    package var user: String?
    package var auth: [String: JSONValue] = [:]
    package var token = TokenRequest()
    /// Keys of the body that mean nothing.
    package var ignoredKeys: [String] = []

    /// The longest `user`, in bytes; it becomes one header.
    package static let maximumUserBytes = 8192
    /// The longest header, in bytes, that `auth` may become.
    package static let maximumAuthBytes = 16_384

    package init(key: BackendKey? = nil, spawn: SpawnConfig? = nil, user: String? = nil, auth: [String: JSONValue] = [:], token: TokenRequest = TokenRequest())
    {
        self.key = key
        self.spawn = spawn
        self.user = user
        self.auth = auth
        self.token = token
    }

    /// Reads a request's body.
    /// - Throws: 400 for a body that is not JSON, 422 for JSON of another shape.
    package init(body: [UInt8]) throws(GatewayError) {
        let document: JSONSyntax
        do throws(MessageError) {
            document = try WireCodec.decode(JSONSyntax.self, from: body)
        } catch {
            throw GatewayError(status: 400, text: "the body is not JSON: \(error)")
        }
        do throws(MessageError) {
            self = try ConnectRequest(json: document.node)
        } catch {
            throw .unprocessable(error)
        }
    }
}

/// Any JSON. It is parsed first, so that errors after that can only be about the shape.
package struct JSONSyntax: JSONDecodable {
    package let node: JSONNode
    package init(json: JSONNode) throws(MessageError) { self.node = json }
}

extension ConnectRequest: JSONDecodable {
    package init(json: JSONNode) throws(MessageError) {
        self.key = try json.optional("key", as: KeyDocument.self)?.key
        self.spawn = try json.optional("spawn_config")
        self.user = try json.optional("user")
        self.auth = try json.value("auth", default: [:])
        self.token = try json.optional("token") ?? TokenRequest()
        self.ignoredKeys = try Self.ignoredKeys(in: json)
        guard !self.token.isForKey || self.key != nil else {
            throw MessageError(path: [.key("token"), .key("for")], expected: "backend, where the request has no key", found: "key")
        }
        if let user = self.user {
            guard user.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                throw MessageError(path: [.key("user")], expected: "text without control characters", found: "one with some")
            }
            guard user.utf8.count <= Self.maximumUserBytes else {
                throw MessageError(path: [.key("user")], expected: "at most \(Self.maximumUserBytes) bytes", found: "\(user.utf8.count)")
            }
        }
        let length = VisitorData.header(of: self.auth).utf8.count
        guard length <= Self.maximumAuthBytes else {
            throw MessageError(
                path: [.key("auth")], expected: "JSON that takes at most \(Self.maximumAuthBytes) bytes of ASCII as a header", found: "\(length) bytes")
        }
    }

    /// The key in a request, whose optional texts may be absent but not `null`.
    private struct KeyDocument: JSONDecodable {
        let key: BackendKey

        init(json: JSONNode) throws(MessageError) {
            let name: String = try json.required("name")
            guard !name.isEmpty else {
                throw MessageError(path: [.key("name")], expected: "a name, or no key for none", found: "the empty text")
            }
            let namespace = try json.value("namespace", default: "")
            let tag = try json.value("tag", default: "")
            guard let key = BackendKey(namespace: namespace, name: name, tag: tag) else {
                throw MessageError(
                    expected:
                        "texts without NUL: namespace and name of some \(LockName.maximumBytes) bytes together, a tag of at most \(BackendKey.maximumTagBytes)",
                    found: "other ones")
            }
            self.key = key
        }
    }
}
