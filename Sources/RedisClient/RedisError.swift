/// Why a command has no answer.
package struct RedisError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// There is no connection, and the last attempt to make one has failed.
        case unreachable
        /// The connection broke before the answer came, more than once.
        case disconnected
        /// No answer came in time. Whether the command was carried out is not known.
        case timedOut
        /// The server has sent something that is not RESP.
        case malformed
        /// The server refuses the login, or does not have the database.
        case refused
        /// None of the sentinels knows a master of this name.
        case noMaster
        /// Too many commands wait for answers.
        case overloaded
        /// The client was closed.
        case closed
    }

    package var code: Code
    /// What was tried, with names but never with a password.
    package var detail: String

    package init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }

    package var description: String { self.detail }
}
