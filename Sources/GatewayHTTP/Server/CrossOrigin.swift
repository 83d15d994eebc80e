import HTTPTypes

/// Allows pages of all sites to read what is meant for browsers (Fetch Standard, CORS protocol): everything below `/pub`, and nothing else.
enum CrossOrigin {
    /// - Parameter path: as in the request.
    static func applies(to path: String) -> Bool { path == "/pub" || path.hasPrefix("/pub/") }

    static func allow(_ reply: inout Reply) {
        reply.fields[.accessControlAllowOrigin] = "*"
        reply.fields[.vary] = "origin, access-control-request-method, access-control-request-headers"
    }

    /// The answer to the preflight request of a browser.
    static var preflight: Reply {
        var reply = Reply(status: 200)
        reply.fields[.accessControlAllowMethods] = "GET,POST"
        reply.fields[.accessControlAllowHeaders] = "content-type"
        return reply
    }
}
