/// A text that must not appear in logs, metrics or error messages: tokens, passwords, values of environment variables.
///
/// It is always printed as `<redacted>`. Only `exposed` gives the text, which is easy to search for.
package struct Secret: Hashable, JSONCodable, ExpressibleByStringLiteral, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    package static var expectation: String { "a string" }

    package let exposed: String

    package init(_ text: String) {
        self.exposed = text
    }

    package init(stringLiteral text: String) {
        self.exposed = text
    }

    package init(json: JSONNode) throws(MessageError) { self.exposed = try json.string() }

    package func write(to json: inout JSONWriter) { json.string(self.exposed) }

    package var description: String { "<redacted>" }
    package var debugDescription: String { "<redacted>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
