/// The answer to a request that cannot be served: `{"Error":{"code":"BadRequest","message":"…"}}`.
///
/// Two replies have no place for it: `false` to a spawn request, and `"NoDroneAvailable"` to a schedule request. There the same document is in the NATS
/// header `Plane-Error`, which clients that do not know it ignore.
///
/// Plane 0.3.24 sends nothing in these cases, so no client relies on another shape. Its own clients fail to decode this at once instead of waiting for their
/// timeout.
package struct ErrorReply: Error, Hashable, JSONCodable, CustomStringConvertible {
    /// The kind of error, for programs. Any text is accepted, because a newer peer may know more codes.
    package struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        package let rawValue: String

        package init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// The request is invalid. The message names the key, what was expected and what was found.
        package static let badRequest = Code(rawValue: "BadRequest")
        /// The backend id has been used before.
        package static let backendExists = Code(rawValue: "BackendExists")
        /// The drone is being drained.
        package static let draining = Code(rawValue: "Draining")
        /// The drone runs as many backends as it is allowed to.
        package static let full = Code(rawValue: "Full")
        /// The operator's configuration forbids the request.
        package static let notPermitted = Code(rawValue: "NotPermitted")
        /// Another request holds the lock's announcement and did not finish in time.
        package static let lockBusy = Code(rawValue: "LockBusy")
        /// Something failed on the answering side; the same request may succeed later.
        package static let unavailable = Code(rawValue: "Unavailable")

        package var description: String { self.rawValue }
    }

    package var code: Code
    /// The explanation for people, in one sentence.
    package var message: String

    package init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    /// The name of the header with the reason of a refusal.
    package static let headerName = "Plane-Error"

    /// The header's value: JSON on one line in UTF-8, with line feeds in strings escaped.
    package var headerValue: String { String(decoding: WireCodec.encode(self), as: UTF8.self) }

    /// Parses a header's value; nil if it is no error reply, since the header is optional.
    package init?(headerValue: String) {
        do throws(MessageError) {
            self = try WireCodec.decode(ErrorReply.self, from: Array(headerValue.utf8))
        } catch {
            return nil
        }
    }

    package init(json: JSONNode) throws(MessageError) {
        let body: Body = try json.required("Error")
        self.init(code: Code(rawValue: body.code), message: body.message)
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.object("Error") {
                $0.field("code", self.code.rawValue)
                $0.field("message", self.message)
            }
        }
    }

    package var description: String { "\(self.code): \(self.message)" }

    private struct Body: JSONDecodable {
        let code: String
        let message: String

        init(json: JSONNode) throws(MessageError) {
            self.code = try json.required("code")
            self.message = try json.required("message")
        }
    }
}
