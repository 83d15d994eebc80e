import GRDB

/// Why the drone's SQLite file could not be used: what was tried, what to do about it, and SQLite's own text as the cause.
///
/// Bound values (tokens, environments of backends) are never part of the description; GRDB leaves them out by default.
package struct StoreError: Error, CustomStringConvertible, Sendable {
    package enum Code: Sendable {
        /// Another connection held the write lock for longer than the busy timeout.
        case busy
        /// The path is not writable, its directory does not exist, or the disk is full.
        case notAccessible
        /// The file is not SQLite, or it is damaged.
        case notADatabase
        /// The schema is of a version that we do not know, or an upgrade was interrupted.
        case foreignSchema
        /// The caller's task was cancelled; nothing was written.
        case cancelled
        /// Any other error of SQLite.
        case failed
    }

    package var code: Code
    /// What was tried, such as "read the route of b-7f3".
    package var attempt: String
    package var hint: String?
    package var cause: (any Error)?

    /// Whether the same call may succeed in a moment without any change.
    package var isRetryable: Bool { self.code == .busy }

    package var description: String {
        var text = "could not \(self.attempt): \(self.code)"
        if let hint { text += " (\(hint))" }
        if let cause { text += ": \(cause)" }
        return text
    }

    init(_ code: Code, _ attempt: String, hint: String? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.attempt = attempt
        self.hint = hint
        self.cause = cause
    }

    /// Classifies an error of GRDB that occurred in `attempt`.
    init(_ attempt: String, cause: any Error) {
        switch cause {
        case let error as StoreError:
            self = error
        case let error as DatabaseError:
            self.init(attempt, sqlite: error)
        case is CancellationError:
            self.init(.cancelled, attempt)
        default:
            self.init(.failed, attempt, cause: cause)
        }
    }

    private init(_ attempt: String, sqlite error: DatabaseError) {
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(.busy, attempt, hint: "another process holds the file's write lock", cause: error)
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY, .SQLITE_IOERR, .SQLITE_FULL:
            self.init(
                .notAccessible, attempt,
                hint: """
                    check owner, mode and free space of the file and its directory; users that share the file need one group and a directory \
                    of mode 2770
                    """, cause: error)
        case .SQLITE_NOTADB, .SQLITE_CORRUPT:
            self.init(.notADatabase, attempt, hint: "is db_path the drone's SQLite file?", cause: error)
        case .SQLITE_INTERRUPT, .SQLITE_ABORT:
            self.init(.cancelled, attempt, cause: error)
        default:
            self.init(.failed, attempt, cause: error)
        }
    }
}
