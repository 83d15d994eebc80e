/// Why a command has no answer.
package struct RedisError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// There is no connection, and the last attempt to make one has failed.
        case unreachable
        /// The connection broke before the answer came, more than once.
        case disconnected
        /// No answer came in time. Whether the command was carried out is not known.
        case timedOut
        /// What came is no RESP.
        case malformed
        /// The server does not let us in, or does not have what we asked to use.
        case refused
        /// None of the sentinels knows a master of this name.
        case noMaster
        /// More commands wait for answers than may.
        case overloaded
        /// The client was closed.
        case closed
    }

    package var code: Code
    /// What was tried, with names of things, and never a password.
    package var detail: String

    package init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    package var description: String { self.detail }
}
