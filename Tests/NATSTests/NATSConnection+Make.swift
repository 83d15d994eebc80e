import Logging
import NATS
import NATSAddressing
import PlaneTestSupport

extension NATSConnection {
    /// Connects to a server of the test, in one attempt and without logging.
    static func make(
        _ server: NATSServer, authentication: NATSAuthentication = .none, url: String? = nil, logger: Logger = .silent,
        configure: (inout NATSOptions) -> Void = { _ in }
    ) async throws -> NATSConnection {
        var options = NATSOptions(
            servers: [url ?? server.url], authentication: authentication, name: "test", initialAttempts: 1)
        configure(&options)
        return try await NATSConnection.connect(options, logger: logger)
    }
}

extension Logger {
    /// Says nothing.
    static let silent = Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() }
}

extension AsyncSequence where Failure == Never {
    /// The next `count` elements, or fewer if the sequence ends before.
    func first(_ count: Int) async -> [Element] {
        var elements: [Element] = []
        guard count > 0 else { return elements }
        for await element in self {
            elements.append(element)
            if elements.count == count { break }
        }
        return elements
    }

    /// The first element for which `predicate` holds.
    func first(where predicate: (Element) -> Bool) async -> Element? {
        for await element in self where predicate(element) { return element }
        return nil
    }
}

extension String {
    /// As a payload.
    var bytes: [UInt8] { Array(self.utf8) }
}

extension NATSMessage {
    var text: String { String(decoding: self.payload, as: UTF8.self) }
}
