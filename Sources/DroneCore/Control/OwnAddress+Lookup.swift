import AsyncHTTPClient
package import DroneCoreConfiguration
package import NetworkAddresses
import NIOCore
import NIOHTTP1
import PlaneProtocol

extension OwnAddress {
    /// Why a lookup gave no address.
    package struct LookupError: Error, CustomStringConvertible {
        package let description: String
    }

    /// The time limit for a complete answer. The service only sends one line.
    private static let timeLimit = TimeAmount.seconds(5)
    private static let answerLimitBytes = 1024

    /// The address now. If it is looked up, it may be another one later.
    package func find() async throws(LookupError) -> IPAddress {
        switch self {
        case .literal(let address): return address
        case .lookup(let url): return try await Self.ask(url)
        }
    }

    private static func ask(_ url: String) async throws(LookupError) -> IPAddress {
        let text: String
        do {
            let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: self.timeLimit)
            guard response.status == .ok else { throw LookupError(description: "\(url) answered \(response.status.code)") }
            text = String(buffer: try await response.body.collect(upTo: self.answerLimitBytes))
        } catch let error as LookupError {
            throw error
        } catch {
            throw LookupError(description: "\(url): \(error)")
        }
        guard let address = self.address(in: text) else { throw LookupError(description: "\(url) did not answer with an address") }
        return address
    }

    /// The address in a text that contains nothing else but white space.
    static func address(in text: String) -> IPAddress? {
        guard let word = text.split(whereSeparator: \.isWhitespace).first, text.split(whereSeparator: \.isWhitespace).count == 1 else {
            return nil
        }
        return IPAddress(String(word))
    }
}
