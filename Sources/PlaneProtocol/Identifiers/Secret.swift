/// Text that must not be seen in logs, metrics or error messages: tokens, passwords, values of environment variables.
///
/// However it is printed, it prints as `<redacted>`; `exposed` is the one way to the text, and easy to search for.
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
